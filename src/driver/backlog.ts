/**
 * The backlog: SQEs written and not yet in the submission queue. A FIFO without a limit, so no operation is ever lost
 * or refused for lack of room. Runs on the thread that made the ring.
 *
 * Every operation passes through here. The extra copy of its 64 bytes costs 20 ns and buys three things: a chain of
 * links enters the SQ as a whole or not at all, an aborted operation can be withdrawn, and a burst larger than the CQ
 * waits.
 *
 *      | submitted | a -> b -> c | d | e -> f ->      head and tail are free-running; `->` is a link
 *                    head              chain, open until an operation without a link is pushed
 */
import { verify } from '../lib/assert.js'
import type { Sq } from '../ring/sq.js'
import type { Slots } from './slots.js'
import { LINK_BITS, SQE_WORDS, spoil, type Taken, USER_DATA } from './taken.js'

const SQE_SHIFT = Math.log2(SQE_WORDS)
const OPCODE_MASK = 0xff
/** The first word of a withdrawn SQE: no opcode and flags look like it. */
const DROPPED = -1
/** One enter copies so many bytes, give or take one SQE: a tenth of a millisecond for cached data. */
const PORTION_BYTES = 1 << 20

export class Backlog {
  /** The staged SQEs, to be filled by prep functions. Replaced by stage() when it grows. */
  words: Int32Array
  /** SQEs moved to the SQ, by opcode. */
  readonly nrByOpcode = new Float64Array(256)
  readonly #slots: Slots
  /** Bytes that enter copies for each SQE. */
  #weights: Float64Array
  /** The sum for all waiting SQEs. */
  #bytes = 0
  #mask: number
  #head = 0
  #tail = 0
  /** The position of the newest chain, or of the newest SQE that is in none. */
  #chainFrom = 0
  #chainOpen = false

  constructor(entries: number, slots: Slots) {
    this.words = new Int32Array(entries * SQE_WORDS)
    this.#weights = new Float64Array(entries)
    this.#mask = entries - 1
    this.#slots = slots
  }

  /** SQEs waiting. */
  get length(): number {
    return (this.#tail - this.#head) >>> 0
  }

  /** Whether all waiting SQEs may enter at once. */
  get isLight(): boolean {
    return this.#bytes < PORTION_BYTES
  }

  /** Members of the open chain; 0 when there is none. */
  get openChainLength(): number {
    return this.#chainOpen ? (this.#tail - this.#chainFrom) >>> 0 : 0
  }

  /** The word where the next SQE is to be written, its 64 bytes zeroed. It counts once pushed. */
  stage(): number {
    if (this.length > this.#mask) this.#grow()
    const at = (this.#tail & this.#mask) << SQE_SHIFT
    const { words } = this
    for (let i = 0; i < SQE_WORDS; i++) words[at + i] = 0
    return at
  }

  /** The position of the next SQE. */
  get position(): number {
    return this.#tail
  }

  /** Appends the staged SQE, for `slot`. `weight`: how many bytes enter copies for it. */
  push(at: number, slot: number, generation: number, weight: number): void {
    this.words[at + USER_DATA] = slot
    this.words[at + USER_DATA + 1] = generation
    const isLinked = (this.words[at]! & LINK_BITS) !== 0
    if (!this.#chainOpen) this.#chainFrom = this.#tail
    this.#chainOpen = isLinked
    this.#weights[this.#tail & this.#mask] = weight
    this.#bytes += weight
    this.#tail = (this.#tail + 1) | 0
  }

  /** Withdraws the newest chain, which is whole, or the newest SQE that is in none. */
  takeLast(): Taken {
    const weights: number[] = []
    const nr = (this.#tail - this.#chainFrom) >>> 0
    const words = new Int32Array(nr * SQE_WORDS)
    for (let i = 0; i < nr; i++) {
      const position = (this.#chainFrom + i) | 0
      const from = (position & this.#mask) << SQE_SHIFT
      words.set(this.words.subarray(from, from + SQE_WORDS), i * SQE_WORDS)
      weights.push(this.#weights[position & this.#mask]!)
      this.#lighten(position)
    }
    this.#tail = this.#chainFrom
    return { words, weights }
  }

  /** Appends the `i`th SQE that takeLast withdrew. */
  pushTaken({ words, weights }: Taken, i: number): void {
    const at = this.stage()
    const from = i * SQE_WORDS
    this.words.set(words.subarray(from, from + SQE_WORDS), at)
    this.push(at, words[from + USER_DATA]!, words[from + USER_DATA + 1]!, weights[i]!)
  }

  /** Closes an open chain: its last member links to nothing. */
  endChain(): void {
    if (!this.#chainOpen) return
    this.#chainOpen = false
    const last = ((this.#tail - 1) & this.#mask) << SQE_SHIFT
    this.words[last] = this.words[last]! & ~LINK_BITS
  }

  /** Withdraws the open chain; returns the slots of its members. */
  takeOpenChain(): number[] {
    if (!this.#chainOpen) return []
    this.#chainOpen = false
    return this.#takeFrom(this.#chainFrom)
  }

  /** Withdraws everything; returns the slots. */
  takeAll(): number[] {
    this.#chainOpen = false
    return this.#takeFrom(this.#head)
  }

  #takeFrom(from: number): number[] {
    const slots: number[] = []
    for (let i = from; i !== this.#tail; i = (i + 1) | 0) {
      const at = (i & this.#mask) << SQE_SHIFT
      if (this.words[at] === DROPPED) continue
      slots.push(this.words[at + USER_DATA]!)
      this.#lighten(i)
    }
    this.#tail = from
    return slots
  }

  /**
   * Withdraws one SQE. True when it is gone. A member of a chain cannot go without changing what its neighbours wait
   * for: it becomes a read of no file instead, which fails in its turn and breaks the chain as a cancelled one would.
   */
  drop(position: number): boolean {
    const at = (position & this.#mask) << SQE_SHIFT
    const before = ((position - 1) & this.#mask) << SQE_SHIFT
    const follows = position !== this.#head && this.words[before] !== DROPPED && (this.words[before]! & LINK_BITS) !== 0
    this.#lighten(position)
    if (!follows && (this.words[at]! & LINK_BITS) === 0) {
      this.words[at] = DROPPED
      return true
    }
    spoil(this.words, at)
    return false
  }

  /** Whether moveTo would move anything, given `room` and an empty SQ. */
  isMovable(room: number): boolean {
    this.#skipDropped()
    if (this.#head === this.#tail) return false
    const length = this.#headLength()
    return length !== 0 && length <= room
  }

  /**
   * Moves whole chains while the SQ has space and `room` lasts, and stops after a portion of bytes to be copied.
   * Returns the SQEs moved.
   */
  moveTo(sq: Sq, room: number): number {
    const bytesAfter = this.#bytes - PORTION_BYTES
    let moved = 0
    for (;;) {
      this.#skipDropped()
      const portion = this.#bytes - bytesAfter
      const nr = portion > 0 ? this.#movableLength(Math.min(room - moved, sq.spaceLeft()), portion) : 0
      if (nr === 0) {
        verify(() => this.length > 0 || this.#bytes === 0, `${this.#bytes} bytes wait without an SQE`)
        return moved
      }
      const first = this.#head & this.#mask
      const nrToEnd = Math.min(nr, this.#mask + 1 - first)
      this.#copyTo(sq, first, nrToEnd)
      if (nr > nrToEnd) this.#copyTo(sq, 0, nr - nrToEnd)
      this.#head = (this.#head + nr) | 0
      moved += nr
    }
  }

  #copyTo(sq: Sq, first: number, nr: number): void {
    const { words } = this
    const from = first << SQE_SHIFT
    sq.putSqes(words, from, nr)
    for (let i = first; i < first + nr; i++) {
      const at = i << SQE_SHIFT
      this.#lighten(i)
      this.nrByOpcode[words[at]! & OPCODE_MASK]!++
      this.#slots.markSubmitted(words[at + USER_DATA]!)
    }
  }

  /**
   * How many SQEs at the head, at most `max`, end with the end of a chain and have no withdrawn one among them. If they
   * weigh `portion` bytes, it stops at the first chain that reaches that.
   */
  #movableLength(max: number, portion: number): number {
    const limit = Math.min(this.length, max)
    let whole = 0
    let sum = 0
    for (let nr = 0; nr < limit; nr++) {
      const i = (this.#head + nr) & this.#mask
      const word = this.words[i << SQE_SHIFT]!
      if (word === DROPPED) break
      sum += this.#weights[i]!
      if ((word & LINK_BITS) !== 0) continue
      whole = nr + 1
      if (sum >= portion) break
    }
    return whole
  }

  /** Nothing is copied any more for the SQE at `position`. */
  #lighten(position: number): void {
    const i = position & this.#mask
    this.#bytes -= this.#weights[i]!
    this.#weights[i] = 0
  }

  #skipDropped(): void {
    while (this.#head !== this.#tail && this.words[(this.#head & this.#mask) << SQE_SHIFT] === DROPPED) {
      this.#head = (this.#head + 1) | 0
    }
  }

  /** How many SQEs at the head are one chain; 0 while the chain is open. */
  #headLength(): number {
    let i = this.#head
    while ((this.words[(i & this.#mask) << SQE_SHIFT]! & LINK_BITS) !== 0) {
      i = (i + 1) | 0
      if (i === this.#tail) return 0
    }
    return ((i - this.#head) >>> 0) + 1
  }

  #grow(): void {
    const old = this.words
    const oldMask = this.#mask
    const oldWeights = this.#weights
    this.words = new Int32Array(old.length * 2)
    this.#weights = new Float64Array(oldWeights.length * 2)
    this.#mask = oldMask * 2 + 1
    for (let i = this.#head; i !== this.#tail; i = (i + 1) | 0) {
      const from = (i & oldMask) << SQE_SHIFT
      this.words.set(old.subarray(from, from + SQE_WORDS), (i & this.#mask) << SQE_SHIFT)
      this.#weights[i & this.#mask] = oldWeights[i & oldMask]!
    }
  }
}
