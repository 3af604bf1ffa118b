/**
 * Keys as hash buckets, exactly: two keys that are alive never share a bucket. Owner thread only.
 *
 * A key holds a bucket while jobs carry it. There are as many buckets as work items, so there is always one. Counterpart:
 * io-wq hashes inodes into 64 buckets, where strangers collide.
 */
import { Slab } from '../lib/slab.js'

export class KeyTable {
  readonly #buckets: Slab
  readonly #bucketOf = new Map<unknown, number>()
  readonly #keyOf: unknown[] = []
  readonly #nrJobs: Int32Array

  constructor(nrBuckets: number) {
    this.#buckets = new Slab(nrBuckets)
    this.#nrJobs = new Int32Array(nrBuckets)
  }

  /** The bucket of a key, with one job more. */
  take(key: unknown): number {
    let bucket = this.#bucketOf.get(key)
    if (bucket === undefined) {
      bucket = this.#buckets.alloc()
      this.#bucketOf.set(key, bucket)
      this.#keyOf[bucket] = key
    }
    this.#nrJobs[bucket]!++
    return bucket
  }

  /** Whether jobs carry the key. */
  has(key: unknown): boolean {
    return this.#bucketOf.has(key)
  }

  /** The key that holds a bucket. */
  keyOf(bucket: number): unknown {
    return this.#keyOf[bucket]
  }

  /** One job of the bucket has ended. True if it was the last. */
  drop(bucket: number): boolean {
    if (--this.#nrJobs[bucket]! > 0) return false
    // The worker may hold the bucket a moment longer: a new key in it then waits for that, no more.
    this.#bucketOf.delete(this.#keyOf[bucket])
    this.#keyOf[bucket] = undefined
    this.#buckets.free(bucket)
    return true
  }

  get size(): number {
    return this.#bucketOf.size
  }
}
