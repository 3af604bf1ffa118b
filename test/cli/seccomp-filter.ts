/**
 * A seccomp filter that refuses some of io_uring's three calls, for the whole process and for good. Main thread of a
 * process of its own.
 */
import { libc } from '../../src/sys/libc.js'
import { addressOf } from '../../src/sys/memory.js'

export const CALLS = { io_uring_setup: 425, io_uring_enter: 426, io_uring_register: 427 } as const
export type CallName = keyof typeof CALLS

const PR_SET_NO_NEW_PRIVS = 38
const SECCOMP_SET_MODE_FILTER = 1
const SECCOMP_FILTER_FLAG_TSYNC = 1
const NR_SECCOMP = process.arch === 'arm64' ? 277 : 317
const [LOAD_WORD, JUMP_IF_EQUAL, RETURN] = [0x20, 0x15, 0x06]
const [ALLOW, ERRNO] = [0x7fff_0000, 0x0005_0000]

/** Where struct seccomp_data has the low word of a call's first argument. */
const FIRST_ARGUMENT = 16

/**
 * Has these calls, and others by their numbers, answer with an errno; with `fd` those alone whose first argument it is.
 * False where no filter can be installed.
 */
export function refuse(
  calls: readonly CallName[],
  errno: number,
  others: readonly number[] = [],
  fd?: number,
): boolean {
  const refused = [...calls.map((call) => CALLS[call]), ...others]
  /** struct sock_filter: code, jump if true, jump if false, operand. The first loads the call's number. */
  const program: readonly (readonly [number, number, number, number])[] = [
    [LOAD_WORD, 0, 0, 0],
    ...refused.map((call, i) => [JUMP_IF_EQUAL, refused.length - i, 0, call] as const),
    [RETURN, 0, 0, ALLOW],
    ...(fd === undefined
      ? []
      : ([
          [LOAD_WORD, 0, 0, FIRST_ARGUMENT],
          [JUMP_IF_EQUAL, 1, 0, fd],
          [RETURN, 0, 0, ALLOW],
        ] as const)),
    [RETURN, 0, 0, ERRNO | errno],
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
  return libc('syscall')(NR_SECCOMP, SECCOMP_SET_MODE_FILTER, flags, addressOf(fprog), 0, 0, 0) === 0
}
