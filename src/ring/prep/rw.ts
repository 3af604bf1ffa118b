/**
 * Reading and writing files. Runs on the app's thread; sqe.ts has the rules for every function.
 *
 * Counterpart: the io_uring_prep_read* and _write* functions of liburing.
 */
import * as abi from '../../abi/constants.js'
import { OP_FLAGS, prepRw, setBufGroup, setBufIndex, setFlags } from './sqe.js'

/**
 * read(2), pread(2): up to `nbytes` to `addr` from `off` on; -1 reads at the file's own position, and moves it.
 *
 * With IOSQE_BUFFER_SELECT `addr` is 0 and the buffer comes from a group (setBufGroup).
 * Result: the bytes read, 0 at the end of the file; -EBADF, -EFAULT, -EIO, -EISDIR as read(2); -EAGAIN only with
 * RWF_NOWAIT; -ENOBUFS when the group is empty. A short one breaks a link. Since Linux 5.6.
 */
export function prepRead(words: Int32Array, at: number, fd: number, addr: number, nbytes: number, off: number): void {
  prepRw(words, at, abi.IORING_OP_READ, fd, addr, nbytes, off)
}

/**
 * write(2), pwrite(2): `nbytes` from `addr` to `off`; -1 writes at the file's own position, and moves it.
 *
 * Result: the bytes written; -EBADF, -EFAULT, -EFBIG, -ENOSPC, -EPIPE as write(2). A short one breaks a link. Since Linux
 * 5.6.
 */
export function prepWrite(words: Int32Array, at: number, fd: number, addr: number, nbytes: number, off: number): void {
  prepRw(words, at, abi.IORING_OP_WRITE, fd, addr, nbytes, off)
}

/**
 * readv(2), preadv2(2): `nrVecs` IOVECs at `iovecs`, read before submit returns; `rwFlags` are RWF_*.
 *
 * Also liburing's io_uring_prep_readv2. Result as for prepRead; -EINVAL for more than 1024 iovecs. Since Linux 5.1.
 */
export function prepReadv(
  words: Int32Array,
  at: number,
  fd: number,
  iovecs: number,
  nrVecs: number,
  off: number,
  rwFlags = 0,
): void {
  prepRw(words, at, abi.IORING_OP_READV, fd, iovecs, nrVecs, off)
  words[at + OP_FLAGS] = rwFlags
}

/** writev(2), pwritev2(2): the same to write. Also liburing's io_uring_prep_writev2. Since Linux 5.1. */
export function prepWritev(
  words: Int32Array,
  at: number,
  fd: number,
  iovecs: number,
  nrVecs: number,
  off: number,
  rwFlags = 0,
): void {
  prepRw(words, at, abi.IORING_OP_WRITEV, fd, iovecs, nrVecs, off)
  words[at + OP_FLAGS] = rwFlags
}

/**
 * Reads into registered buffer `bufIndex`: `addr` and `nbytes` lie inside it.
 *
 * Result: as for prepRead; -EFAULT for an index without a buffer and for a range that is not inside it. Since Linux 5.1.
 */
export function prepReadFixed(
  words: Int32Array,
  at: number,
  fd: number,
  addr: number,
  nbytes: number,
  off: number,
  bufIndex: number,
): void {
  prepRw(words, at, abi.IORING_OP_READ_FIXED, fd, addr, nbytes, off)
  setBufIndex(words, at, bufIndex)
}

/** Writes from registered buffer `bufIndex`; as prepReadFixed. Since Linux 5.1. */
export function prepWriteFixed(
  words: Int32Array,
  at: number,
  fd: number,
  addr: number,
  nbytes: number,
  off: number,
  bufIndex: number,
): void {
  prepRw(words, at, abi.IORING_OP_WRITE_FIXED, fd, addr, nbytes, off)
  setBufIndex(words, at, bufIndex)
}

/**
 * prepReadv into registered buffer `bufIndex`: every iovec lies inside it.
 *
 * Result: as for prepReadFixed; -EFAULT or -EINVAL for iovecs that do not. Since Linux 6.15.
 */
export function prepReadvFixed(
  words: Int32Array,
  at: number,
  fd: number,
  iovecs: number,
  nrVecs: number,
  off: number,
  rwFlags: number,
  bufIndex: number,
): void {
  prepRw(words, at, abi.IORING_OP_READV_FIXED, fd, iovecs, nrVecs, off)
  words[at + OP_FLAGS] = rwFlags
  setBufIndex(words, at, bufIndex)
}

/** prepWritev from registered buffer `bufIndex`; as prepReadvFixed. Since Linux 6.15. */
export function prepWritevFixed(
  words: Int32Array,
  at: number,
  fd: number,
  iovecs: number,
  nrVecs: number,
  off: number,
  rwFlags: number,
  bufIndex: number,
): void {
  prepRw(words, at, abi.IORING_OP_WRITEV_FIXED, fd, iovecs, nrVecs, off)
  words[at + OP_FLAGS] = rwFlags
  setBufIndex(words, at, bufIndex)
}

/**
 * Reads time and again into buffers of group `bufGroup`, at most `nbytes` each, or whole buffers for 0.
 *
 * For files that can be polled: pipes, sockets, terminals. Each read is a completion with IORING_CQE_F_BUFFER and _MORE;
 * the last has no MORE: at the end of the file (0), at an error, when the group is empty (-ENOBUFS), when the CQ is full.
 * -EBADFD for a file that cannot be polled. Since Linux 6.7.
 */
export function prepReadMultishot(
  words: Int32Array,
  at: number,
  fd: number,
  nbytes: number,
  off: number,
  bufGroup: number,
): void {
  prepRw(words, at, abi.IORING_OP_READ_MULTISHOT, fd, 0, nbytes, off)
  setFlags(words, at, abi.IOSQE_BUFFER_SELECT)
  setBufGroup(words, at, bufGroup)
}
