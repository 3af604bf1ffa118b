/**
 * Timers, alone and on the request before them. Runs on the app's thread; sqe.ts has the rules for every function.
 *
 * Counterpart: io_uring_prep_timeout*, io_uring_prep_link_timeout of liburing.
 */
import * as abi from '../../abi/constants.js'
import { ADDR, OP_FLAGS, prepRw } from './sqe.js'

/**
 * Completes when a time has passed, or when `count` other completions were posted, whichever is first.
 *
 * `ts` is the address of a KERNEL_TIMESPEC, read before submit returns: a duration, or with IORING_TIMEOUT_ABS a point in
 * time. The clock is CLOCK_MONOTONIC, or what IORING_TIMEOUT_BOOTTIME or _REALTIME say (5.15). `count` 0 waits for the
 * time alone; with IORING_TIMEOUT_MULTISHOT (6.4) it is the number of expiries, 0 for no end, and each but the last has
 * IORING_CQE_F_MORE.
 *
 * Result: -ETIME when the time passed, which breaks a link unless IORING_TIMEOUT_ETIME_SUCCESS is set (5.16); 0 when
 * `count` completions were posted; -ECANCELED when it was removed or cancelled; -EINVAL for two clocks, for MULTISHOT with
 * ABS, for a negative time or unknown flags; -EFAULT for a bad address. Since Linux 5.4.
 */
export function prepTimeout(words: Int32Array, at: number, ts: number, count: number, timeoutFlags = 0): void {
  prepRw(words, at, abi.IORING_OP_TIMEOUT, -1, ts, 1, count)
  words[at + OP_FLAGS] = timeoutFlags
}

/**
 * Removes the timeout whose user_data is (low, high); that one then completes with -ECANCELED. `timeoutFlags` must be 0.
 *
 * Result: 0; -ENOENT when there is none; -EALREADY when it is expiring; -EINVAL for any flag. Since Linux 5.5.
 */
export function prepTimeoutRemove(words: Int32Array, at: number, low: number, high: number, timeoutFlags = 0): void {
  prepRw(words, at, abi.IORING_OP_TIMEOUT_REMOVE, -1, 0, 0, 0)
  words[at + ADDR] = low
  words[at + ADDR + 1] = high
  words[at + OP_FLAGS] = timeoutFlags
}

/**
 * Gives the timeout whose user_data is (low, high) a new time, `ts`. It keeps its clock and loses its count.
 *
 * `timeoutFlags`: IORING_TIMEOUT_ABS, and IORING_LINK_TIMEOUT_UPDATE when it is a linked one (5.15).
 * Result: 0; -ENOENT when there is none; -EALREADY when it is expiring; -EINVAL, -EFAULT as for prepTimeout. Since Linux
 * 5.11.
 */
export function prepTimeoutUpdate(
  words: Int32Array,
  at: number,
  ts: number,
  low: number,
  high: number,
  timeoutFlags = 0,
): void {
  prepRw(words, at, abi.IORING_OP_TIMEOUT_REMOVE, -1, 0, 0, ts)
  words[at + ADDR] = low
  words[at + ADDR + 1] = high
  words[at + OP_FLAGS] = timeoutFlags | abi.IORING_TIMEOUT_UPDATE
}

/**
 * Limits the time of the request before it, which must have IOSQE_IO_LINK or _HARDLINK: the request is cancelled when
 * the time is up.
 *
 * `ts` and `timeoutFlags` as for prepTimeout, without count and MULTISHOT.
 * Result: -ETIME when it cancelled the request, or found it gone; -ECANCELED when the request completed first; -ENOENT or
 * -EALREADY when the cancel failed so; -EINVAL where no linked request is before it. Since Linux 5.5.
 */
export function prepLinkTimeout(words: Int32Array, at: number, ts: number, timeoutFlags = 0): void {
  prepRw(words, at, abi.IORING_OP_LINK_TIMEOUT, -1, ts, 1, 0)
  words[at + OP_FLAGS] = timeoutFlags
}
