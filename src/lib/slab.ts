/**
 * slab: fixed records in shared memory with a free list. The owner thread alone allocates and frees; any thread that
 * has a record's index may read and write the record.
 *
 * The free list is the owner's private memory, not shared words: a dying worker can never tear it. New records are
 * handed out in ascending order, so untouched pages stay untouched. Counterpart: kmem_cache.
 */
import { assert } from './assert.js'
import { NONE } from './mpscq.js'

export class Slab {
  readonly capacity: number
  #free: Int32Array
  #nrFree = 0
  #nrTouched = 0

  constructor(capacity: number) {
    assert(capacity > 0 && capacity < 2 ** 30, `slab capacity ${capacity}`)
    this.capacity = capacity
    this.#free = new Int32Array(Math.min(capacity, 1024))
  }

  /** The index of a record for the caller, or NONE when all are in use. The most recently freed comes first. */
  alloc(): number {
    if (this.#nrFree > 0) return this.#free[--this.#nrFree]!
    if (this.#nrTouched === this.capacity) return NONE
    return this.#nrTouched++
  }

  free(index: number): void {
    assert(index >= 0 && index < this.#nrTouched, `free of record ${index} which was never handed out`)
    assert(this.#nrFree < this.#nrTouched, `free of record ${index}: every record is free already`)
    if (this.#nrFree === this.#free.length) {
      const bigger = new Int32Array(Math.min(this.capacity, this.#free.length * 2))
      bigger.set(this.#free)
      this.#free = bigger
    }
    this.#free[this.#nrFree++] = index
  }

  /** Records handed out and not freed. */
  get nrUsed(): number {
    return this.#nrTouched - this.#nrFree
  }

  /** Records ever handed out: records from this index on have never been written. */
  get nrTouched(): number {
    return this.#nrTouched
  }
}
