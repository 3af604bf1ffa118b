/**
 * Runs a command under a seccomp filter that refuses io_uring's three calls, as containers do, and others by their
 * numbers. A process of its own: `node seccomp.js ERRNO[:NR,NR…] COMMAND [ARG…]`; its exit status is the command's, or 77 where no filter can be installed.
 */
import { spawnSync } from 'node:child_process'
import { libc } from '../../src/sys/libc.js'
import { addressOf } from '../../src/sys/memory.js'

const NO_FILTER = 77
const PR_SET_NO_NEW_PRIVS = 38
const SECCOMP_SET_MODE_FILTER = 1
const SECCOMP_FILTER_FLAG_TSYNC = 1
const NR_SECCOMP = process.arch === 'arm64' ? 277 : 317
const [IO_URING_SETUP, IO_URING_ENTER, IO_URING_REGISTER] = [425, 426, 427]
const [LOAD_WORD, JUMP_IF_EQUAL, RETURN] = [0x20, 0x15, 0x06]
const [ALLOW, ERRNO] = [0x7fff_0000, 0x0005_0000]

const [how = '', command = '', ...args] = process.argv.slice(2)
const [errno, others = ''] = how.split(':')
const refused = [IO_URING_SETUP, IO_URING_ENTER, IO_URING_REGISTER, ...others.split(',').filter(Boolean).map(Number)]

/** struct sock_filter: code, jump if true, jump if false, operand. The operand of the load: where the call's number is. */
const program: readonly (readonly [number, number, number, number])[] = [
  [LOAD_WORD, 0, 0, 0],
  ...refused.map((call, i) => [JUMP_IF_EQUAL, refused.length - i, 0, call] as const),
  [RETURN, 0, 0, ALLOW],
  [RETURN, 0, 0, ERRNO | Number(errno)],
]

const filter = new DataView(new ArrayBuffer(program.length * 8))
for (const [i, [code, ifTrue, ifFalse, operand]] of program.entries()) {
  filter.setUint16(i * 8, code, true)
  filter.setUint8(i * 8 + 2, ifTrue)
  filter.setUint8(i * 8 + 3, ifFalse)
  filter.setUint32(i * 8 + 4, operand, true)
}
const fprog = new DataView(new ArrayBuffer(16))
fprog.setUint16(0, program.length, true)
fprog.setBigUint64(8, BigInt(addressOf(filter)), true)

libc('prctl')(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
const flags = SECCOMP_FILTER_FLAG_TSYNC
const res = libc('syscall')(NR_SECCOMP, SECCOMP_SET_MODE_FILTER, flags, addressOf(fprog), 0, 0, 0)
process.exitCode = res === 0 ? (spawnSync(command, args, { stdio: 'inherit' }).status ?? 1) : NO_FILTER
