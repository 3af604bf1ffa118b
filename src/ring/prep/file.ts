/**
 * Operations on an open file other than reading and writing. Runs on the app's thread; sqe.ts says what holds for every
 * function.
 *
 * Counterpart: io_uring_prep_fsync, _sync_file_range, _fallocate, _ftruncate, _fadvise and _madvise of liburing.
 */
import * as abi from '../../abi/constants.js'
import { ADDR, OP_FLAGS, prepRw, put64 } from './sqe.js'

/**
 * fsync(2), or fdatasync(2) with IORING_FSYNC_DATASYNC: what was written is on the disk.
 *
 * Writes of the same batch are not waited for: link them, or drain. Result: 0; -EBADF, -EIO, -EINVAL for what has nothing
 * to sync. Since Linux 5.1.
 */
export function prepFsync(words: Int32Array, at: number, fd: number, fsyncFlags = 0): void {
  prepRw(words, at, abi.IORING_OP_FSYNC, fd, 0, 0, 0)
  words[at + OP_FLAGS] = fsyncFlags
}

/**
 * sync_file_range(2): starts or awaits the writing of `len` bytes from `off` on; 0 is to the end. Not durable by itself.
 *
 * `flags` are SYNC_FILE_RANGE_*. Result: 0; -EBADF, -EINVAL, -EIO, -ESPIPE. Since Linux 5.2.
 */
export function prepSyncFileRange(
  words: Int32Array,
  at: number,
  fd: number,
  len: number,
  off: number,
  flags: number,
): void {
  prepRw(words, at, abi.IORING_OP_SYNC_FILE_RANGE, fd, 0, len, off)
  words[at + OP_FLAGS] = flags
}

/**
 * fallocate(2): reserves `len` bytes from `off` on, or what `mode` says (FALLOC_FL_*).
 *
 * Result: 0; -EBADF, -EFBIG, -EINVAL, -ENOSPC, -EOPNOTSUPP where the file system cannot. Since Linux 5.6.
 */
export function prepFallocate(words: Int32Array, at: number, fd: number, mode: number, off: number, len: number): void {
  prepRw(words, at, abi.IORING_OP_FALLOCATE, fd, 0, mode, off)
  put64(words, at + ADDR, len)
}

/** ftruncate(2): the file has `len` bytes. Result: 0; -EBADF, -EFBIG, -EINVAL for a read-only fd. Since Linux 6.9. */
export function prepFtruncate(words: Int32Array, at: number, fd: number, len: number): void {
  prepRw(words, at, abi.IORING_OP_FTRUNCATE, fd, 0, 0, len)
}

/**
 * posix_fadvise(2): how `len` bytes from `off` on will be read; 0 is to the end. `advice` is POSIX_FADV_*.
 *
 * A length beyond 32 bits goes to the 64-bit field (Linux 6.11, liburing's io_uring_prep_fadvise64).
 * Result: 0; -EBADF, -EINVAL, -ESPIPE. Since Linux 5.6.
 */
export function prepFadvise(words: Int32Array, at: number, fd: number, off: number, len: number, advice: number): void {
  const isLong = len > 0xffff_ffff
  prepRw(words, at, abi.IORING_OP_FADVISE, fd, isLong ? len : 0, isLong ? 0 : len, off)
  words[at + OP_FLAGS] = advice
}

/**
 * madvise(2) on `length` bytes of this process at `addr`, a page's address. `advice` is MADV_*.
 *
 * MADV_DONTNEED and the like drop contents: never for memory that V8 owns. A length beyond 32 bits goes to the 64-bit
 * field (Linux 6.11, liburing's io_uring_prep_madvise64).
 * Result: 0; -EINVAL, -ENOMEM for a range that is not mapped. Since Linux 5.6.
 */
export function prepMadvise(words: Int32Array, at: number, addr: number, length: number, advice: number): void {
  const isLong = length > 0xffff_ffff
  prepRw(words, at, abi.IORING_OP_MADVISE, -1, addr, isLong ? 0 : length, isLong ? length : 0)
  words[at + OP_FLAGS] = advice
}
