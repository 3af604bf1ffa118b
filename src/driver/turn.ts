/**
 * A turn of the event loop, and the driver's share of it. Runs on the thread that made the ring.
 *
 * Completions that are ready at once resume their callers, who issue more, and so on: without a limit the rest of the
 * loop would starve. A turn ends after maxTurnMs or 64 rounds, whichever is first. Counterpart: none; the nearest is
 * the kernel's limit of task work per run.
 */
import { nowMs } from '../lib/clock.js'
import { setImmediate } from '../lib/globals.js'

const MAX_ROUNDS = 64

export class Turn {
  readonly #maxTurnMs: number
  #isOpen = false
  #isExtended = false
  #rounds = 0
  #startMs = 0
  #lastMs = 0

  constructor(maxTurnMs: number) {
    this.#maxTurnMs = maxTurnMs
  }

  /** A callback of the event loop itself is running: a turn begins. */
  begin(): void {
    this.#rounds = 1
    this.#isExtended = false
    this.#startMs = this.#lastMs = nowMs()
    if (this.#isOpen) return
    this.#isOpen = true
    // It neither keeps the process alive nor keeps the loop from sleeping.
    setImmediate(this.#end).unref()
  }

  readonly #end = (): void => {
    this.#isOpen = false
  }

  /** Starts one more round of this turn; false if the turn is over. */
  takeRound(): boolean {
    if (!this.#isOpen) {
      this.begin()
      return true
    }
    const now = nowMs()
    const sinceLastMs = now - this.#lastMs
    this.#lastMs = now
    if (++this.#rounds <= MAX_ROUNDS && now - this.#startMs < this.#maxTurnMs) return true
    // After a pause this may be a new turn: a loop that slept ran no immediate before the callback that woke it. Or the
    // caller computed for that long. The two look the same, so one pause per turn counts as a new turn.
    if (sinceLastMs < this.#maxTurnMs || this.#isExtended) return false
    this.#isExtended = true
    this.#rounds = 1
    this.#startMs = now
    return true
  }
}
