/**
 * Runs a command under a seccomp filter that refuses io_uring's three calls, as containers do, or some of them, and others
 * by their numbers. A process of its own: `node seccomp.js [CALL,…=]ERRNO[:NR,NR…] COMMAND [ARG…]`; its exit status is the
 * command's, or 77 where no filter can be installed.
 */
import { F_SETFD } from '../../src/abi/calls.js'
import { ffi } from '../../src/sys/ffi.js'
import { libc } from '../../src/sys/libc.js'
import { addressOf } from '../../src/sys/memory.js'
import { CALLS, type CallName, refuse } from './seccomp-filter.js'

const NO_FILTER = 77

const [how = '', command = '', ...args] = process.argv.slice(2)
const [, names, errno, others = ''] = /^(?:(.*)=)?(\d+)(?::(.*))?$/.exec(how)!
const calls = (names?.split(',') ?? Object.keys(CALLS)) as CallName[]
const isInstalled = refuse(calls, Number(errno), others.split(',').filter(Boolean).map(Number))
if (!isInstalled) process.exit(NO_FILTER)

// In place of this process: from Node 22 on its event loop has a ring of libuv's, which aborts when it is refused.
const strings = [command, ...args].map((one) => Buffer.from(`${one}\0`))
const argv = new BigUint64Array(strings.length + 1)
for (const [i, one] of strings.entries()) argv[i] = BigInt(addressOf(one))
// Node has them closed on exec.
for (const fd of [0, 1, 2]) libc('fcntl')(fd, F_SETFD, 0)
ffi().func('execvp', 'int', ['long', 'long'])?.(addressOf(strings[0]!), addressOf(argv))
process.exit(1)
