/**
 * Jobs for which no record was free, in the order they were given. Owner thread only; private memory.
 *
 * A job waits here complete, its arguments written as they were when it was given, so that taking it on is a copy.
 */

import type { Extras } from './extras.js'
import type { Listener } from './job-events.js'
import type { Held } from './outgoing.js'

export interface Waiting {
  /** What a record will hold. */
  readonly words: Int32Array
  readonly held: Held | undefined
  /** From its options, as they were when it was given. */
  readonly key: unknown
  readonly isUnbounded: boolean
  readonly signal: AbortSignal | undefined
  /** Who listens to its events, and the JOB_* flags that say so. */
  readonly listener: Listener | undefined
  readonly listenFlags: number
  extras: Extras | undefined
  /** When it was given, where histograms are on. */
  readonly givenNs: number
  readonly resolve: (value: unknown) => void
  /** Names the job while it has no item: negative. */
  readonly id: number
}

const COMPACT_FROM = 1024

export class Backlog {
  #jobs: (Waiting | undefined)[] = []
  #head = 0
  /** How many jobs were shifted away from the front of the array for good. */
  #base = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  *[Symbol.iterator](): Generator<Waiting> {
    for (let at = this.#head; at < this.#jobs.length; at++) {
      const job = this.#jobs[at]
      if (job !== undefined) yield job
    }
  }

  /** The name of the job to be pushed next. */
  nextId(): number {
    return -1 - (this.#base + this.#jobs.length)
  }

  push(job: Waiting): void {
    this.#jobs.push(job)
    this.#size++
  }

  /** The job given first, out of here. */
  shift(): Waiting | undefined {
    while (this.#head < this.#jobs.length) {
      const job = this.#jobs[this.#head]
      this.#jobs[this.#head++] = undefined
      if (job === undefined) continue
      this.#size--
      this.#compact()
      return job
    }
    return undefined
  }

  /** A job by its name, out of here: it was cancelled. */
  remove(id: number): Waiting | undefined {
    const at = -1 - id - this.#base
    const job = this.#jobs[at]
    if (job === undefined) return undefined
    this.#jobs[at] = undefined
    this.#size--
    return job
  }

  #compact(): void {
    if (this.#head < COMPACT_FROM || this.#head * 2 < this.#jobs.length) return
    this.#jobs = this.#jobs.slice(this.#head)
    this.#base += this.#head
    this.#head = 0
  }
}
