/**
 * SQEs outside of the submission queue: copies of a few, and one made to fail. Runs on the thread that made the ring.
 *
 * user_data is (slot, generation) from the moment the SQE is queued on. Counterpart: none.
 */
import { IORING_OP_READ, IOSQE_IO_HARDLINK, IOSQE_IO_LINK } from '../abi/constants.js'
import { SQE } from '../abi/sqe.js'
import { prepRw } from '../ring/prep.js'

export const SQE_WORDS = SQE.size >> 2
export const USER_DATA = SQE.at.user_data >> 2
/** The shift of the flags in the first word. */
export const FLAGS_SHIFT = SQE.at.flags * 8
export const LINK_BITS = (IOSQE_IO_LINK | IOSQE_IO_HARDLINK) << FLAGS_SHIFT

/** SQEs that were withdrawn from the backlog, each with its weight. */
export interface Taken {
  readonly words: Int32Array
  readonly weights: number[]
}

/** The slot of the `i`th. */
export function slotAt(taken: Taken, i: number): number {
  return taken.words[i * SQE_WORDS + USER_DATA]!
}

/** Turns an SQE into a read of no file, which fails in its turn and breaks its chain as a cancelled one would. */
export function spoil(words: Int32Array, at: number): void {
  const slot = words[at + USER_DATA]!
  const generation = words[at + USER_DATA + 1]!
  const links = words[at]! & LINK_BITS
  words.fill(0, at, at + SQE_WORDS)
  prepRw(words, at, IORING_OP_READ | links, -1, 0, 0, 0)
  words[at + USER_DATA] = slot
  words[at + USER_DATA + 1] = generation
}
