/**
 * The completion side: peek, read, advance. Runs on the app's thread alone.
 *
 * A completion is read in place, by its distance from the head, and stays valid until advance() passes it. The other
 * side writes cq.tail and the CQEs; the app writes cq.head and the CQ flags. Counterpart: io_uring_peek_cqe,
 * io_uring_cq_ready, io_uring_cq_advance.
 */
import { CQE } from '../abi/cqe.js'
import { PARAMS } from '../abi/params.js'
import type { RingMemory } from '../abi/syscalls.js'
import { fetchAnd, fetchOr, loadAcquire, storeRelease } from '../lib/barrier.js'

const CQE_SHIFT = Math.log2(CQE.size >> 2)
const USER_DATA = CQE.at.user_data >> 2
const RES = CQE.at.res >> 2
const FLAGS = CQE.at.flags >> 2
const IORING_SETUP_CQE32 = 1 << 11
const IORING_CQ_EVENTFD_DISABLED = 1

/** A completion copied out of the ring. */
export interface Cqe {
  /** The low and high words of user_data, unsigned. */
  userData: number
  userDataHigh: number
  /** The result: 0 or more, or -errno. */
  res: number
  /** IORING_CQE_F_* bits. */
  flags: number
}

export class Cq {
  readonly entries: number
  readonly #rings: Int32Array
  readonly #head: number
  readonly #tail: number
  readonly #overflow: number
  readonly #cqFlags: number
  readonly #cqes: number
  readonly #mask: number
  readonly #shift: number

  constructor(memory: RingMemory, params: DataView) {
    const u32 = (offset: number) => params.getUint32(offset, true)
    this.#rings = new Int32Array(memory.rings)
    this.entries = u32(PARAMS.at.cq_entries)
    this.#mask = this.entries - 1
    this.#head = u32(PARAMS.at.cq_off_head) >> 2
    this.#tail = u32(PARAMS.at.cq_off_tail) >> 2
    this.#overflow = u32(PARAMS.at.cq_off_overflow) >> 2
    this.#cqFlags = u32(PARAMS.at.cq_off_flags) >> 2
    this.#cqes = u32(PARAMS.at.cq_off_cqes) >> 2
    this.#shift = CQE_SHIFT + (u32(PARAMS.at.flags) & IORING_SETUP_CQE32 ? 1 : 0)
  }

  /** Completions to be read. */
  ready(): number {
    // Pairs with the release of cq.tail on the other side: the CQEs before it are whole.
    return (loadAcquire(this.#rings, this.#tail) - this.#rings[this.#head]!) >>> 0
  }

  #at(ahead: number): number {
    return this.#cqes + (((this.#rings[this.#head]! + ahead) & this.#mask) << this.#shift)
  }

  /** res of the completion `ahead` places behind the head. */
  res(ahead = 0): number {
    return this.#rings[this.#at(ahead) + RES]!
  }

  flags(ahead = 0): number {
    return this.#rings[this.#at(ahead) + FLAGS]!
  }

  /** The low word of user_data, unsigned. */
  userData(ahead = 0): number {
    return this.#rings[this.#at(ahead) + USER_DATA]! >>> 0
  }

  userDataHigh(ahead = 0): number {
    return this.#rings[this.#at(ahead) + USER_DATA + 1]! >>> 0
  }

  /** A copy of the oldest completion, or undefined when there is none (liburing: io_uring_peek_cqe). */
  peekCqe(): Cqe | undefined {
    if (this.ready() === 0) return undefined
    return this.copy(0)
  }

  /** Copies of up to `max` completions, oldest first, none taken off (liburing: io_uring_peek_batch_cqe). */
  peekBatch(max: number): Cqe[] {
    const batch: Cqe[] = []
    const nr = Math.min(max, this.ready())
    for (let i = 0; i < nr; i++) batch.push(this.copy(i))
    return batch
  }

  copy(ahead: number): Cqe {
    const at = this.#at(ahead)
    const words = this.#rings
    return {
      userData: words[at + USER_DATA]! >>> 0,
      userDataHigh: words[at + USER_DATA + 1]! >>> 0,
      res: words[at + RES]!,
      flags: words[at + FLAGS]!,
    }
  }

  /** Gives `count` slots back (liburing: io_uring_cq_advance). */
  advance(count: number): void {
    // The slots may be overwritten from here on; pairs with the acquire of cq.head on the other side.
    storeRelease(this.#rings, this.#head, (this.#rings[this.#head]! + count) | 0)
  }

  /** advance(1): the oldest completion was dealt with. */
  cqeSeen(): void {
    this.advance(1)
  }

  /** Completions that were lost for want of memory. */
  overflow(): number {
    return loadAcquire(this.#rings, this.#overflow) >>> 0
  }

  /** Mutes or unmutes a registered eventfd (liburing: io_uring_cq_eventfd_toggle). */
  setEventfdEnabled(enabled: boolean): void {
    if (enabled) fetchAnd(this.#rings, this.#cqFlags, ~IORING_CQ_EVENTFD_DISABLED)
    else fetchOr(this.#rings, this.#cqFlags, IORING_CQ_EVENTFD_DISABLED)
  }
}
