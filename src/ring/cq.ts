/**
 * The completion side: peek, read, advance. Runs on the app's thread alone.
 *
 * A completion is read in place, by its distance from the head, and stays valid until advance() passes it. The other
 * side writes cq.tail and the CQEs; the app writes cq.head and the CQ flags. Once the ring is closed every call throws
 * ERR_INVALID_STATE. Counterpart: io_uring_peek_cqe, io_uring_cq_ready, io_uring_cq_advance.
 */
import {
  IORING_CQ_EVENTFD_DISABLED,
  IORING_CQE_F_32,
  IORING_CQE_F_SKIP,
  IORING_SETUP_CQE_MIXED,
  IORING_SETUP_CQE32,
  IORING_SETUP_IOPOLL,
  IORING_SQ_CQ_OVERFLOW,
  IORING_SQ_TASKRUN,
} from '../abi/constants.js'
import { CQE } from '../abi/cqe.js'
import { PARAMS } from '../abi/params.js'
import type { RingMemory } from '../abi/syscalls.js'
import { fetchAnd, fetchOr, loadAcquire, storeRelease } from '../lib/barrier.js'
import { ringIsClosed } from './misuse.js'

const CQE_WORDS = CQE.size >> 2
const CQE_SHIFT = Math.log2(CQE_WORDS)
const USER_DATA = CQE.at.user_data >> 2
const RES = CQE.at.res >> 2
const FLAGS = CQE.at.flags >> 2

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
  #rings: Int32Array
  readonly #fetch: () => number
  readonly #sqFlags: number
  readonly #head: number
  readonly #tail: number
  readonly #overflow: number
  readonly #cqFlags: number
  readonly #cqes: number
  readonly #mask: number
  readonly #shift: number
  readonly #isMixed: boolean
  readonly #isPolled: boolean

  /** `fetch` enters with GETEVENTS: overflowed completions, and those of task work, come into the ring. */
  constructor(memory: RingMemory, params: DataView, fetch: () => number) {
    const u32 = (offset: number) => params.getUint32(offset, true)
    this.#rings = new Int32Array(memory.rings)
    this.#fetch = fetch
    this.entries = u32(PARAMS.at.cq_entries)
    this.#sqFlags = u32(PARAMS.at.sq_off_flags) >> 2
    this.#mask = this.entries - 1
    this.#head = u32(PARAMS.at.cq_off_head) >> 2
    this.#tail = u32(PARAMS.at.cq_off_tail) >> 2
    this.#overflow = u32(PARAMS.at.cq_off_overflow) >> 2
    this.#cqFlags = u32(PARAMS.at.cq_off_flags) >> 2
    this.#cqes = u32(PARAMS.at.cq_off_cqes) >> 2
    this.#shift = CQE_SHIFT + (u32(PARAMS.at.flags) & IORING_SETUP_CQE32 ? 1 : 0)
    this.#isMixed = (u32(PARAMS.at.flags) & IORING_SETUP_CQE_MIXED) !== 0
    this.#isPolled = (u32(PARAMS.at.flags) & IORING_SETUP_IOPOLL) !== 0
  }

  /** The ring is closed: its memory is not accessed any more. */
  close(): void {
    this.#rings = new Int32Array(0)
  }

  /** The rings' words; each call begins with it, so that a closed ring throws. */
  #live(): Int32Array {
    if (this.#rings.length === 0) throw ringIsClosed()
    return this.#rings
  }

  /** Completions to read; on a ring of mixed sizes the number of their slots (liburing: io_uring_cq_ready). */
  ready(): number {
    // Pairs with the release of cq.tail on the other side: the CQEs before it are whole.
    const rings = this.#live()
    return (loadAcquire(rings, this.#tail) - rings[this.#head]!) >>> 0
  }

  /**
   * Whether overflowed completions wait on the other side; peek and the waits fetch them once there is room (liburing:
   * io_uring_cq_has_overflow).
   */
  hasOverflow(): boolean {
    return (loadAcquire(this.#live(), this.#sqFlags) & IORING_SQ_CQ_OVERFLOW) !== 0
  }

  /** Whether an enter with GETEVENTS may post completions: some overflowed, or task work is pending. */
  needsEnter(): boolean {
    return (loadAcquire(this.#live(), this.#sqFlags) & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)) !== 0
  }

  #at(ahead: number): number {
    return this.#cqes + (((this.#live()[this.#head]! + ahead) & this.#mask) << this.#shift)
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

  /**
   * A word, 0 to 3, of the 16 extra bytes of a large completion: on a ring with IORING_SETUP_CQE32, or with
   * IORING_CQE_F_32 (liburing: cqe->big_cqe).
   */
  extra(word: number, ahead = 0): number {
    return this.#rings[this.#at(ahead) + CQE_WORDS + word]! >>> 0
  }

  /**
   * A copy of the oldest completion, or undefined when there is none. If the CQ is empty but the flags report
   * completions, it fetches them first, without waiting (liburing: io_uring_peek_cqe).
   */
  peekCqe(): Cqe | undefined {
    return this.peekBatch(1)[0]
  }

  /**
   * Copies of up to `max` completions, oldest first; they stay in the CQ (liburing: io_uring_peek_batch_cqe). Fetches
   * as peekCqe does. Give them back with seen(), or with advance() if all have one size.
   */
  peekBatch(max: number): Cqe[] {
    const batch: Cqe[] = []
    if (max > 0 && this.ready() === 0 && (this.#isPolled || this.needsEnter())) this.#fetch()
    const slots = this.ready()
    for (let at = 0; at < slots && batch.length < max; at += this.slots(at)) {
      const cqe = this.copy(at)
      if ((cqe.flags & IORING_CQE_F_SKIP) === 0) batch.push(cqe)
    }
    return batch
  }

  /** Slots of the completion `ahead` slots behind the head: 2 for a large one on a ring of mixed sizes, else 1. */
  slots(ahead = 0): number {
    return this.#isMixed && (this.flags(ahead) & IORING_CQE_F_32) !== 0 ? 2 : 1
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

  /**
   * Gives the oldest `count` completions back, whatever their size, and the padding between them (IORING_CQE_F_SKIP).
   */
  seen(count: number): void {
    if (!this.#isMixed) {
      this.advance(count)
      return
    }
    const ready = this.ready()
    let at = 0
    for (let left = count; left > 0 && at < ready; at += this.slots(at)) {
      if ((this.flags(at) & IORING_CQE_F_SKIP) === 0) left--
    }
    this.advance(at)
  }

  /** Gives `count` slots back (liburing: io_uring_cq_advance). */
  advance(count: number): void {
    // The slots may be overwritten from here on; pairs with the acquire of cq.head on the other side.
    const rings = this.#live()
    storeRelease(rings, this.#head, (rings[this.#head]! + count) | 0)
  }

  /** seen(1): gives the oldest completion back. */
  cqeSeen(): void {
    this.seen(1)
  }

  /** Completions that were lost for lack of memory. */
  overflow(): number {
    return loadAcquire(this.#live(), this.#overflow) >>> 0
  }

  /** Whether a registered eventfd is signalled, not muted (liburing: io_uring_cq_eventfd_enabled). */
  eventfdEnabled(): boolean {
    return (loadAcquire(this.#live(), this.#cqFlags) & IORING_CQ_EVENTFD_DISABLED) === 0
  }

  /** Mutes or unmutes a registered eventfd (liburing: io_uring_cq_eventfd_toggle). */
  setEventfdEnabled(enabled: boolean): void {
    if (enabled) fetchAnd(this.#live(), this.#cqFlags, ~IORING_CQ_EVENTFD_DISABLED)
    else fetchOr(this.#live(), this.#cqFlags, IORING_CQ_EVENTFD_DISABLED)
  }
}
