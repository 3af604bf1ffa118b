/**
 * A ring's timeouts: which is due first, which wait for a count, in which order they are found. Owner thread only.
 *
 *   heap:   by the time they are due; those that are up leave it
 *   list:   counted ones by their target, then the others as they came: the order in which a cancel finds them
 *
 * Counterpart: timeout_list and ltimeout_list of io_ring_ctx; the kernel's hrtimers keep what the heap keeps here.
 */
import { assert } from '../../lib/assert.js'
import { NONE } from '../../lib/mpscq.js'

export interface Timeout {
  readonly req: number
  /** When it is up, by nowMs(). */
  dueMs: number
  /** From one shot to the next; undefined for a single one. */
  intervalMs: number | undefined
  /** Shots left, with an interval; 0 for no end. */
  shots: number
  /** Of a LINK_TIMEOUT the request that it bounds, else NONE. */
  readonly bounds: number
  /** Of a LINK_TIMEOUT: it was up before its request had ended. */
  isUp: boolean
  /** How many CQEs, timeouts apart, were posted when it ends; undefined without a count. */
  target: number | undefined
  /** Its number, by which those go that are due at once. */
  nr: number
  /** Its place in the heap, -1 for none. */
  at: number
}

export class Timers {
  readonly #heap: Timeout[] = []
  /** Timeouts, not limits of requests. */
  readonly #list: Timeout[] = []
  readonly #byReq = new Map<number, Timeout>()
  /** How many of the list have a count: they are its first. */
  #nrCounted = 0
  /** Timeouts that were up, or met their count. */
  nrEvents = 0
  /** CQEs posted since the first look at the CQ's tail, and that tail then: it begins anew at 2**32, this does not. */
  #nrPosted = 0
  #lastTail: number | undefined
  #nextNr = 0

  /** Infinity for none. */
  get firstDueMs(): number {
    return this.#heap[0]?.dueMs ?? Number.POSITIVE_INFINITY
  }

  find(req: number): Timeout | undefined {
    return this.#byReq.get(req)
  }

  /** Starts one. `count` CQEs beyond the `tail` of now end it too; 0 for no count. */
  add(timeout: Omit<Timeout, 'target' | 'at' | 'nr' | 'isUp'>, count: number, tail: number): void {
    const target = count === 0 ? undefined : this.#count(tail) + count
    const started: Timeout = { ...timeout, target, nr: 0, at: -1, isUp: false }
    this.#byReq.set(started.req, started)
    this.#push(started)
    if (started.bounds !== NONE) return
    if (target === undefined) {
      this.#list.push(started)
      return
    }
    let i = this.#nrCounted
    while (i > 0 && this.#list[i - 1]!.target! > target) i--
    this.#list.splice(i, 0, started)
    this.#nrCounted++
  }

  /** Another time for one, which loses its count and the end of its shots. */
  move(timeout: Timeout, dueMs: number, intervalMs: number): void {
    this.#takeOff(timeout)
    timeout.dueMs = dueMs
    timeout.shots = 0
    if (timeout.intervalMs !== undefined) timeout.intervalMs = intervalMs
    timeout.target = undefined
    this.#push(timeout)
    if (timeout.bounds === NONE) this.#list.push(timeout)
  }

  /** One that was up goes on. */
  again(timeout: Timeout, dueMs: number): void {
    timeout.dueMs = dueMs
    this.#push(timeout)
  }

  remove(timeout: Timeout): void {
    assert(this.#byReq.get(timeout.req) === timeout, 'a timeout is removed once')
    this.#takeOff(timeout)
    this.#byReq.delete(timeout.req)
  }

  /** Takes the next that is due off the heap; it stays known until it is removed. */
  popDue(nowMs: number): Timeout | undefined {
    const first = this.#heap[0]
    if (first === undefined || first.dueMs > nowMs) return undefined
    this.#cut(first)
    return first
  }

  /** Those whose count is met, the CQ's tail being there, in their order: events, and to be removed. */
  met(tail: number): readonly Timeout[] {
    if (this.#nrCounted === 0) return []
    const count = this.#count(tail)
    let nrMet = 0
    while (nrMet < this.#nrCounted && this.#list[nrMet]!.target! <= count) nrMet++
    this.nrEvents += nrMet
    return this.#list.slice(0, nrMet)
  }

  /** How many more CQEs, the CQ's tail being there, meet the first count; Infinity without one. */
  nrToMeet(tail: number): number {
    return this.#nrCounted === 0 ? Number.POSITIVE_INFINITY : this.#list[0]!.target! - this.#count(tail)
  }

  /** Those that are no limits of requests, in the order in which they are found. */
  timeouts(): readonly Timeout[] {
    return this.#list
  }

  /** Limits of requests that have begun. */
  limits(): Timeout[] {
    return [...this.#byReq.values()].filter(({ bounds, isUp }) => bounds !== NONE && !isUp)
  }

  /** CQEs posted, timeouts apart. */
  #count(tail: number): number {
    this.#nrPosted += (tail - (this.#lastTail ?? tail)) >>> 0
    this.#lastTail = tail
    return this.#nrPosted - this.nrEvents
  }

  #takeOff(timeout: Timeout): void {
    if (timeout.at >= 0) this.#cut(timeout)
    if (timeout.bounds !== NONE) return
    this.#list.splice(this.#list.indexOf(timeout), 1)
    if (timeout.target !== undefined) this.#nrCounted--
  }

  #push(timeout: Timeout): void {
    timeout.nr = this.#nextNr++
    this.#heap.push(timeout)
    this.#rise(timeout, this.#heap.length - 1)
  }

  #cut(timeout: Timeout): void {
    const { at } = timeout
    const last = this.#heap.pop()!
    timeout.at = -1
    if (last === timeout) return
    this.#rise(last, at)
    this.#sink(last)
  }

  #rise(timeout: Timeout, from: number): void {
    let at = from
    while (at > 0) {
      const above = (at - 1) >> 1
      const other = this.#heap[above]!
      if (isBefore(other, timeout)) break
      this.#put(other, at)
      at = above
    }
    this.#put(timeout, at)
  }

  #sink(timeout: Timeout): void {
    let { at } = timeout
    for (;;) {
      const left = 2 * at + 1
      const right = left + 1
      const below = right < this.#heap.length && isBefore(this.#heap[right]!, this.#heap[left]!) ? right : left
      const other = this.#heap[below]
      if (other === undefined || isBefore(timeout, other)) break
      this.#put(other, at)
      at = below
    }
    this.#put(timeout, at)
  }

  #put(timeout: Timeout, at: number): void {
    this.#heap[at] = timeout
    timeout.at = at
  }
}

function isBefore(one: Timeout, other: Timeout): boolean {
  return one.dueMs === other.dueMs ? one.nr < other.nr : one.dueMs < other.dueMs
}
