/**
 * Reading and writing files. Runs on the app's thread; sqe.ts says what holds for every function.
 *
 * Counterpart: the io_uring_prep_read* and _write* functions of liburing.
 */
import * as abi from '../../abi/constants.js'
import { OP_FLAGS, prepRw } from './sqe.js'

/** read(2), pread(2): `off` -1 reads at the file's own position. */
export function prepRead(words: Int32Array, at: number, fd: number, addr: number, nbytes: number, off: number): void {
  prepRw(words, at, abi.IORING_OP_READ, fd, addr, nbytes, off)
}

/** write(2), pwrite(2). */
export function prepWrite(words: Int32Array, at: number, fd: number, addr: number, nbytes: number, off: number): void {
  prepRw(words, at, abi.IORING_OP_WRITE, fd, addr, nbytes, off)
}

/** readv(2), preadv2(2): `nrVecs` iovecs at `iovecs`; `rwFlags` are RWF_*. */
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

/** writev(2), pwritev2(2). */
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
