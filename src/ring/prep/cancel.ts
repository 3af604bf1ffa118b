/**
 * Cancelling requests. Runs on the app's thread; sqe.ts says what holds for every function.
 *
 * Counterpart: the io_uring_prep_cancel* functions of liburing.
 */
import * as abi from '../../abi/constants.js'
import { ADDR, OP_FLAGS, prepRw } from './sqe.js'

/** Cancels the request whose user_data is (low, high). */
export function prepCancel64(words: Int32Array, at: number, low: number, high: number, flags = 0): void {
  prepRw(words, at, abi.IORING_OP_ASYNC_CANCEL, -1, 0, 0, 0)
  words[at + ADDR] = low
  words[at + ADDR + 1] = high
  words[at + OP_FLAGS] = flags
}
