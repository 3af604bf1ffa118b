/**
 * slab: fixed records in shared memory with a free list. Allocation and freeing run on the owner thread only; records
 * may be read and written by whoever holds their index.
 *
 * The free list is the owner's private memory, not shared words: a worker that dies can never tear it. Records not yet
 * used are handed out in ascending order, so untouched pages stay untouched. Counterpart: kmem_cache.
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

  /** The index of a record now the caller's, or NONE when all are taken. The most recently freed comes first. */
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

  /** Records ever handed out: those at this index and above have never been written. */
  get nrTouched(): number {
    return this.#nrTouched
  }
}
