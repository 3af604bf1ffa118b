/**
 * What the owner knows of each job that has a record, by item: arrays, no object a job. Owner thread only.
 */
import { type Blocks, blockOf } from './arena.js'
import type { KeyTable } from './keys.js'
import { type Held, letGo } from './outgoing.js'
import { AT } from './record.js'

export type Resolve = (value: unknown) => void

const HAS_HELD = 1
const HAS_BUCKET = 2
const HAS_BLOCK = 4
/** The job is watched by an AbortSignal. */
export const HAS_SIGNAL = 8

export class InFlight {
  /** Jobs given and not settled, those in the backlog not counted. */
  count = 0
  readonly #resolves: (Resolve | undefined)[]
  readonly #held: (Held | undefined)[] = []
  readonly #bucket: Int32Array
  readonly #block: Int32Array
  /** HAS_*: most jobs have nothing, and one look says so. */
  readonly #has: Uint8Array
  readonly #keys: KeyTable
  readonly #blocks: Blocks

  constructor(nrItems: number, keys: KeyTable, blocks: Blocks) {
    this.#resolves = new Array<Resolve | undefined>(nrItems).fill(undefined)
    this.#bucket = new Int32Array(nrItems)
    this.#block = new Int32Array(nrItems)
    this.#has = new Uint8Array(nrItems)
    this.#keys = keys
    this.#blocks = blocks
  }

  /** A job has a record, its payload at word `p`. */
  add(item: number, resolve: Resolve, words: Int32Array, p: number, held: Held | undefined): void {
    this.count++
    this.#resolves[item] = resolve
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
    const bucket = this.#keys.take(key)
    this.#bucket[item] = bucket
    this.#has[item]! |= HAS_BUCKET
    return bucket
  }

  markSignal(item: number): void {
    this.#has[item]! |= HAS_SIGNAL
  }

  hasSignal(item: number): boolean {
    return (this.#has[item]! & HAS_SIGNAL) !== 0
  }

  has(item: number): boolean {
    return this.#resolves[item] !== undefined
  }

  heldFor(item: number): Held | undefined {
    return this.#held[item]
  }

  /** The job has ended: forgets it, gives back what it had, and returns what settles its promise. */
  remove(item: number): Resolve {
    this.count--
    const resolve = this.#resolves[item]!
    this.#resolves[item] = undefined
    if (this.#has[item] !== 0) this.#giveBack(item)
    return resolve
  }

  #giveBack(item: number): void {
    const has = this.#has[item]!
    this.#has[item] = 0
    if ((has & HAS_BUCKET) !== 0) this.#keys.drop(this.#bucket[item]!)
    if ((has & HAS_BLOCK) !== 0) this.#blocks.free(this.#block[item]!)
    if ((has & HAS_HELD) !== 0) {
      letGo(this.#held[item]!)
      this.#held[item] = undefined
    }
  }
}
