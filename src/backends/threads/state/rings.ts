/**
 * The memory of a ring: the header, CQEs, the SQ index array and the context's words in one, SQEs in another. The owner
 * makes it; the app and workers see it.
 *
 *   rings:  RINGS | CQEs | SQ array, unless without | up to a cache line | CTX
 *
 * Counterpart: io_allocate_scq_urings, rings_size.
 */
import { CQE } from '../../../abi/cqe.js'
import { SQE } from '../../../abi/sqe.js'
import { NONE } from '../../../lib/mpscq.js'
import { CTX, RINGS } from './layout.js'

const LINE_BYTES = 64

interface Rings {
  readonly rings: SharedArrayBuffer
  readonly sqeBuffer: SharedArrayBuffer
  readonly words: Int32Array
  readonly sqes: Int32Array
  readonly cqesWord: number
  /** First word of the SQ index array, or NONE without one. */
  readonly arrayWord: number
  readonly ctxWord: number
}

/** The masks and entries are filled in, all else is 0. */
export function makeRings(sqEntries: number, cqEntries: number, hasArray: boolean): Rings {
  const cqesEnd = RINGS.size + cqEntries * CQE.size
  const arrayEnd = cqesEnd + (hasArray ? sqEntries * 4 : 0)
  const ctxAt = Math.ceil(arrayEnd / LINE_BYTES) * LINE_BYTES
  const rings = new SharedArrayBuffer(ctxAt + CTX.size)
  const sqeBuffer = new SharedArrayBuffer(sqEntries * SQE.size)
  const words = new Int32Array(rings)
  words[RINGS.at.sq_ring_mask >> 2] = sqEntries - 1
  words[RINGS.at.cq_ring_mask >> 2] = cqEntries - 1
  words[RINGS.at.sq_ring_entries >> 2] = sqEntries
  words[RINGS.at.cq_ring_entries >> 2] = cqEntries
  const arrayWord = hasArray ? cqesEnd >> 2 : NONE
  return {
    rings,
    sqeBuffer,
    words,
    sqes: new Int32Array(sqeBuffer),
    cqesWord: RINGS.size >> 2,
    arrayWord,
    ctxWord: ctxAt >> 2,
  }
}
