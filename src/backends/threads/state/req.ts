/**
 * A request: its words, and functions that read and write them. Runs on the owner, and on workers that have it in hand.
 *
 * `r` is the first word of a request in io-wq's memory; R_* is added to it. Counterpart: struct io_kiocb, req_set_fail.
 */
import { IOSQE_CQE_SKIP_SUCCESS } from '../../../abi/constants.js'
import { fromWords, high32, low32 } from '../../../sys/memory.js'
import { REQ, REQ_F_FAIL, REQ_F_SKIP_LINK_CQES } from './layout.js'

export const R_OPCODE = REQ.at.opcode >> 2
export const R_SQE_FLAGS = REQ.at.sqe_flags >> 2
export const R_FD = REQ.at.fd >> 2
export const R_HELD_FD = REQ.at.held_fd >> 2
export const R_OFF = REQ.at.off_lo >> 2
export const R_ADDR = REQ.at.addr_lo >> 2
export const R_LEN = REQ.at.len >> 2
export const R_OP_FLAGS = REQ.at.op_flags >> 2
export const R_USER_DATA = REQ.at.user_data_lo >> 2
export const R_BUF_INDEX = REQ.at.buf_index >> 2
export const R_FILE_INDEX = REQ.at.file_index >> 2
export const R_TOTAL = REQ.at.total >> 2
export const R_DONE = REQ.at.done >> 2
export const R_RES = REQ.at.res >> 2
export const R_POLL = REQ.at.poll >> 2
export const R_REQ_FLAGS = REQ.at.req_flags >> 2
export const R_LINK = REQ.at.link >> 2
export const R_TW = REQ.at.tw >> 2
export const R_CTX = REQ.at.ctx >> 2
export const R_GENERATION = REQ.at.generation >> 2

/** Marks a request failed with `res`. If it skips its CQE on success, its chain posts none instead. */
export function setFail(words: Int32Array, r: number, res: number): void {
  words[r + R_RES] = res
  let flags = words[r + R_REQ_FLAGS]! | REQ_F_FAIL
  if ((words[r + R_SQE_FLAGS]! & IOSQE_CQE_SKIP_SUCCESS) !== 0) flags |= REQ_F_SKIP_LINK_CQES
  words[r + R_REQ_FLAGS] = flags
}

/** Writes an address into the request, at `addr` unless another field is named. */
export function setAddr(words: Int32Array, r: number, address: number, field = R_ADDR): void {
  words[r + field] = low32(address)
  words[r + field + 1] = high32(address)
}

/** A 64-bit field of a request that is an address or a size: two words from `at` on. */
export function u64(words: Int32Array, at: number): number {
  return fromWords(words[at]!, words[at + 1]!)
}

/** A 64-bit field that is signed: an offset or a length. Exact up to 2**53. */
export function s64(words: Int32Array, at: number): number {
  return words[at + 1]! * 2 ** 32 + (words[at]! >>> 0)
}

/** buf_index of a request, without the personality above it. */
export function bufIndex(words: Int32Array, r: number): number {
  return words[r + R_BUF_INDEX]! & 0xffff
}

/** The directory in which a path begins, for a worker: the held duplicate, or AT_FDCWD, which requires none. */
export function dirFd(words: Int32Array, r: number): number {
  return words[r + R_HELD_FD] === -1 ? words[r + R_FD]! : words[r + R_HELD_FD]!
}
