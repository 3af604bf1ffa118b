/**
 * Sending on sockets. Runs on the app's thread; sqe.ts has the rules for every function.
 *
 * Counterpart: the io_uring_prep_send* functions of liburing.
 */
import * as abi from '../../abi/constants.js'
import { checkSqe, FILE_INDEX, OFF, OP_FLAGS, prepRw, put64, setBufIndex, setIoprio } from './sqe.js'

/**
 * send(2): `len` bytes at `addr`. `flags` are MSG_*.
 *
 * In ioprio (setIoprio): IORING_RECVSEND_POLL_FIRST waits for room before the first try (5.19), IORING_SEND_VECTORIZED
 * takes `len` iovecs at `addr` (6.17). With IOSQE_BUFFER_SELECT the data comes from a group (6.10).
 * Result: the bytes sent, which may be fewer without MSG_WAITALL; -EPIPE, -ECONNRESET, -ENOTCONN, -EMSGSIZE, -ENOTSOCK,
 * -EFAULT; -EAGAIN with MSG_DONTWAIT. A link is broken by a short one only with MSG_WAITALL. Since Linux 5.6.
 */
export function prepSend(
  words: Int32Array,
  at: number,
  sockfd: number,
  addr: number,
  len: number,
  flags: number,
): void {
  prepRw(words, at, abi.IORING_OP_SEND, sockfd, addr, len, 0)
  words[at + OP_FLAGS] = flags
}

/**
 * Sends buffers of the group (setBufGroup, IOSQE_BUFFER_SELECT) one after another, as many as fill `len` bytes, or all of
 * them for 0. IORING_FEAT_RECVSEND_BUNDLE says that it is there.
 *
 * Result: the bytes sent; the CQE names the first buffer, the others follow it in the order they were given. Since Linux
 * 6.10.
 */
export function prepSendBundle(words: Int32Array, at: number, sockfd: number, len: number, flags: number): void {
  prepSend(words, at, sockfd, 0, len, flags)
  setIoprio(words, at, abi.IORING_RECVSEND_BUNDLE)
}

/** sendto(2): prepSend to a socket address of `addrLen` bytes at `dest`. Since Linux 6.1. */
export function prepSendto(
  words: Int32Array,
  at: number,
  sockfd: number,
  addr: number,
  len: number,
  flags: number,
  dest: number,
  addrLen: number,
): void {
  prepSend(words, at, sockfd, addr, len, flags)
  prepSendSetAddr(words, at, dest, addrLen)
}

/** Adds to prepSend or prepSendZc where to: `addrLen` bytes at `dest`, read before submit returns. */
export function prepSendSetAddr(words: Int32Array, at: number, dest: number, addrLen: number): void {
  checkSqe(words, at)
  put64(words, at + OFF, dest)
  words[at + FILE_INDEX] = addrLen & 0xffff
}

/**
 * prepSend without a copy where the network device can. Two completions: the result with IORING_CQE_F_MORE, and later one
 * with IORING_CQE_F_NOTIF, before which the data must not change. Without MORE there is no second.
 *
 * `zcFlags` are IORING_RECVSEND_* and IORING_SEND_ZC_REPORT_USAGE, by which the notification's res tells whether data was
 * copied after all (IORING_NOTIF_USAGE_ZC_COPIED, 6.2). On loopback it always is.
 * Result: as for prepSend; -EOPNOTSUPP where the protocol cannot. Since Linux 6.0.
 */
export function prepSendZc(
  words: Int32Array,
  at: number,
  sockfd: number,
  addr: number,
  len: number,
  flags: number,
  zcFlags: number,
): void {
  prepRw(words, at, abi.IORING_OP_SEND_ZC, sockfd, addr, len, 0)
  words[at + OP_FLAGS] = flags
  setIoprio(words, at, zcFlags)
}

/** prepSendZc from registered buffer `bufIndex`: -EFAULT for a range outside it. Since Linux 6.0. */
export function prepSendZcFixed(
  words: Int32Array,
  at: number,
  sockfd: number,
  addr: number,
  len: number,
  flags: number,
  zcFlags: number,
  bufIndex: number,
): void {
  prepSendZc(words, at, sockfd, addr, len, flags, zcFlags | abi.IORING_RECVSEND_FIXED_BUF)
  setBufIndex(words, at, bufIndex)
}

/**
 * sendmsg(2): `msg` is the address of a MSGHDR; it and what it points to, except data, are read before submit returns.
 *
 * Result: as for prepSend. Since Linux 5.3.
 */
export function prepSendmsg(words: Int32Array, at: number, fd: number, msg: number, flags: number): void {
  prepRw(words, at, abi.IORING_OP_SENDMSG, fd, msg, 1, 0)
  words[at + OP_FLAGS] = flags
}

/** prepSendmsg with the two completions of prepSendZc. Since Linux 6.1. */
export function prepSendmsgZc(words: Int32Array, at: number, fd: number, msg: number, flags: number): void {
  prepRw(words, at, abi.IORING_OP_SENDMSG_ZC, fd, msg, 1, 0)
  words[at + OP_FLAGS] = flags
}

/** prepSendmsgZc whose iovecs lie in registered buffer `bufIndex`. Since Linux 6.15. */
export function prepSendmsgZcFixed(
  words: Int32Array,
  at: number,
  fd: number,
  msg: number,
  flags: number,
  bufIndex: number,
): void {
  prepSendmsgZc(words, at, fd, msg, flags)
  setIoprio(words, at, abi.IORING_RECVSEND_FIXED_BUF)
  setBufIndex(words, at, bufIndex)
}
