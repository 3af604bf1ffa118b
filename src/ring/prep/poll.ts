/**
 * Waiting until a file is ready. Runs on the app's thread; sqe.ts has the rules for every function.
 *
 * Counterpart: the io_uring_prep_poll_* functions of liburing.
 */
import * as abi from '../../abi/constants.js'
import { ADDR, LEN, OFF, OP_FLAGS, prepRw } from './sqe.js'

/**
 * poll(2) of one file, once: completes when one of the events of `pollMask` (POLLIN, POLLOUT, …) is there.
 *
 * Result: the events that are, POLLERR and POLLHUP among them whether asked for or not; -ECANCELED when it was removed or
 * cancelled; -EBADF. Since Linux 5.1, all 32 bits of the mask since 5.9.
 */
export function prepPollAdd(words: Int32Array, at: number, fd: number, pollMask: number): void {
  prepRw(words, at, abi.IORING_OP_POLL_ADD, fd, 0, 0, 0)
  words[at + OP_FLAGS] = pollMask
}

/**
 * The same, time and again: one completion with IORING_CQE_F_MORE each time an event comes, until one without it.
 *
 * A wake-up is one completion, however many events it had. It ends when it is removed, at an error, and when the CQ has no
 * room. Since Linux 5.13.
 */
export function prepPollMultishot(words: Int32Array, at: number, fd: number, pollMask: number): void {
  prepPollAdd(words, at, fd, pollMask)
  words[at + LEN] = abi.IORING_POLL_ADD_MULTI
}

/**
 * Removes the poll whose user_data is (low, high); that one then completes with -ECANCELED.
 *
 * Result: 0; -ENOENT when there is no such poll; -EALREADY when it is completing. Since Linux 5.1.
 */
export function prepPollRemove(words: Int32Array, at: number, low: number, high: number): void {
  prepRw(words, at, abi.IORING_OP_POLL_REMOVE, -1, 0, 0, 0)
  words[at + ADDR] = low
  words[at + ADDR + 1] = high
}

/**
 * Changes a waiting poll: its events with IORING_POLL_UPDATE_EVENTS, its user_data with IORING_POLL_UPDATE_USER_DATA.
 *
 * What the flags do not name is not looked at, and must be 0 for the user_data. With IORING_POLL_ADD_MULTI beside
 * UPDATE_EVENTS it becomes a multishot one.
 * Result: as for prepPollRemove; -EINVAL for flags that do not go together. Since Linux 5.13.
 */
export function prepPollUpdate(
  words: Int32Array,
  at: number,
  oldLow: number,
  oldHigh: number,
  newLow: number,
  newHigh: number,
  pollMask: number,
  flags: number,
): void {
  prepRw(words, at, abi.IORING_OP_POLL_REMOVE, -1, 0, flags, 0)
  words[at + OFF] = newLow
  words[at + OFF + 1] = newHigh
  words[at + ADDR] = oldLow
  words[at + ADDR + 1] = oldHigh
  words[at + OP_FLAGS] = pollMask
}
