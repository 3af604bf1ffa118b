/**
 * Records that tell of a use after free, for test builds. Owner thread only.
 *
 * A record that is given back is filled with poison, and looked at before it is handed out again: whoever wrote to it in
 * between, or has it given back twice, is told of. Counterpart: SLUB's poisoning of a kmem_cache.
 */
import { assert, VERIFY } from '../lib/assert.js'
import { NONE } from '../lib/mpscq.js'
import { Slab } from '../lib/slab.js'
import type { WqMemory } from './layout.js'

/** As an fd or an index it is none, as an address nobody's. */
export const POISON = 0xdead_beef | 0

/** A slab for the items of an io-wq: of a plain kind but in test builds. */
export function itemSlab(mem: WqMemory): Slab {
  return VERIFY ? new PoisonedSlab(mem) : new Slab(mem.shape.nrItems)
}

/** Of each item the embedder's payload is poisoned while it is free. */
export class PoisonedSlab extends Slab {
  readonly #mem: WqMemory
  readonly #isFree: Uint8Array

  constructor(mem: WqMemory) {
    super(mem.shape.nrItems)
    this.#mem = mem
    this.#isFree = new Uint8Array(mem.shape.nrItems)
  }

  override alloc(): number {
    const item = super.alloc()
    // One that was never used is all zeros.
    if (item === NONE || this.#isFree[item] === 0) return item
    this.#isFree[item] = 0
    const payload = this.#payload(item)
    const at = payload.findIndex((word) => word !== POISON)
    assert(at === -1, `item ${item} is left alone while it is free: word ${at} of its payload is ${payload[at]}`)
    payload.fill(0)
    return item
  }

  override free(item: number): void {
    assert(this.#isFree[item] === 0, `item ${item} is given back once`)
    super.free(item)
    this.#isFree[item] = 1
    this.#payload(item).fill(POISON)
  }

  #payload(item: number): Int32Array {
    const from = this.#mem.payload(item)
    return this.#mem.words.subarray(from, from + (this.#mem.shape.payloadBytes >> 2))
  }
}
