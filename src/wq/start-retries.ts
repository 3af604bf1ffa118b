/**
 * Workers that could not be made and are to be tried again: a timer does, or an owner that sleeps. Owner thread only.
 *
 * Counterpart: the create-retry work of io-wq.c.
 */
import { nowMs } from '../lib/clock.js'
import { clearTimeout, setTimeout } from '../lib/globals.js'

interface Retry {
  readonly dueMs: number
  readonly run: () => void
}

export class StartRetries {
  readonly #retries = new Set<Retry>()

  /** How many are to come. */
  get size(): number {
    return this.#retries.size
  }

  /** Calls `again` once, when the time has passed. */
  add(delayMs: number, again: () => void): void {
    const retry: Retry = {
      dueMs: nowMs() + delayMs,
      run: () => {
        clearTimeout(timer)
        if (this.#retries.delete(retry)) again()
      },
    }
    const timer = setTimeout(retry.run, delayMs)
    this.#retries.add(retry)
  }

  /** For an owner that sleeps in a futex, where no timer runs. */
  runDue(): void {
    for (const retry of [...this.#retries]) if (nowMs() >= retry.dueMs) retry.run()
  }
}
