/**
 * The SQE's words, and the fields of every operation besides its own. Runs on the app's thread; no state.
 *
 * Each function here and in the files beside this one has as arguments the SQEs as words, and the word where one
 * begins, zeroed, from Sq.getSqe. It fills that SQE and writes nothing else. Addresses and lengths are numbers; the
 * memory at an address stays alive and in place until the terminal CQE. Each throws ERR_OUT_OF_RANGE if no SQE begins
 * there, above all for SQ_FULL, and then writes nothing. Fields are not checked: the other side refuses bad ones, as it
 * does in C. Counterpart: io_uring_prep_rw and the io_uring_sqe_set_* functions of liburing.
 */
import { IORING_FILE_INDEX_ALLOC } from '../../abi/constants.js'
import { SQE } from '../../abi/sqe.js'
import { high32, low32 } from '../../sys/memory.js'
import { noSqe } from '../misuse.js'

export const FD = SQE.at.fd >> 2
export const OFF = SQE.at.off >> 2
export const ADDR = SQE.at.addr >> 2
export const LEN = SQE.at.len >> 2
export const OP_FLAGS = SQE.at.rw_flags >> 2
export const USER_DATA = SQE.at.user_data >> 2
export const BUF_INDEX = SQE.at.buf_index >> 2
export const FILE_INDEX = SQE.at.file_index >> 2
export const ADDR3 = SQE.at.addr3 >> 2
const PERSONALITY_SHIFT = 16
const FLAGS_SHIFT = SQE.at.flags * 8
const IOPRIO_SHIFT = SQE.at.ioprio * 8

/**
 * Throws unless an SQE may begin at this word. Each function that writes to one calls it: prepRw or one of the setters.
 */
export function checkSqe(words: Int32Array, at: number): void {
  // This form also fails for values that are no numbers.
  if (!(at >= 0 && at < words.length)) throw noSqe(at, words)
}

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
  checkSqe(words, at)
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
  checkSqe(words, at)
  words[at + USER_DATA] = low
  words[at + USER_DATA + 1] = high
}

/** Adds IOSQE_* bits. */
export function setFlags(words: Int32Array, at: number, flags: number): void {
  checkSqe(words, at)
  words[at] = words[at]! | (flags << FLAGS_SHIFT)
}

/** The 16-bit priority field, which some operations use for flags of their own. */
export function setIoprio(words: Int32Array, at: number, ioprio: number): void {
  checkSqe(words, at)
  words[at] = (words[at]! & 0xffff) | (ioprio << IOPRIO_SHIFT)
}

/** The personality to run under. */
export function setPersonality(words: Int32Array, at: number, personality: number): void {
  checkSqe(words, at)
  words[at + BUF_INDEX] = (words[at + BUF_INDEX]! & 0xffff) | (personality << PERSONALITY_SHIFT)
}

/** The per-operation flags word at offset 28. */
export function setOpFlags(words: Int32Array, at: number, flags: number): void {
  checkSqe(words, at)
  words[at + OP_FLAGS] = flags
}

/** Sets the index of the registered buffer to read into or write from. */
export function setBufIndex(words: Int32Array, at: number, bufIndex: number): void {
  checkSqe(words, at)
  words[at + BUF_INDEX] = (words[at + BUF_INDEX]! & ~0xffff) | (bufIndex & 0xffff)
}

/** Sets the group of provided buffers; goes with IOSQE_BUFFER_SELECT. */
export function setBufGroup(words: Int32Array, at: number, bgid: number): void {
  setBufIndex(words, at, bgid)
}

/** Sets the direct-descriptor slot that an operation opens into or closes; 0 for none. */
export function setTargetFixedFile(words: Int32Array, at: number, fileIndex: number): void {
  checkSqe(words, at)
  words[at + FILE_INDEX] = fileIndex
}

/** Sets a slot in the form of the *Direct functions: its number, or IORING_FILE_INDEX_ALLOC for a free one. */
export function setDirect(words: Int32Array, at: number, slot: number): void {
  checkSqe(words, at)
  words[at + FILE_INDEX] = slot === IORING_FILE_INDEX_ALLOC ? slot : slot + 1
}

/** Stores a 64-bit field: an address, a size, or -1. The SQE has been checked. */
export function put64(words: Int32Array, index: number, value: number): void {
  words[index] = low32(value)
  words[index + 1] = value < 0 ? -1 : high32(value)
}
