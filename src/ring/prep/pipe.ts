/**
 * Pipes, and moving data through them without a buffer. Runs on the app's thread; sqe.ts says what holds for every
 * function.
 *
 * Counterpart: io_uring_prep_splice, _tee and _pipe* of liburing.
 */
import * as abi from '../../abi/constants.js'
import { ADDR, FILE_INDEX, OP_FLAGS, prepRw, put64, setDirect } from './sqe.js'

/**
 * splice(2): moves up to `nbytes` from `fdIn` to `fdOut`, one of which is a pipe.
 *
 * An offset is -1 for a pipe and for the file's own position. With SPLICE_F_FD_IN_FIXED `fdIn` is a slot; with
 * IOSQE_FIXED_FILE `fdOut` is. Always runs in a worker.
 * Result: the bytes moved, 0 at the end; -EBADF, -EINVAL where neither is a pipe, -ESPIPE for an offset in a pipe.
 * Cancelled while it waits it may end with -512 (ERESTARTSYS). A short one breaks a link. Since Linux 5.7.
 */
export function prepSplice(
  words: Int32Array,
  at: number,
  fdIn: number,
  offIn: number,
  fdOut: number,
  offOut: number,
  nbytes: number,
  spliceFlags: number,
): void {
  prepRw(words, at, abi.IORING_OP_SPLICE, fdOut, 0, nbytes, offOut)
  put64(words, at + ADDR, offIn)
  words[at + FILE_INDEX] = fdIn
  words[at + OP_FLAGS] = spliceFlags
}

/**
 * tee(2): copies up to `nbytes` from one pipe to another, which leaves them in the first.
 *
 * Result: the bytes copied; -EINVAL where one is no pipe, or both are the same. Since Linux 5.8.
 */
export function prepTee(
  words: Int32Array,
  at: number,
  fdIn: number,
  fdOut: number,
  nbytes: number,
  spliceFlags: number,
): void {
  prepRw(words, at, abi.IORING_OP_TEE, fdOut, 0, nbytes, 0)
  words[at + FILE_INDEX] = fdIn
  words[at + OP_FLAGS] = spliceFlags
}

/**
 * pipe2(2): two fds, read end first, are written at `fds` as two s32. `pipeFlags`: O_CLOEXEC, O_NONBLOCK, O_DIRECT.
 *
 * Result: 0; -EFAULT, -EMFILE, -EINVAL. Since Linux 6.16.
 */
export function prepPipe(words: Int32Array, at: number, fds: number, pipeFlags: number): void {
  prepRw(words, at, abi.IORING_OP_PIPE, 0, fds, 0, 0)
  words[at + OP_FLAGS] = pipeFlags
}

/**
 * The same into the table of registered files: slots `fileIndex` and the next, or two free ones for
 * IORING_FILE_INDEX_ALLOC; the slots are written at `fds`.
 *
 * Result: 0; -ENXIO, -EINVAL, -ENFILE as for prepOpenatDirect. Since Linux 6.16.
 */
export function prepPipeDirect(words: Int32Array, at: number, fds: number, pipeFlags: number, fileIndex: number): void {
  prepPipe(words, at, fds, pipeFlags)
  setDirect(words, at, fileIndex)
}
