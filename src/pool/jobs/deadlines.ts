/**
 * Timeouts of jobs: one timer, armed for the earliest. Owner thread only.
 *
 * The timer stays as it is when that job ends before: it then finds nothing due, and is armed for the next. It does not
 * keep the process alive, jobs in flight do.
 */
import { nowMs } from '../../lib/clock.js'
import { clearTimeout, setTimeout } from '../../lib/globals.js'
import { Heap } from '../../lib/heap.js'
import { rejection, timeoutError } from '../values/failure.js'
import type { Extras } from './extras.js'

/** The longest that setTimeout takes. */
export const MAX_TIMER_MS = 0x7fff_ffff

export class Deadlines {
  readonly #heap = new Heap<Extras>((a, b) => a.dueMs < b.dueMs)
  readonly #onDue: (extras: Extras) => void
  #timer: NodeJS.Timeout | undefined
  #timerMs = Number.POSITIVE_INFINITY

  constructor(onDue: (extras: Extras) => void) {
    this.#onDue = onDue
  }

  /** `onDue` runs for the job after `timeoutMs`, unless remove() comes first. */
  add(extras: Extras, timeoutMs: number): void {
    extras.dueMs = nowMs() + timeoutMs
    this.#heap.push(extras)
    if (extras.dueMs < this.#timerMs) this.#arm(extras.dueMs)
  }

  get size(): number {
    return this.#heap.size
  }

  remove(extras: Extras): void {
    this.#heap.remove(extras)
  }

  #arm(dueMs: number): void {
    clearTimeout(this.#timer)
    this.#timerMs = dueMs
    const ms = Math.min(MAX_TIMER_MS, Math.max(0, Math.ceil(dueMs - nowMs())))
    this.#timer = setTimeout(() => this.#onTimer(), ms).unref()
  }

  #onTimer(): void {
    this.#timerMs = Number.POSITIVE_INFINITY
    this.expire()
    if (this.#heap.first !== undefined) this.#arm(this.#heap.first.dueMs)
  }

  /** Milliseconds to the next, if there is any: for an owner that sleeps where no timer runs, and then calls expire(). */
  get msLeft(): number {
    return Math.max(0, (this.#heap.first?.dueMs ?? Number.POSITIVE_INFINITY) - nowMs())
  }

  /** Sees to all that are due. */
  expire(): void {
    const now = nowMs()
    for (let first = this.#heap.first; first !== undefined && first.dueMs <= now; first = this.#heap.first) {
      this.#heap.remove(first)
      this.#onDue(first)
    }
  }

  close(): void {
    clearTimeout(this.#timer)
  }
}

/** The promise, or after `ms` milliseconds ERR_URING_TIMEOUT. It does not keep the process alive. */
export function limited(promise: Promise<void>, what: string, ms: number): Promise<void> {
  if (ms > MAX_TIMER_MS) return promise
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(rejection(() => timeoutError(what, ms))), ms).unref()
    void promise.then(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}
