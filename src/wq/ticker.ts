/**
 * Looks again and again while there is a reason: by a timer, or whenever an owner that sleeps comes by. Owner thread only.
 */
import { nowMs } from '../lib/clock.js'
import { clearTimeout, setTimeout } from '../lib/globals.js'

export class Ticker {
  readonly #everyMs: number
  /** Looks once; true if it must look again. */
  readonly #look: () => boolean
  #timer: NodeJS.Timeout | undefined
  #lastMs = 0
  /** Whether a look is to come. */
  isTicking = false

  constructor(everyMs: number, look: () => boolean) {
    this.#everyMs = everyMs
    this.#look = look
  }

  /** A look comes soon. */
  watch(): void {
    if (this.isTicking) return
    this.isTicking = true
    this.#lastMs = nowMs()
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#tick(), this.#everyMs).unref()
    else this.#timer.refresh()
  }

  #tick(): void {
    this.isTicking = false
    if (this.#look()) this.watch()
  }

  /** For an owner that sleeps in a futex, where no timer runs. */
  tickIfDue(): void {
    if (this.isTicking && nowMs() - this.#lastMs >= this.#everyMs) this.#tick()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.isTicking = false
  }
}
