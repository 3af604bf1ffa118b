/**
 * Receiving on sockets. Runs on the app's thread; sqe.ts has the rules for every function.
 *
 * Counterpart: the io_uring_prep_recv* functions of liburing.
 */
import * as abi from '../../abi/constants.js'
import { FILE_INDEX, OP_FLAGS, prepRw, setIoprio } from './sqe.js'

/**
 * recv(2): up to `len` bytes to `addr`. `flags` are MSG_*.
 *
 * In ioprio (setIoprio): IORING_RECVSEND_POLL_FIRST waits for data before the first try (5.19); IORING_RECVSEND_BUNDLE
 * fills as many buffers of the group as there is data for (6.10). With IOSQE_BUFFER_SELECT `addr` is 0 and the buffer
 * comes from a group (setBufGroup).
 * Result: the bytes received, 0 when the peer sends no more; -ECONNRESET, -ENOTCONN, -ENOTSOCK, -EFAULT; -ENOBUFS when the
 * group is empty; -EAGAIN with MSG_DONTWAIT. IORING_CQE_F_SOCK_NONEMPTY says that there is more (5.19). A link is
 * broken by a short one only with MSG_WAITALL. Since Linux 5.6.
 */
export function prepRecv(
  words: Int32Array,
  at: number,
  sockfd: number,
  addr: number,
  len: number,
  flags: number,
): void {
  prepRw(words, at, abi.IORING_OP_RECV, sockfd, addr, len, 0)
  words[at + OP_FLAGS] = flags
}

/**
 * prepRecv time and again into buffers of a group, at most `len` bytes in all for one completion, or no limit for 0. Needs
 * IOSQE_BUFFER_SELECT, and `addr` 0.
 *
 * One completion with IORING_CQE_F_BUFFER and _MORE each time data comes, until one without MORE: at the end (0), at an
 * error, when the group is empty (-ENOBUFS), when it is cancelled, when the CQ has no room. -EINVAL without
 * BUFFER_SELECT or with MSG_WAITALL. Since Linux 6.0.
 */
export function prepRecvMultishot(
  words: Int32Array,
  at: number,
  sockfd: number,
  addr: number,
  len: number,
  flags: number,
): void {
  prepRecv(words, at, sockfd, addr, len, flags)
  setIoprio(words, at, abi.IORING_RECV_MULTISHOT)
}

/**
 * recvmsg(2): `msg` is the address of a MSGHDR, kept until the completion: the sizes of name and control data, and its
 * flags, are written to it.
 *
 * Result: as for prepRecv. Since Linux 5.3.
 */
export function prepRecvmsg(words: Int32Array, at: number, fd: number, msg: number, flags: number): void {
  prepRw(words, at, abi.IORING_OP_RECVMSG, fd, msg, 1, 0)
  words[at + OP_FLAGS] = flags
}

/**
 * prepRecvmsg time and again into buffers of a group: each begins with a RECVMSG_OUT (see recvmsgOut), then the name, the
 * control data and the payload. Of `msg` only msg_namelen and msg_controllen count: the room for those two.
 *
 * Ends as prepRecvMultishot does; -EFAULT for a buffer without room for them. Since Linux 6.0.
 */
export function prepRecvmsgMultishot(words: Int32Array, at: number, fd: number, msg: number, flags: number): void {
  prepRecvmsg(words, at, fd, msg, flags)
  setIoprio(words, at, abi.IORING_RECV_MULTISHOT)
}

/**
 * Receives into the memory of zero-copy queue `ifqIndex` (IORING_REGISTER_ZCRX_IFQ) time and again, at most `len` bytes in
 * all, or no limit for 0. For a ring with IORING_SETUP_CQE32 or _CQE_MIXED.
 *
 * Result: -EINVAL where there is no such queue. liburing has no function for it. Since Linux 6.15.
 */
export function prepRecvZc(words: Int32Array, at: number, sockfd: number, len: number, ifqIndex: number): void {
  prepRw(words, at, abi.IORING_OP_RECV_ZC, sockfd, 0, len, 0)
  setIoprio(words, at, abi.IORING_RECV_MULTISHOT)
  words[at + FILE_INDEX] = ifqIndex
}
