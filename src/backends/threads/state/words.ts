/**
 * Which word a field is: of the rings, which app and owner share, and of an SQE. The owner's, and workers'.
 *
 * Those of a request are R_* in req.ts. Counterpart: offsetof.
 */
import { SQE } from '../../../abi/sqe.js'
import { RINGS } from './layout.js'

// The heads of both rings.
export const CQ_FLAGS = RINGS.at.cq_flags >> 2
export const CQ_HEAD = RINGS.at.cq_head >> 2
export const CQ_TAIL = RINGS.at.cq_tail >> 2
export const SQ_DROPPED = RINGS.at.sq_dropped >> 2
export const SQ_FLAGS = RINGS.at.sq_flags >> 2
export const SQ_HEAD = RINGS.at.sq_head >> 2
export const SQ_TAIL = RINGS.at.sq_tail >> 2

// An SQE.
export const S_ADDR = SQE.at.addr >> 2
export const S_ADDR3 = SQE.at.addr3 >> 2
export const S_BUF_INDEX = SQE.at.buf_index >> 2
export const S_FD = SQE.at.fd >> 2
export const S_FILE_INDEX = SQE.at.file_index >> 2
export const S_LEN = SQE.at.len >> 2
export const S_OFF = SQE.at.off >> 2
export const S_OP_FLAGS = SQE.at.rw_flags >> 2
export const S_PAD2 = SQE.at.pad2 >> 2
export const S_USER_DATA = SQE.at.user_data >> 2
