/**
 * One prep function per operation, in liburing's order of names and arguments. Runs on the app's thread.
 *
 * Each fills the SQE at word `at` (from Sq.getSqe, zeroed) and touches nothing else. Addresses and lengths are numbers;
 * whatever they point to stays alive and in place until the terminal CQE. No checks happen here: the other side refuses
 * bad fields, as it does in C. Counterpart: the io_uring_prep_* family of liburing.
 */
import * as abi from '../abi/constants.js'
import { SQE } from '../abi/sqe.js'
import { high32, low32 } from '../sys/memory.js'

const FD = SQE.at.fd >> 2
const OFF = SQE.at.off >> 2
const ADDR = SQE.at.addr >> 2
const LEN = SQE.at.len >> 2
const OP_FLAGS = SQE.at.rw_flags >> 2
const USER_DATA = SQE.at.user_data >> 2
const PERSONALITY_SHIFT = 16
const BUF_INDEX = SQE.at.buf_index >> 2
const FILE_INDEX = SQE.at.file_index >> 2
const FLAGS_SHIFT = SQE.at.flags * 8
const IOPRIO_SHIFT = SQE.at.ioprio * 8

/** The fields every operation has (liburing: io_uring_prep_rw). `off` -1 means the file's own position. */
export function prepRw(
  words: Int32Array,
  at: number,
  opcode: number,
  fd: number,
  addr: number,
  len: number,
  off: number,
): void {
  words[at] = opcode
  words[at + FD] = fd
  words[at + OFF] = low32(off)
  words[at + OFF + 1] = off < 0 ? -1 : high32(off)
  words[at + ADDR] = low32(addr)
  words[at + ADDR + 1] = high32(addr)
  words[at + LEN] = len
}

/** Tags the request: both words come back in its CQE. */
export function setUserData(words: Int32Array, at: number, low: number, high = 0): void {
  words[at + USER_DATA] = low
  words[at + USER_DATA + 1] = high
}

/** Adds IOSQE_* bits. */
export function setFlags(words: Int32Array, at: number, flags: number): void {
  words[at] = words[at]! | (flags << FLAGS_SHIFT)
}

/** The 16-bit priority field, which some operations use for flags of their own. */
export function setIoprio(words: Int32Array, at: number, ioprio: number): void {
  words[at] = (words[at]! & 0xffff) | (ioprio << IOPRIO_SHIFT)
}

/** The personality to run under. */
export function setPersonality(words: Int32Array, at: number, personality: number): void {
  words[at + BUF_INDEX] = (words[at + BUF_INDEX]! & 0xffff) | (personality << PERSONALITY_SHIFT)
}

/** The per-operation flags word at offset 28. */
export function setOpFlags(words: Int32Array, at: number, flags: number): void {
  words[at + OP_FLAGS] = flags
}

/** Does nothing. With IORING_NOP_INJECT_RESULT its result is `len`. */
export function prepNop(words: Int32Array, at: number, nopFlags = 0, len = 0): void {
  prepRw(words, at, abi.IORING_OP_NOP, -1, 0, len, 0)
  words[at + OP_FLAGS] = nopFlags
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

/** fsync(2), or fdatasync(2) with IORING_FSYNC_DATASYNC. */
export function prepFsync(words: Int32Array, at: number, fd: number, fsyncFlags = 0): void {
  prepRw(words, at, abi.IORING_OP_FSYNC, fd, 0, 0, 0)
  words[at + OP_FLAGS] = fsyncFlags
}

/** Cancels the request whose user_data is (low, high). */
export function prepCancel64(words: Int32Array, at: number, low: number, high: number, flags = 0): void {
  prepRw(words, at, abi.IORING_OP_ASYNC_CANCEL, -1, 0, 0, 0)
  words[at + ADDR] = low
  words[at + ADDR + 1] = high
  words[at + OP_FLAGS] = flags
}

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

/** read(2), pread(2): `off` -1 reads at the file's own position. */
export function prepRead(words: Int32Array, at: number, fd: number, addr: number, nbytes: number, off: number): void {
  prepRw(words, at, abi.IORING_OP_READ, fd, addr, nbytes, off)
}

/** write(2), pwrite(2). */
export function prepWrite(words: Int32Array, at: number, fd: number, addr: number, nbytes: number, off: number): void {
  prepRw(words, at, abi.IORING_OP_WRITE, fd, addr, nbytes, off)
}

/** Names the direct-descriptor slot an operation opens into or closes; 0 for none. */
export function setTargetFixedFile(words: Int32Array, at: number, fileIndex: number): void {
  words[at + FILE_INDEX] = fileIndex
}
