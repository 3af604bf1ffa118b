/**
 * The operation that does nothing. Runs on the app's thread; sqe.ts has the rules for every function.
 *
 * Counterpart: io_uring_prep_nop of liburing.
 */
import * as abi from '../../abi/constants.js'
import { OP_FLAGS, prepRw } from './sqe.js'

/** Does nothing. With IORING_NOP_INJECT_RESULT its result is `len`. */
export function prepNop(words: Int32Array, at: number, nopFlags = 0, len = 0): void {
  prepRw(words, at, abi.IORING_OP_NOP, -1, 0, len, 0)
  words[at + OP_FLAGS] = nopFlags
}
