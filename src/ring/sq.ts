/**
 * The submission side: getSqe, putSqes, flush. Runs on the app's thread alone.
 *
 * SQEs are filled through `words`, from the word that getSqe returned. Indices are free-running u32: slot = index &
 * mask. The app writes sq.tail, the array and the SQEs; the other side writes sq.head, flags and dropped. Once the ring
 * is closed every call throws ERR_INVALID_STATE, and there are no words. Counterpart: io_uring_get_sqe and
 * __io_uring_flush_sq.
 */
import { IORING_SETUP_NO_SQARRAY, IORING_SETUP_SQE128 } from '../abi/constants.js'
import { PARAMS } from '../abi/params.js'
import { SQE } from '../abi/sqe.js'
import type { RingMemory } from '../abi/syscalls.js'
import { loadAcquire, storeRelease } from '../lib/barrier.js'
import { ringIsClosed } from './misuse.js'

const SQE_WORDS = SQE.size >> 2
const SQE_SHIFT = Math.log2(SQE_WORDS)
/** From so many SQEs on set() copies them faster than a loop. */
const MANY = 4

/** getSqe's answer when the queue is full: submit first. */
export const SQ_FULL = -1

export class Sq {
  readonly entries: number
  #words: Int32Array
  #rings: Int32Array
  readonly #head: number
  readonly #tail: number
  readonly #flags: number
  readonly #dropped: number
  readonly #mask: number
  readonly #sqeShift: number
  readonly #isLarge: boolean
  /** SQEs handed out, and SQEs published. */
  #sqeTail = 0
  #sqeHead = 0

  constructor(memory: RingMemory, params: DataView) {
    const u32 = (offset: number) => params.getUint32(offset, true)
    this.#rings = new Int32Array(memory.rings)
    this.#words = new Int32Array(memory.sqes)
    this.entries = u32(PARAMS.at.sq_entries)
    this.#mask = this.entries - 1
    this.#head = u32(PARAMS.at.sq_off_head) >> 2
    this.#tail = u32(PARAMS.at.sq_off_tail) >> 2
    this.#flags = u32(PARAMS.at.sq_off_flags) >> 2
    this.#dropped = u32(PARAMS.at.sq_off_dropped) >> 2
    this.#isLarge = (u32(PARAMS.at.flags) & IORING_SETUP_SQE128) !== 0
    this.#sqeShift = SQE_SHIFT + (this.#isLarge ? 1 : 0)
    if ((u32(PARAMS.at.flags) & IORING_SETUP_NO_SQARRAY) === 0) {
      // The array stays the identity: slot i is SQE i.
      const array = u32(PARAMS.at.sq_off_array) >> 2
      for (let i = 0; i < this.entries; i++) this.#rings[array + i] = i
    }
    // A new ring starts at 0; a resized one, or one whose words a test moved, continues where they are.
    this.#sqeTail = this.#sqeHead = this.#rings[this.#tail]! | 0
  }

  /** All SQEs as words; getSqe returns where one begins. Empty once the ring is closed. */
  get words(): Int32Array {
    return this.#words
  }

  /** The ring is closed: its memory is not accessed any more. */
  close(): void {
    this.#words = new Int32Array(0)
    this.#rings = this.#words
  }

  /** The rings' words; each call begins with it, so that a closed ring throws. */
  #live(): Int32Array {
    if (this.#rings.length === 0) throw ringIsClosed()
    return this.#rings
  }

  /** The word where the next free SQE begins, all of it zeroed (128 bytes with IORING_SETUP_SQE128); or SQ_FULL. */
  getSqe(): number {
    const head = loadAcquire(this.#live(), this.#head)
    if ((this.#sqeTail - head) >>> 0 >= this.entries) return SQ_FULL
    const at = (this.#sqeTail & this.#mask) << this.#sqeShift
    this.#sqeTail = (this.#sqeTail + 1) | 0
    const words = this.#words
    for (let i = 0; i < SQE_WORDS; i++) words[at + i] = 0
    if (this.#isLarge) words.fill(0, at + SQE_WORDS, at + 2 * SQE_WORDS)
    return at
  }

  /**
   * getSqe for up to `count` SQEs, copied from `words`, where they lie one behind another from `from` on; the second
   * half of an SQE of 128 bytes is zeroed. Returns the number that fitted.
   */
  putSqes(words: Int32Array, from: number, count: number): number {
    const nr = Math.min(count, this.spaceLeft())
    const into = this.#words
    for (let done = 0; done < nr; ) {
      const slot = this.#sqeTail & this.#mask
      const run = this.#isLarge ? 1 : Math.min(nr - done, this.entries - slot)
      const to = slot << this.#sqeShift
      const at = from + (done << SQE_SHIFT)
      if (run < MANY) for (let i = 0; i < run << SQE_SHIFT; i++) into[to + i] = words[at + i]!
      else into.set(words.subarray(at, at + (run << SQE_SHIFT)), to)
      if (this.#isLarge) into.fill(0, to + SQE_WORDS, to + 2 * SQE_WORDS)
      this.#sqeTail = (this.#sqeTail + run) | 0
      done += run
    }
    return nr
  }

  /** Publishes the SQEs filled since the last call; returns their number. */
  flush(): number {
    const rings = this.#live()
    const count = (this.#sqeTail - this.#sqeHead) >>> 0
    if (count !== 0) {
      this.#sqeHead = this.#sqeTail
      // Publishes the SQE bytes; pairs with the acquire of sq_tail on the other side.
      storeRelease(rings, this.#tail, this.#sqeTail)
    }
    return count
  }

  /** Whether an SQE of the next flush has this opcode. */
  hasUnflushed(opcode: number): boolean {
    this.#live()
    for (let i = this.#sqeHead; i !== this.#sqeTail; i = (i + 1) | 0) {
      if ((this.#words[(i & this.#mask) << this.#sqeShift]! & 0xff) === opcode) return true
    }
    return false
  }

  /** SQEs published and not yet taken by the other side. */
  pending(): number {
    return (this.#sqeHead - loadAcquire(this.#live(), this.#head)) >>> 0
  }

  /** SQEs filled or published and not yet taken (liburing: io_uring_sq_ready). */
  ready(): number {
    return (this.#sqeTail - loadAcquire(this.#live(), this.#head)) >>> 0
  }

  /** SQEs that getSqe can still hand out (liburing: io_uring_sq_space_left). */
  spaceLeft(): number {
    return this.entries - this.ready()
  }

  /** IORING_SQ_* bits. */
  flags(): number {
    return loadAcquire(this.#live(), this.#flags)
  }

  /** SQEs skipped because the array named a slot that does not exist. */
  dropped(): number {
    return loadAcquire(this.#live(), this.#dropped) >>> 0
  }
}
