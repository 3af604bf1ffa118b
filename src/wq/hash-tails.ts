/**
 * hash_tail: the last queued item of each bucket, by account. Owner thread only, in private memory.
 *
 * Only the owner inserts and removes. Workers take runs without a word here: an item that is not queued any more, or not
 * in that bucket, says by itself that the bucket has none. The embedder has a word of each bucket beside them, for what
 * it looks at whenever it queues: one cache line for both.
 */
import { NR_ACCTS } from './layout.js'

/** One an account, one for the embedder, one that is free. */
const WORDS = 4

export class HashTails {
  readonly nrBuckets: number
  /** Items + 1; 0: none. */
  readonly #words: Int32Array

  constructor(nrBuckets: number) {
    this.nrBuckets = nrBuckets
    this.#words = new Int32Array(WORDS * nrBuckets)
  }

  /** The item, or NONE. It may have gone since. */
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
