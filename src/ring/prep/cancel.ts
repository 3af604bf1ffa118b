/**
 * Cancelling requests. Runs on the app's thread; sqe.ts has the rules for every function.
 *
 * Counterpart: the io_uring_prep_cancel* functions of liburing.
 */
import * as abi from '../../abi/constants.js'
import { ADDR, FD, LEN, OP_FLAGS, prepRw, put64 } from './sqe.js'

/**
 * Cancels the request whose user_data is `userData`, a number. prepCancel64 takes all 64 bits, and says the rest.
 */
export function prepCancel(words: Int32Array, at: number, userData: number, flags = 0): void {
  prepCancel64(words, at, 0, 0, flags)
  put64(words, at + ADDR, userData)
}

/**
 * Cancels the request whose user_data is (low, high), which then completes with -ECANCELED, or as its worker ends it.
 *
 * `flags`: IORING_ASYNC_CANCEL_ALL for all that match (5.19); _ANY for whatever the ring has (5.19); _FD, _OP for the
 * other keys, with _USERDATA if that one is to match too (6.6).
 * Result: 0 when it was cancelled, 1 for a wait for futexes or children; -ENOENT when there is none; -EALREADY when it is
 * running, was interrupted, and completes by itself. With ALL or ANY 0 or more, never -ENOENT: do not count on the number.
 * -EINVAL for flags that do not go together; -EBADF for a bad fd. Since Linux 5.5.
 */
export function prepCancel64(words: Int32Array, at: number, low: number, high: number, flags = 0): void {
  prepRw(words, at, abi.IORING_OP_ASYNC_CANCEL, -1, 0, 0, 0)
  words[at + ADDR] = low
  words[at + ADDR + 1] = high
  words[at + OP_FLAGS] = flags
}

/**
 * Cancels by file: the requests on `fd`, or on that slot with IORING_ASYNC_CANCEL_FD_FIXED (6.0). Since Linux 5.19.
 */
export function prepCancelFd(words: Int32Array, at: number, fd: number, flags = 0): void {
  prepCancel64(words, at, 0, 0, flags | abi.IORING_ASYNC_CANCEL_FD)
  words[at + FD] = fd
}

/**
 * Cancels by file and user_data: of the requests on `fd` the one whose user_data is (low, high), or all such with
 * IORING_ASYNC_CANCEL_ALL. liburing has no function for it. Since Linux 6.6.
 */
export function prepCancelFdUserData(
  words: Int32Array,
  at: number,
  fd: number,
  low: number,
  high = 0,
  flags = 0,
): void {
  const keys = abi.IORING_ASYNC_CANCEL_FD | abi.IORING_ASYNC_CANCEL_USERDATA
  prepCancel64(words, at, low, high, flags | keys)
  words[at + FD] = fd
}

/**
 * Cancels by operation: the requests of `opcode`, IORING_OP_*. liburing has no function for it. Since Linux 6.6.
 */
export function prepCancelOp(words: Int32Array, at: number, opcode: number, flags = 0): void {
  prepCancel64(words, at, 0, 0, flags | abi.IORING_ASYNC_CANCEL_OP)
  words[at + LEN] = opcode
}
