/**
 * Sockets: making and connecting them, and what they are asked. Runs on the app's thread; sqe.ts says what holds for
 * every function.
 *
 * Counterpart: io_uring_prep_socket*, _bind, _listen, _accept*, _connect, _shutdown and _cmd_sock of liburing.
 */
import * as abi from '../../abi/constants.js'
import { ADDR, ADDR3, FILE_INDEX, OP_FLAGS, prepRw, put64, setDirect, setIoprio } from './sqe.js'

/**
 * socket(2): AF_*, SOCK_* (with SOCK_CLOEXEC, SOCK_NONBLOCK), protocol. `flags` must be 0.
 *
 * Result: an fd; -EAFNOSUPPORT, -EPROTONOSUPPORT, -EINVAL, -EMFILE. Since Linux 5.19.
 */
export function prepSocket(
  words: Int32Array,
  at: number,
  domain: number,
  type: number,
  protocol: number,
  flags = 0,
): void {
  prepRw(words, at, abi.IORING_OP_SOCKET, domain, 0, protocol, type)
  words[at + OP_FLAGS] = flags
}

/**
 * socket(2) into the table of registered files: slot `fileIndex`, or a free one for IORING_FILE_INDEX_ALLOC.
 *
 * Result: 0, or the slot that was chosen; -EINVAL for SOCK_CLOEXEC; the others as for prepOpenatDirect. Since Linux 5.19.
 */
export function prepSocketDirect(
  words: Int32Array,
  at: number,
  domain: number,
  type: number,
  protocol: number,
  fileIndex: number,
  flags = 0,
): void {
  prepSocket(words, at, domain, type, protocol, flags)
  setDirect(words, at, fileIndex)
}

/**
 * bind(2): `addr` is the address of a SOCKADDR_IN, _IN6 or _UN of `addrLen` bytes, read before submit returns.
 *
 * Result: 0; -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -EINVAL, -EFAULT. Since Linux 6.11.
 */
export function prepBind(words: Int32Array, at: number, fd: number, addr: number, addrLen: number): void {
  prepRw(words, at, abi.IORING_OP_BIND, fd, addr, 0, addrLen)
}

/** listen(2). Result: 0; -EADDRINUSE, -EOPNOTSUPP, -ENOTSOCK. Since Linux 6.11. */
export function prepListen(words: Int32Array, at: number, fd: number, backlog: number): void {
  prepRw(words, at, abi.IORING_OP_LISTEN, fd, 0, backlog, 0)
}

/**
 * accept4(2): the peer's address goes to `addr`, and `addrLen` is the address of an s32 that says how much room there is,
 * then how much it took; both may be 0. `flags`: SOCK_CLOEXEC, SOCK_NONBLOCK.
 *
 * In ioprio (setIoprio): IORING_ACCEPT_POLL_FIRST skips the first try, IORING_ACCEPT_DONTWAIT answers -EAGAIN at once
 * (both 6.10). Result: an fd; -EINVAL where nobody listens; -ENOTSOCK, -EMFILE, -ECANCELED. Since Linux 5.5.
 */
export function prepAccept(
  words: Int32Array,
  at: number,
  fd: number,
  addr: number,
  addrLen: number,
  flags: number,
): void {
  prepRw(words, at, abi.IORING_OP_ACCEPT, fd, addr, 0, addrLen)
  words[at + OP_FLAGS] = flags
}

/** prepAccept into the table of registered files; as prepOpenatDirect. Since Linux 5.15. */
export function prepAcceptDirect(
  words: Int32Array,
  at: number,
  fd: number,
  addr: number,
  addrLen: number,
  flags: number,
  fileIndex: number,
): void {
  prepAccept(words, at, fd, addr, addrLen, flags)
  setDirect(words, at, fileIndex)
}

/**
 * prepAccept time and again: one completion with IORING_CQE_F_MORE for each connection, until one without it. With
 * IORING_CQE_F_SOCK_NONEMPTY others wait to be accepted.
 *
 * All of them write their peer to the same `addr`, so 0 is the useful one. It ends at an error, when it is cancelled and
 * when the CQ has no room. Since Linux 5.19.
 */
export function prepMultishotAccept(
  words: Int32Array,
  at: number,
  fd: number,
  addr: number,
  addrLen: number,
  flags: number,
): void {
  prepAccept(words, at, fd, addr, addrLen, flags)
  setIoprio(words, at, abi.IORING_ACCEPT_MULTISHOT)
}

/** prepMultishotAccept into free slots of the registered files: the results are slots. Since Linux 5.19. */
export function prepMultishotAcceptDirect(
  words: Int32Array,
  at: number,
  fd: number,
  addr: number,
  addrLen: number,
  flags: number,
): void {
  prepMultishotAccept(words, at, fd, addr, addrLen, flags)
  setDirect(words, at, abi.IORING_FILE_INDEX_ALLOC)
}

/**
 * connect(2): `addr` as for prepBind.
 *
 * Result: 0; -ECONNREFUSED, -ENETUNREACH, -ETIMEDOUT, -EISCONN, -EAFNOSUPPORT, -ENOENT for a path without a socket. Since
 * Linux 5.5.
 */
export function prepConnect(words: Int32Array, at: number, fd: number, addr: number, addrLen: number): void {
  prepRw(words, at, abi.IORING_OP_CONNECT, fd, addr, 0, addrLen)
}

/** shutdown(2): `how` is SHUT_RD, SHUT_WR or SHUT_RDWR. Result: 0; -ENOTCONN, -ENOTSOCK, -EINVAL. Since Linux 5.11. */
export function prepShutdown(words: Int32Array, at: number, fd: number, how: number): void {
  prepRw(words, at, abi.IORING_OP_SHUTDOWN, fd, 0, how, 0)
}

/** A command for the file behind `fd`, whose meaning its driver gives. Since Linux 5.19. */
export function prepUringCmd(words: Int32Array, at: number, cmdOp: number, fd: number): void {
  prepRw(words, at, abi.IORING_OP_URING_CMD, fd, 0, 0, cmdOp)
}

/**
 * A command for a socket: SOCKET_URING_OP_SIOCINQ and _SIOCOUTQ (bytes to be read, bytes not yet sent: the result),
 * _GETSOCKOPT and _SETSOCKOPT (`level`, `optname`, and `optlen` bytes at `optval`, kept until the completion).
 *
 * Result: of GETSOCKOPT the size of the value, of SETSOCKOPT 0; -EOPNOTSUPP for a GETSOCKOPT of another level than
 * SOL_SOCKET, for unknown commands, and for what is no socket; -ENOPROTOOPT, -EINVAL, -EFAULT. Since Linux 6.7.
 */
export function prepCmdSock(
  words: Int32Array,
  at: number,
  cmdOp: number,
  fd: number,
  level: number,
  optname: number,
  optval: number,
  optlen: number,
): void {
  prepUringCmd(words, at, cmdOp, fd)
  words[at + ADDR] = level
  words[at + ADDR + 1] = optname
  put64(words, at + ADDR3, optval)
  words[at + FILE_INDEX] = optlen
}

/**
 * getsockname(2), or getpeername(2) with `peer` 1: the name is written at `addr`; `addrLen` as for prepAccept.
 *
 * Result: 0; -EOPNOTSUPP before Linux 6.19, -ENOTCONN, -EFAULT.
 */
export function prepCmdGetsockname(
  words: Int32Array,
  at: number,
  fd: number,
  addr: number,
  addrLen: number,
  peer: number,
): void {
  prepUringCmd(words, at, abi.SOCKET_URING_OP_GETSOCKNAME, fd)
  put64(words, at + ADDR, addr)
  put64(words, at + ADDR3, addrLen)
  words[at + FILE_INDEX] = peer
}
