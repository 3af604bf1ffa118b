/**
 * Keys as hash buckets, exactly: two keys that are alive never share a bucket. Owner thread only.
 *
 * A key holds a bucket while jobs carry it, and a small one after that until the bucket is needed. There are as many buckets as work items, so there is always one. Counterpart:
 * io-wq hashes inodes into 64 buckets, where strangers collide.
 */
import { Slab } from '../lib/slab.js'
import type { HashSeat } from '../wq/hash-pools.js'
import { poolError } from './failure.js'

/** A pool's part of SharedKeys. */
export interface SharedKeySeat {
  readonly hashSeat: HashSeat
  /** A key is in use here; returns the word that says who has it. */
  take(key: unknown): number
  /** It is no more. */
  drop(key: unknown): void
}

/** A string kept alive for nothing is to be short. */
const MAX_IDLE_CHARS = 64

export class KeyTable {
  readonly #buckets: Slab
  readonly #bucketOf = new Map<unknown, number>()
  readonly #keyOf: unknown[] = []
  readonly #nrJobs: Int32Array
  /** Keys without jobs that keep their bucket until it is needed: they cost little, and may come again. */
  #nrIdle = 0
  readonly #shared: SharedKeySeat | undefined
  readonly #setHolder: (bucket: number, word: number) => void

  /** Where keys are shared with other pools, `setHolder` gets to know where a bucket's holder is found now. */
  constructor(nrBuckets: number, shared?: SharedKeySeat, setHolder: (bucket: number, word: number) => void = () => {}) {
    this.#shared = shared
    this.#setHolder = setHolder
    this.#buckets = new Slab(nrBuckets)
    this.#nrJobs = new Int32Array(nrBuckets)
  }

  /** The bucket of a key, with one job more. */
  take(key: unknown): number {
    let bucket = this.#bucketOf.get(key)
    if (bucket !== undefined) {
      if (this.#nrJobs[bucket]!++ === 0) this.#nrIdle--
      return bucket
    }
    if (this.#buckets.nrUsed === this.#buckets.capacity) this.#forgetIdle()
    bucket = this.#buckets.alloc()
    if (this.#shared !== undefined) this.#setHolder(bucket, this.#shared.take(key))
    this.#bucketOf.set(key, bucket)
    this.#keyOf[bucket] = key
    this.#nrJobs[bucket] = 1
    return bucket
  }

  /** Whether jobs carry the key. */
  has(key: unknown): boolean {
    const bucket = this.#bucketOf.get(key)
    return bucket !== undefined && this.#nrJobs[bucket]! > 0
  }

  /** The key that holds a bucket. */
  keyOf(bucket: number): unknown {
    return this.#keyOf[bucket]
  }

  /** One job of the bucket has ended. True if it was the last. */
  drop(bucket: number): boolean {
    if (--this.#nrJobs[bucket]! > 0) return false
    const key = this.#keyOf[bucket]
    if (typeof key === 'number' || (typeof key === 'string' && key.length <= MAX_IDLE_CHARS)) this.#nrIdle++
    else this.#forget(bucket)
    return true
  }

  /** Makes room: all keys that no job carries lose their buckets. */
  #forgetIdle(): void {
    for (const bucket of this.#bucketOf.values()) if (this.#nrJobs[bucket] === 0) this.#forget(bucket)
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
