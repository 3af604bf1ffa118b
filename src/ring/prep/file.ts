/**
 * Operations on an open file other than reading and writing. Runs on the app's thread; sqe.ts says what holds for every function.
 *
 * Counterpart: io_uring_prep_fsync of liburing.
 */
import * as abi from '../../abi/constants.js'
import { OP_FLAGS, prepRw } from './sqe.js'

/** fsync(2), or fdatasync(2) with IORING_FSYNC_DATASYNC. */
export function prepFsync(words: Int32Array, at: number, fd: number, fsyncFlags = 0): void {
  prepRw(words, at, abi.IORING_OP_FSYNC, fd, 0, 0, 0)
  words[at + OP_FLAGS] = fsyncFlags
}
