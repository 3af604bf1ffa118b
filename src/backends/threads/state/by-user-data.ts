/**
 * The requests of a thread that are in io-wq, by their user_data, so that a cancel need not visit all. Owner thread
 * only.
 *
 *   key -> first <-> ... <-> last      in the order in which they went to io-wq
 *
 * It lists all requests with one key. Requests of another user_data or ring may share the key, so the caller compares.
 * The memory is private, so that no worker can tear it. Counterpart: cancel_table of io_ring_ctx, which has requests
 * that wait for their files.
 */
import { assert } from '../../../lib/assert.js'
import { NONE } from '../../../lib/mpscq.js'

const FIRST_SIZE = 1024

export class ByUserData {
  readonly #firsts = new Map<number, number>()
  #next = new Int32Array(FIRST_SIZE)
  /** The last of a key, in the place of its first. */
  #before = new Int32Array(FIRST_SIZE)

  /** How many requests it lists, counted one by one. */
  get count(): number {
    let count = 0
    for (const first of this.#firsts.values()) for (let req = first; req !== NONE; req = this.#next[req]!) count++
    return count
  }

  add(req: number, key: number): void {
    if (req >= this.#next.length) this.#grow(req)
    const first = this.#firsts.get(key)
    this.#next[req] = NONE
    if (first === undefined) {
      this.#firsts.set(key, req)
      this.#before[req] = req
      return
    }
    const last = this.#before[first]!
    this.#next[last] = req
    this.#before[req] = last
    this.#before[first] = req
  }

  remove(req: number, key: number): void {
    const first = this.#firsts.get(key)
    assert(first !== undefined, `request ${req} is found by its user_data`)
    const next = this.#next[req]!
    const before = this.#before[req]!
    if (first !== req) {
      this.#next[before] = next
      this.#before[next === NONE ? first : next] = before
    } else if (next === NONE) this.#firsts.delete(key)
    else {
      this.#firsts.set(key, next)
      this.#before[next] = before
    }
  }

  /** The first of a key, or NONE. */
  first(key: number): number {
    return this.#firsts.get(key) ?? NONE
  }

  /** The one behind, or NONE. */
  next(req: number): number {
    return this.#next[req]!
  }

  #grow(req: number): void {
    const size = Math.max(req + 1, 2 * this.#next.length)
    const [next, before] = [new Int32Array(size), new Int32Array(size)]
    next.set(this.#next)
    before.set(this.#before)
    this.#next = next
    this.#before = before
  }
}

/** The key of a user_data of a ring. */
export function keyOf(ctx: number, low: number, high: number): number {
  return low ^ Math.imul(high, 0x9e3779b1) ^ (ctx << 23)
}
