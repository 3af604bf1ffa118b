/**
 * Messages from one ring to another. Runs on the app's thread; sqe.ts has the rules for every function.
 *
 * Counterpart: the io_uring_prep_msg_ring* functions of liburing.
 */
import * as abi from '../../abi/constants.js'
import { ADDR3, FILE_INDEX, OFF, OP_FLAGS, prepRw, put64, setDirect } from './sqe.js'

/**
 * Posts a completion to the ring behind `fd`, of any thread or process: user_data (low, high), res `len`, flags 0.
 *
 * Result, on the sender's ring: 0, also when the target's CQ was full and the completion overflowed; -EBADF, -EBADFD where
 * it is no ring or a disabled one; -EINVAL for unknown flags; -EOVERFLOW without memory. Since Linux 5.18.
 */
export function prepMsgRing(
  words: Int32Array,
  at: number,
  fd: number,
  len: number,
  low: number,
  high: number,
  flags = 0,
): void {
  prepRw(words, at, abi.IORING_OP_MSG_RING, fd, 0, len, 0)
  words[at + OFF] = low
  words[at + OFF + 1] = high
  words[at + OP_FLAGS] = flags
}

/** prepMsgRing whose completion has `cqeFlags`. Since Linux 6.3. */
export function prepMsgRingCqeFlags(
  words: Int32Array,
  at: number,
  fd: number,
  len: number,
  low: number,
  high: number,
  flags: number,
  cqeFlags: number,
): void {
  prepMsgRing(words, at, fd, len, low, high, flags | abi.IORING_MSG_RING_FLAGS_PASS)
  words[at + FILE_INDEX] = cqeFlags
}

/**
 * Puts registered file `sourceSlot` of this ring into slot `targetSlot` of the ring behind `fd`, and posts user_data
 * (low, high) with res 0 there, unless IORING_MSG_RING_CQE_SKIP says not to.
 *
 * Result, on the sender's ring: 0, or the slot for IORING_FILE_INDEX_ALLOC; -EBADF for an empty source slot; -EINVAL
 * for the ring itself and for a slot outside; -ENXIO where the target has no table; -ENFILE where it is full; -EBADFD,
 * -EOVERFLOW as for prepMsgRing. Since Linux 6.0.
 */
export function prepMsgRingFd(
  words: Int32Array,
  at: number,
  fd: number,
  sourceSlot: number,
  targetSlot: number,
  low: number,
  high: number,
  flags = 0,
): void {
  prepRw(words, at, abi.IORING_OP_MSG_RING, fd, abi.IORING_MSG_SEND_FD, 0, 0)
  words[at + OFF] = low
  words[at + OFF + 1] = high
  put64(words, at + ADDR3, sourceSlot)
  setDirect(words, at, targetSlot)
  words[at + OP_FLAGS] = flags
}

/** prepMsgRingFd into a slot that the target chooses: the sender's result, and res of the completion posted there. */
export function prepMsgRingFdAlloc(
  words: Int32Array,
  at: number,
  fd: number,
  sourceSlot: number,
  low: number,
  high: number,
  flags = 0,
): void {
  prepMsgRingFd(words, at, fd, sourceSlot, abi.IORING_FILE_INDEX_ALLOC, low, high, flags)
}
