/**
 * A ring's timeouts: the first that is due, those that wait for a count, and the order of search. Owner thread only.
 *
 *   heap:   by the time they are due; those that are up leave it
 *   lists:  counted ones by their target, then the others as they came: the order in which a cancel finds them
 *   by key: those of one user_data, and of whatever else has its key
 *
 * Counterpart: timeout_list and ltimeout_list of io_ring_ctx; the kernel's hrtimers keep what the heap keeps here.
 */
import { assert } from '../../../lib/assert.js'
import { Heap, type Heaped } from '../../../lib/heap.js'
import { NONE } from '../../../lib/mpscq.js'

export interface Timeout extends Heaped {
  readonly req: number
  /** Its search key: one number for each user_data. */
  readonly key: number
  /** When it is up, by nowMs(). */
  dueMs: number
  /** The time between shots; undefined for a single one. */
  intervalMs: number | undefined
  /** Shots left, with an interval; 0 for no end. */
  shots: number
  /** The request that a LINK_TIMEOUT bounds, else NONE. */
  readonly bounds: number
  /** A LINK_TIMEOUT was up before its request had ended. */
  isUp: boolean
  /** The number of posted CQEs, timeouts apart, at which it ends; undefined without a count. */
  target: number | undefined
  /** Its number: the order of timeouts that are due at once. */
  nr: number
}

export class Timers {
  readonly #heap = new Heap<Timeout>(isBefore)
  /** Timeouts with a count, and without one; not linked timeouts. */
  readonly #counted: Timeout[] = []
  readonly #plain = new Set<Timeout>()
  readonly #byReq = new Map<number, Timeout>()
  readonly #byKey = new Map<number, Set<Timeout>>()
  /** Timeouts that were up, or met their count. */
  nrEvents = 0
  /**
   * CQEs posted since the CQ's tail was first read, and the last tail. The tail wraps at 2**32; the number does not.
   */
  #nrPosted = 0
  #lastTail: number | undefined
  #nextNr = 0

  /** Infinity for none. */
  get firstDueMs(): number {
    return this.#heap.first?.dueMs ?? Number.POSITIVE_INFINITY
  }

  /** Timeouts, and limits of requests. */
  get count(): number {
    return this.#byReq.size
  }

  find(req: number): Timeout | undefined {
    return this.#byReq.get(req)
  }

  /** Starts a timeout. `count` more CQEs than the current `tail` end it too; 0 for no count. */
  add(timeout: Omit<Timeout, 'target' | 'heapAt' | 'nr' | 'isUp'>, count: number, tail: number): void {
    const target = count === 0 ? undefined : this.#countPosted(tail) + count
    const started: Timeout = { ...timeout, target, nr: 0, heapAt: -1, isUp: false }
    this.#byReq.set(started.req, started)
    this.#push(started)
    const same = this.#byKey.get(started.key)
    if (same === undefined) this.#byKey.set(started.key, new Set([started]))
    else same.add(started)
    if (started.bounds !== NONE) return
    if (target === undefined) {
      this.#plain.add(started)
      return
    }
    let i = this.#counted.length
    while (i > 0 && this.#counted[i - 1]!.target! > target) i--
    this.#counted.splice(i, 0, started)
  }

  /** Changes the time of a timeout, which loses its count and the end of its shots. */
  move(timeout: Timeout, dueMs: number, intervalMs: number): void {
    this.#takeOff(timeout)
    timeout.dueMs = dueMs
    timeout.shots = 0
    if (timeout.intervalMs !== undefined) timeout.intervalMs = intervalMs
    timeout.target = undefined
    this.#push(timeout)
    if (timeout.bounds !== NONE) return
    this.#plain.add(timeout)
    // It is found after the present ones.
    const same = this.#byKey.get(timeout.key)
    if (same?.delete(timeout)) same.add(timeout)
  }

  /** Starts the next shot of a timeout that was up. */
  again(timeout: Timeout, dueMs: number): void {
    timeout.dueMs = dueMs
    this.#push(timeout)
  }

  remove(timeout: Timeout): void {
    assert(this.#byReq.get(timeout.req) === timeout, 'a timeout is removed once')
    this.#takeOff(timeout)
    this.#byReq.delete(timeout.req)
    const same = this.#byKey.get(timeout.key)
    same?.delete(timeout)
    if (same?.size === 0) this.#byKey.delete(timeout.key)
  }

  /** Pops the next timeout that is due; it can be found until it is removed. */
  popDue(nowMs: number): Timeout | undefined {
    const { first } = this.#heap
    if (first === undefined || first.dueMs > nowMs) return undefined
    this.#heap.remove(first)
    return first
  }

  /** The timeouts whose count the CQ's tail meets, in their order. They count as events; the caller removes them. */
  met(tail: number): readonly Timeout[] {
    if (this.#counted.length === 0) return []
    const count = this.#countPosted(tail)
    let nrMet = 0
    while (nrMet < this.#counted.length && this.#counted[nrMet]!.target! <= count) nrMet++
    this.nrEvents += nrMet
    return this.#counted.slice(0, nrMet)
  }

  /** How many CQEs beyond the CQ's tail meet the first count; Infinity without one. */
  nrToMeet(tail: number): number {
    const first = this.#counted[0]
    return first === undefined ? Number.POSITIVE_INFINITY : first.target! - this.#countPosted(tail)
  }

  /** All but linked timeouts, in the order of search. */
  timeouts(): Timeout[] {
    return [...this.#counted, ...this.#plain]
  }

  /** The ones of timeouts() with a key, in that order. */
  timeoutsBy(key: number): Timeout[] {
    const same = [...(this.#byKey.get(key) ?? [])].filter(({ bounds }) => bounds === NONE)
    return same.length < 2 ? same : same.sort((a, b) => rank(a) - rank(b))
  }

  /** Linked timeouts whose requests have begun, by their key. */
  linkTimeoutsBy(key: number): Timeout[] {
    return [...(this.#byKey.get(key) ?? [])].filter(({ bounds, isUp }) => bounds !== NONE && !isUp)
  }

  /** The number of CQEs posted, timeouts apart. */
  #countPosted(tail: number): number {
    this.#nrPosted += (tail - (this.#lastTail ?? tail)) >>> 0
    this.#lastTail = tail
    return this.#nrPosted - this.nrEvents
  }

  #takeOff(timeout: Timeout): void {
    this.#heap.remove(timeout)
    if (timeout.bounds !== NONE) return
    if (timeout.target === undefined) this.#plain.delete(timeout)
    else this.#counted.splice(this.#counted.indexOf(timeout), 1)
  }

  #push(timeout: Timeout): void {
    timeout.nr = this.#nextNr++
    this.#heap.push(timeout)
  }
}

function isBefore(one: Timeout, other: Timeout): boolean {
  return one.dueMs === other.dueMs ? one.nr < other.nr : one.dueMs < other.dueMs
}

/** Timeouts with a count come first, the lowest ahead. */
function rank({ target }: Timeout): number {
  return target ?? Number.MAX_SAFE_INTEGER
}
