/**
 * Opening, closing and statx. Runs on the app's thread; sqe.ts has the rules for every function.
 *
 * Counterpart: io_uring_prep_openat*, _close* and _statx of liburing.
 */
import * as abi from '../../abi/constants.js'
import { OPEN_HOW } from '../../abi/structs.js'
import { OP_FLAGS, prepRw, setDirect } from './sqe.js'

/**
 * openat(2): `path` is the address of a NUL-terminated string, read before submit returns; liburing's prep_open is this
 * with AT_FDCWD.
 *
 * Result: an fd; -ENOENT, -EACCES, -EEXIST, -EISDIR, -ENOTDIR, -EFAULT and the others of open(2). Since Linux 5.6.
 */
export function prepOpenat(
  words: Int32Array,
  at: number,
  dirfd: number,
  path: number,
  openFlags: number,
  mode: number,
): void {
  prepRw(words, at, abi.IORING_OP_OPENAT, dirfd, path, mode, 0)
  words[at + OP_FLAGS] = openFlags
}

/**
 * openat(2) into the table of registered files: slot `fileIndex`, or a free one for IORING_FILE_INDEX_ALLOC (5.19).
 *
 * What was in the slot is closed. Result: 0, or the slot that was chosen; -EINVAL for O_CLOEXEC and for a slot outside the
 * table; -ENXIO without a table; -ENFILE when it is full; the others of open(2). Since Linux 5.15.
 */
export function prepOpenatDirect(
  words: Int32Array,
  at: number,
  dirfd: number,
  path: number,
  openFlags: number,
  mode: number,
  fileIndex: number,
): void {
  prepOpenat(words, at, dirfd, path, openFlags, mode)
  setDirect(words, at, fileIndex)
}

/**
 * openat2(2): `how` is the address of an OPEN_HOW, read before submit returns.
 *
 * Result: as for prepOpenat; -EXDEV, -ELOOP and -EAGAIN for what `resolve` forbids; -EINVAL for unknown flags. Since Linux
 * 5.6.
 */
export function prepOpenat2(words: Int32Array, at: number, dirfd: number, path: number, how: number): void {
  prepRw(words, at, abi.IORING_OP_OPENAT2, dirfd, path, OPEN_HOW.size, how)
}

/** prepOpenat2 into the table of registered files; as prepOpenatDirect. Since Linux 5.15. */
export function prepOpenat2Direct(
  words: Int32Array,
  at: number,
  dirfd: number,
  path: number,
  how: number,
  fileIndex: number,
): void {
  prepOpenat2(words, at, dirfd, path, how)
  setDirect(words, at, fileIndex)
}

/** close(2). Requests on it go on. Result: 0; -EBADF, also for the fd of a ring. Since Linux 5.6. */
export function prepClose(words: Int32Array, at: number, fd: number): void {
  prepRw(words, at, abi.IORING_OP_CLOSE, fd, 0, 0, 0)
}

/**
 * Empties slot `fileIndex` of the registered files. Requests on that file go on.
 *
 * Result: 0; -EBADF for an empty slot; -EINVAL for one outside the table; -ENXIO without a table. Since Linux 5.15.
 */
export function prepCloseDirect(words: Int32Array, at: number, fileIndex: number): void {
  prepClose(words, at, 0)
  setDirect(words, at, fileIndex)
}

/**
 * statx(2): what `mask` (STATX_*) asks about a path, or about `dirfd` itself with AT_EMPTY_PATH, is written as a STATX at
 * `statxbuf`.
 *
 * Result: 0; -ENOENT, -ENOTDIR, -EACCES, -EFAULT, -EBADF. Since Linux 5.6.
 */
export function prepStatx(
  words: Int32Array,
  at: number,
  dirfd: number,
  path: number,
  statxFlags: number,
  mask: number,
  statxbuf: number,
): void {
  prepRw(words, at, abi.IORING_OP_STATX, dirfd, path, mask, statxbuf)
  words[at + OP_FLAGS] = statxFlags
}
