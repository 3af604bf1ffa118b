/**
 * hash_tail: the last queued item of each bucket, by account. Owner thread only, in private memory.
 *
 * Only the owner inserts and removes. Workers take runs without writing here: if an item is no longer queued, or no
 * longer in that bucket, the bucket has no tail. The embedder has a word of each bucket beside them, for what it reads
 * whenever it queues: both share one cache line.
 */
import { NR_ACCTS } from './layout.js'

/** One for each account, one for the embedder, one unused. */
const WORDS = 4

export class HashTails {
  readonly nrBuckets: number
  /** Items + 1; 0: none. */
  readonly #words: Int32Array

  constructor(nrBuckets: number) {
    this.nrBuckets = nrBuckets
    this.#words = new Int32Array(WORDS * nrBuckets)
  }

  /** The item, or NONE. It may have left the list since. */
  get(acct: number, bucket: number): number {
    return this.#words[bucket * WORDS + acct]! - 1
  }

  set(acct: number, bucket: number, item: number): void {
    this.#words[bucket * WORDS + acct] = item + 1
  }

  /** The embedder's word, 0 at first. */
  getOwn(bucket: number): number {
    return this.#words[bucket * WORDS + NR_ACCTS]!
  }

  setOwn(bucket: number, value: number): void {
    this.#words[bucket * WORDS + NR_ACCTS] = value
  }

  clear(acct: number): void {
    for (let at = acct; at < this.#words.length; at += WORDS) this.#words[at] = 0
  }
}
