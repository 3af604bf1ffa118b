/**
 * Who waits for room under `queueLimit`: Pool.ready. Owner thread only.
 *
 * Room that was promised counts as taken until the job is given, or the turn of the event loop ends: who was told and
 * does nothing holds up nobody for longer. Counterpart: io_uring's sq_wait, where a submitter waits for a free SQE.
 */
import { setImmediate } from '../../lib/globals.js'
import { rejection } from '../values/failure.js'

interface Waiter {
  readonly resolve: (refused?: Promise<never>) => void
}

export class Room {
  #closedBy: (() => Error) | undefined
  readonly #limit: number
  readonly #nrInFlight: () => number
  #waiters = new Set<Waiter>()
  #nrPromised = 0
  #isScheduled = false

  constructor(limit: number, nrInFlight: () => number) {
    this.#limit = limit
    this.#nrInFlight = nrInFlight
  }

  /** Resolves when there is room for one more, in the order of asking. */
  wait(): Promise<void> {
    if (this.#closedBy !== undefined) return rejection(this.#closedBy)
    return new Promise((resolve) => {
      this.#waiters.add({ resolve })
      this.admit()
    })
  }

  /** As wait(), and again for as long as somebody who does not wait in line is faster. */
  async waitInLine(): Promise<void> {
    do await this.wait()
    while (this.#closedBy === undefined && this.#nrInFlight() >= this.#limit)
  }

  /** A job was given. */
  taken(): void {
    if (this.#nrPromised > 0) this.#nrPromised--
  }

  /** There may be room: tells as many as it is for. */
  admit(): void {
    let free = this.#limit - this.#nrInFlight() - this.#nrPromised
    for (const waiter of this.#waiters) {
      if (free-- <= 0) break
      this.#waiters.delete(waiter)
      this.#nrPromised++
      waiter.resolve()
    }
    if (this.#isScheduled || this.#nrPromised === 0) return
    this.#isScheduled = true
    setImmediate(this.#onTurn)
  }

  readonly #onTurn = (): void => {
    this.#isScheduled = false
    this.#nrPromised = 0
    this.admit()
  }

  /** No more jobs are taken: whoever waits is told why. */
  close(make: () => Error): void {
    this.#closedBy = make
    const waiters = this.#waiters
    this.#waiters = new Set()
    for (const { resolve } of waiters) resolve(rejection(make))
  }
}
