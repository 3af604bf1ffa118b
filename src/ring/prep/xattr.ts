/**
 * Extended attributes, of a path and of an open file. Runs on the app's thread; sqe.ts says what holds for every
 * function.
 *
 * Counterpart: the io_uring_prep_*xattr functions of liburing.
 */
import * as abi from '../../abi/constants.js'
import { ADDR3, OP_FLAGS, prepRw, put64 } from './sqe.js'

/**
 * getxattr(2): the value of attribute `name` of the file at `path`, at most `len` bytes of it, to `value`.
 *
 * Result: the size of the value, also for `len` 0, which writes none; -ENODATA without it; -ERANGE when it is longer;
 * -ENOENT, -EOPNOTSUPP, -EFAULT. Since Linux 5.19.
 */
export function prepGetxattr(
  words: Int32Array,
  at: number,
  name: number,
  value: number,
  path: number,
  len: number,
): void {
  prepRw(words, at, abi.IORING_OP_GETXATTR, 0, name, len, value)
  put64(words, at + ADDR3, path)
}

/**
 * setxattr(2): gives attribute `name` of the file at `path` the `len` bytes at `value`. `flags`: XATTR_CREATE, _REPLACE.
 *
 * Result: 0; -EEXIST with XATTR_CREATE, -ENODATA with XATTR_REPLACE; -ENOENT, -EOPNOTSUPP, -EPERM, -ENOSPC, -EFAULT. Since
 * Linux 5.19.
 */
export function prepSetxattr(
  words: Int32Array,
  at: number,
  name: number,
  value: number,
  path: number,
  flags: number,
  len: number,
): void {
  prepRw(words, at, abi.IORING_OP_SETXATTR, 0, name, len, value)
  put64(words, at + ADDR3, path)
  words[at + OP_FLAGS] = flags
}

/** fgetxattr(2): prepGetxattr of an open file. -EBADF for a bad fd. Since Linux 5.19. */
export function prepFgetxattr(
  words: Int32Array,
  at: number,
  fd: number,
  name: number,
  value: number,
  len: number,
): void {
  prepRw(words, at, abi.IORING_OP_FGETXATTR, fd, name, len, value)
}

/** fsetxattr(2): prepSetxattr of an open file. -EBADF for a bad fd. Since Linux 5.19. */
export function prepFsetxattr(
  words: Int32Array,
  at: number,
  fd: number,
  name: number,
  value: number,
  flags: number,
  len: number,
): void {
  prepRw(words, at, abi.IORING_OP_FSETXATTR, fd, name, len, value)
  words[at + OP_FLAGS] = flags
}
