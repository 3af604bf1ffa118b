/**
 * Runs a command under a seccomp filter that refuses io_uring's three calls, as containers do, or some of them, and others
 * by their numbers. A process of its own: `node seccomp.js [CALL,…=]ERRNO[:NR,NR…] COMMAND [ARG…]`; its exit status is the
 * command's, or 77 where no filter can be installed.
 */
import { spawnSync } from 'node:child_process'
import { CALLS, type CallName, refuse } from './seccomp-filter.js'

const NO_FILTER = 77

const [how = '', command = '', ...args] = process.argv.slice(2)
const [, names, errno, others = ''] = /^(?:(.*)=)?(\d+)(?::(.*))?$/.exec(how)!
const calls = (names?.split(',') ?? Object.keys(CALLS)) as CallName[]
const isInstalled = refuse(calls, Number(errno), others.split(',').filter(Boolean).map(Number))
process.exitCode = isInstalled ? (spawnSync(command, args, { stdio: 'inherit' }).status ?? 1) : NO_FILTER
