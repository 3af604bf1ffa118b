/**
 * What each job of the pool stress did, in shared memory: begun, ended, behind whom. Main thread and workers.
 *
 * Jobs are numbered from 1 in the order they are given.
 */
import { fetchAdd, loadAcquire, storeRelease, xchg } from '../../src/lib/barrier.js'

const BEGUN = 1
const ENDED = 1 << 16
const NO_KEY = -1

/** Bounded and unbounded jobs of a key each have an order of their own. */
export const NR_KINDS = 2

export class Ledger {
  readonly #marks: Int32Array
  /** For each job: the one of its key that was in and had not ended, as this one began; 0: none. */
  readonly #met: Int32Array
  /** For each job: the one of its key and kind that began last before it. */
  readonly #behind: Int32Array
  /** For each key: who went in last. */
  readonly #inside: Int32Array
  readonly #last: Int32Array

  readonly words: readonly Int32Array[]

  constructor(words: readonly Int32Array[]) {
    this.words = words
    ;[this.#marks, this.#met, this.#behind, this.#inside, this.#last] = words as [
      Int32Array,
      Int32Array,
      Int32Array,
      Int32Array,
      Int32Array,
    ]
  }

  static create(nrJobs: number, nrKeys: number): Ledger {
    const sizes = [nrJobs + 1, nrJobs + 1, nrJobs + 1, nrKeys, nrKeys * NR_KINDS]
    return new Ledger(sizes.map((size) => new Int32Array(new SharedArrayBuffer(size * 4))))
  }

  begin(job: number, key: number, kind: number): void {
    fetchAdd(this.#marks, job, BEGUN)
    if (key === NO_KEY) return
    const before = xchg(this.#inside, key, job)
    if (before !== 0 && !this.hasEnded(before)) storeRelease(this.#met, job, before)
    storeRelease(this.#behind, job, xchg(this.#last, key * NR_KINDS + kind, job))
  }

  end(job: number): void {
    fetchAdd(this.#marks, job, ENDED)
  }

  nrBegun(job: number): number {
    return loadAcquire(this.#marks, job) & (ENDED - 1)
  }

  hasEnded(job: number): boolean {
    return loadAcquire(this.#marks, job) >= ENDED
  }

  met(job: number): number {
    return loadAcquire(this.#met, job)
  }

  behind(job: number): number {
    return loadAcquire(this.#behind, job)
  }
}
