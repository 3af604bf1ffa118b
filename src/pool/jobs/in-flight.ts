/**
 * What the owner knows of each job that has a record, by item: arrays, no object a job. Owner thread only.
 */
import { assert, VERIFY } from '../../lib/assert.js'
import { type Blocks, blockOf } from '../between/arena.js'
import { AT, FUNC, JOB_WORDS } from '../between/record.js'
import { Extras } from './extras.js'
import { type Held, letGo } from './held.js'
import type { KeyTable } from './keys.js'
import type { Waiting } from './waiting.js'

export type Resolve = (value: unknown) => void

const HAS_HELD = 1
const HAS_BUCKET = 2
const HAS_BLOCK = 4
/** The job is watched by an AbortSignal. */
export const HAS_SIGNAL = 8
/** Somebody listens to what comes of the job while it runs. */
export const HAS_EVENTS = 16
const HAS_EXTRAS = 32
const IS_UNBOUNDED = 64
/** Its caller has had an answer, and its thread is being ended. Goes with HAS_EVENTS, whatever those are. */
const IS_ABANDONED = 128
const nobody: Resolve = () => {}

export class InFlight {
  /** Jobs given and not settled, those in the backlog not counted. */
  count = 0
  readonly #resolves: (Resolve | undefined)[]
  readonly #held: (Held | undefined)[] = []
  readonly #bucket: Int32Array
  /** The number of the function's name: the worker writes over the record's. */
  readonly #func: Int32Array
  readonly #extras: (Extras | undefined)[] = []
  readonly #block: Int32Array
  /** HAS_*: most jobs have nothing, and one look says so. */
  readonly #has: Uint8Array
  readonly keys: KeyTable
  readonly #blocks: Blocks
  /** Told of each job that has extras and ends. */
  onEnded: (extras: Extras) => void = () => {}
  /** Told of each key that no job carries any more; asked for while priorities are in use. */
  onKeyFreed: ((key: unknown) => void) | undefined

  constructor(nrItems: number, keys: KeyTable, blocks: Blocks) {
    this.#resolves = new Array<Resolve | undefined>(nrItems).fill(undefined)
    this.#bucket = new Int32Array(nrItems)
    this.#func = new Int32Array(nrItems)
    this.#block = new Int32Array(nrItems)
    this.#has = new Uint8Array(nrItems)
    this.keys = keys
    this.#blocks = blocks
  }

  /** A job has a record, its payload at word `p`. */
  add(item: number, resolve: Resolve, words: Int32Array, p: number, held: Held | undefined): void {
    if (VERIFY) assert(this.#resolves[item] === undefined && this.#has[item] === 0, 'a record has one job')
    this.count++
    this.#resolves[item] = resolve
    this.#func[item] = words[p + FUNC]!
    if (held !== undefined) {
      this.#held[item] = held
      this.#has[item]! |= HAS_HELD
    }
    if (words[p + AT] !== 0) {
      // The worker writes its result over these words.
      this.#block[item] = blockOf(words[p + AT]!)
      this.#has[item]! |= HAS_BLOCK
    }
  }

  /** The bucket of the job's key. */
  takeBucket(item: number, key: unknown): number {
    const bucket = this.keys.take(key)
    this.#bucket[item] = bucket
    this.#has[item]! |= HAS_BUCKET
    return bucket
  }

  markUnbounded(item: number): void {
    this.#has[item]! |= IS_UNBOUNDED
  }

  setExtras(item: number, extras: Extras): void {
    extras.job = item
    this.#extras[item] = extras
    this.#has[item]! |= HAS_EXTRAS
  }

  extrasOf(item: number): Extras | undefined {
    return (this.#has[item]! & HAS_EXTRAS) !== 0 ? this.#extras[item] : undefined
  }

  /** The job's extras, made if it has none. */
  extrasFor(item: number): Extras {
    let extras = this.extrasOf(item)
    if (extras === undefined) {
      extras = new Extras(item)
      this.setExtras(item, extras)
    }
    return extras
  }

  funcOf(item: number): number {
    return this.#func[item]!
  }

  keyOf(item: number): unknown {
    return (this.#has[item]! & HAS_BUCKET) !== 0 ? this.keys.keyOf(this.#bucket[item]!) : undefined
  }

  isUnbounded(item: number): boolean {
    return (this.#has[item]! & IS_UNBOUNDED) !== 0
  }

  /** Whether jobs that have records carry the key. */
  hasKey(key: unknown): boolean {
    return this.keys.has(key)
  }

  /** The items of all jobs that somebody waits for. */
  *[Symbol.iterator](): Generator<number> {
    for (let item = 0; item < this.#resolves.length; item++) {
      if (this.has(item) && !this.isAbandoned(item)) yield item
    }
  }

  /** The job goes on without a caller. Returns what settles its promise. */
  abandon(item: number): Resolve {
    const resolve = this.#resolves[item]!
    const extras = this.extrasOf(item)
    this.#resolves[item] = nobody
    this.#extras[item] = undefined
    this.#has[item] = (this.#has[item]! & ~(HAS_SIGNAL | HAS_EXTRAS)) | HAS_EVENTS | IS_ABANDONED
    if (extras !== undefined) this.onEnded(extras)
    return resolve
  }

  isAbandoned(item: number): boolean {
    return (this.#has[item]! & IS_ABANDONED) !== 0
  }

  /** How many of the first `nrItems` records have something of a job's. */
  nrLeft(nrItems: number): number {
    let count = 0
    for (let item = 0; item < nrItems; item++) {
      const part = this.#resolves[item] ?? this.#held[item] ?? this.#extras[item]
      if (part !== undefined || this.#has[item] !== 0) count++
    }
    return count
  }

  markSignal(item: number): void {
    this.#has[item]! |= HAS_SIGNAL
  }

  markEvents(item: number): void {
    this.#has[item]! |= HAS_EVENTS
  }

  hasEvents(item: number): boolean {
    return (this.#has[item]! & HAS_EVENTS) !== 0
  }

  hasSignal(item: number): boolean {
    return (this.#has[item]! & HAS_SIGNAL) !== 0
  }

  has(item: number): boolean {
    return this.#resolves[item] !== undefined
  }

  /** What settles the job's promise: no other job has the same. */
  resolveOf(item: number): Resolve | undefined {
    return this.#resolves[item]
  }

  heldFor(item: number): Held | undefined {
    return this.#held[item]
  }

  /**
   * The job has ended: forgets it, gives back what it had, and returns what settles its promise. `hasArrived`: so had its
   * arguments.
   */
  remove(item: number, hasArrived = false): Resolve {
    this.count--
    const resolve = this.#resolves[item]!
    if (VERIFY) assert(resolve !== undefined, `the job in record ${item} settles once`)
    this.#resolves[item] = undefined
    if (this.#has[item] !== 0) this.#giveBack(item, hasArrived)
    return resolve
  }

  /** The job did not begin: it goes on without a record, whose words at `p` are kept. */
  detach(
    item: number,
    sharedWords: Int32Array,
    p: number,
  ): Omit<Waiting, 'id' | 'signal' | 'givenNs' | 'listener' | 'listenFlags'> {
    this.count--
    const resolve = this.#resolves[item]!
    const key = this.keyOf(item)
    const waiting = {
      words: sharedWords.slice(p, p + JOB_WORDS),
      nrWords: JOB_WORDS,
      held: this.#held[item],
      key,
      isUnbounded: this.isUnbounded(item),
      extras: this.extrasOf(item),
      resolve,
    }
    this.#resolves[item] = undefined
    this.#held[item] = undefined
    this.#extras[item] = undefined
    if ((this.#has[item]! & HAS_BUCKET) !== 0) this.#dropBucket(item)
    this.#has[item] = 0
    return waiting
  }

  #dropBucket(item: number): void {
    const bucket = this.#bucket[item]!
    if (this.onKeyFreed === undefined) {
      this.keys.drop(bucket)
      return
    }
    const key = this.keys.keyOf(bucket)
    if (this.keys.drop(bucket)) this.onKeyFreed(key)
  }

  #giveBack(item: number, hasArrived: boolean): void {
    const has = this.#has[item]!
    this.#has[item] = 0
    if ((has & HAS_BUCKET) !== 0) this.#dropBucket(item)
    if ((has & HAS_BLOCK) !== 0) this.#blocks.free(this.#block[item]!)
    if ((has & HAS_HELD) !== 0) {
      letGo(this.#held[item]!, hasArrived)
      this.#held[item] = undefined
    }
    if ((has & HAS_EXTRAS) !== 0) {
      const extras = this.#extras[item]!
      this.#extras[item] = undefined
      this.onEnded(extras)
    }
  }
}
