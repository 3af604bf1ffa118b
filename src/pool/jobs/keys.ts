/**
 * Keys as hash buckets, exactly: two keys that are alive never share a bucket. Owner thread only.
 *
 * A key holds a bucket while jobs carry it, and a small one after that until the bucket is needed. There are more buckets
 * than work items, so there is always one. Counterpart: io-wq hashes inodes into 64 buckets, where strangers collide.
 */
import { Slab } from '../../lib/slab.js'
import type { HashSeat } from '../../wq/hash-pools.js'
import type { HashTails } from '../../wq/hash-tails.js'
import { poolError } from '../values/failure.js'

/** A pool's part of SharedKeys. */
export interface SharedKeySeat {
  readonly hashSeat: HashSeat
  /** A key is in use here; returns the word that says who has it. */
  take(key: unknown): number
  /** It is no more. */
  drop(key: unknown): void
}

/** Keys that a pool can have at once: one for each job with a record, and those that keep their bucket without. */
export const NR_BUCKETS = 32_768
/** A string kept alive for nothing is to be short. */
const MAX_IDLE_CHARS = 64
/** The key keeps its bucket while no job carries it. */
const KEEPS = 1
const ONE_JOB = 2

export class KeyTable {
  readonly #buckets: Slab
  readonly #bucketOf = new Map<unknown, number>()
  readonly #keyOf: unknown[] = []
  /** The own word of each bucket: ONE_JOB for each job that carries its key, and KEEPS. */
  readonly #tails: HashTails
  /** Keys without jobs that keep their bucket until it is needed: they cost little, and may come again. */
  #nrIdle = 0
  readonly #shared: SharedKeySeat | undefined
  readonly #setHolder: (bucket: number, word: number) => void

  /** Where keys are shared with other pools, `setHolder` gets to know where a bucket's holder is found now. */
  constructor(tails: HashTails, shared?: SharedKeySeat, setHolder: (bucket: number, word: number) => void = () => {}) {
    this.#shared = shared
    this.#setHolder = setHolder
    this.#buckets = new Slab(tails.nrBuckets)
    this.#tails = tails
  }

  /** The bucket of a key, with one job more. */
  take(key: unknown): number {
    let bucket = this.#bucketOf.get(key)
    if (bucket !== undefined) {
      const count = this.#tails.getOwn(bucket)
      this.#tails.setOwn(bucket, count + ONE_JOB)
      if (count < ONE_JOB) this.#nrIdle--
      return bucket
    }
    if (this.#buckets.nrUsed === this.#buckets.capacity) this.#forgetIdle()
    bucket = this.#buckets.alloc()
    if (this.#shared !== undefined) this.#setHolder(bucket, this.#shared.take(key))
    this.#bucketOf.set(key, bucket)
    this.#keyOf[bucket] = key
    const keeps = typeof key === 'number' || (typeof key === 'string' && key.length <= MAX_IDLE_CHARS)
    this.#tails.setOwn(bucket, ONE_JOB | (keeps ? KEEPS : 0))
    return bucket
  }

  /** Whether one job carries the bucket's key, and no more. */
  isAlone(bucket: number): boolean {
    return this.#tails.getOwn(bucket) < 2 * ONE_JOB
  }

  /** Whether jobs carry the key. */
  has(key: unknown): boolean {
    const bucket = this.#bucketOf.get(key)
    return bucket !== undefined && this.#tails.getOwn(bucket) >= ONE_JOB
  }

  /** The key that holds a bucket. */
  keyOf(bucket: number): unknown {
    return this.#keyOf[bucket]
  }

  /** One job of the bucket has ended. True if it was the last. */
  drop(bucket: number): boolean {
    const count = this.#tails.getOwn(bucket) - ONE_JOB
    this.#tails.setOwn(bucket, count)
    if (count >= ONE_JOB) return false
    if (count === KEEPS) this.#nrIdle++
    else this.#forget(bucket)
    return true
  }

  /** Makes room: all keys that no job carries lose their buckets. */
  #forgetIdle(): void {
    for (const bucket of this.#bucketOf.values()) if (this.#tails.getOwn(bucket) < ONE_JOB) this.#forget(bucket)
    this.#nrIdle = 0
  }

  #forget(bucket: number): void {
    // The worker may hold the bucket a moment longer: a new key in it then waits for that, no more.
    this.#shared?.drop(this.#keyOf[bucket])
    this.#bucketOf.delete(this.#keyOf[bucket])
    this.#keyOf[bucket] = undefined
    this.#buckets.free(bucket)
  }

  /** Why a value cannot be a key, if there is a reason. */
  refusal(key: unknown): Error | undefined {
    if (this.#shared === undefined || key === null || !/^(object|function|symbol)$/.test(typeof key)) return undefined
    return poolError('ERR_INVALID_ARG_TYPE', 'a key that pools share is a string, number, bigint, boolean or null')
  }

  /** Keys that jobs carry. */
  get size(): number {
    return this.#bucketOf.size - this.#nrIdle
  }
}
