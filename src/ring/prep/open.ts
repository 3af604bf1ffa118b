/**
 * Opening, closing and statx. Runs on the app's thread; sqe.ts says what holds for every function.
 *
 * Counterpart: io_uring_prep_openat, _close and _statx of liburing.
 */
import * as abi from '../../abi/constants.js'
import { OP_FLAGS, prepRw } from './sqe.js'

/** openat(2): `path` is the address of a NUL-terminated string. */
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

/** close(2). */
export function prepClose(words: Int32Array, at: number, fd: number): void {
  prepRw(words, at, abi.IORING_OP_CLOSE, fd, 0, 0, 0)
}

/** statx(2): 256 bytes are written at `statxbuf`. */
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
