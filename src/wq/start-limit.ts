/**
 * The time that threads may take to come up. Owner thread only.
 *
 * Time is counted in slices, each of which counts once however late it is noticed: while the whole process is stopped,
 * the threads do not run either. No counterpart: a kernel thread is up in no time.
 */
import { nowMs } from '../lib/clock.js'
import { clearTimeout, setTimeout } from '../lib/globals.js'

const NR_SLICES = 8
const MAX_TIMER_MS = 0x7fff_ffff

export class StartLimit {
  readonly #sliceMs: number
  readonly #countStarts: () => boolean
  #timer: NodeJS.Timeout | undefined
  #isOn = false
  #sinceMs = 0

  /** `count` counts one more slice for each thread that is not up, and returns whether there are any. */
  constructor(limitMs: number, count: () => boolean) {
    this.#sliceMs = limitMs / NR_SLICES
    this.#countStarts = count
  }

  /** A thread is about to start. */
  watch(): void {
    if (this.#isOn || this.#sliceMs > MAX_TIMER_MS) return
    this.#isOn = true
    this.#arm()
  }

  #arm(): void {
    this.#sinceMs = nowMs()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#tick(), this.#sliceMs).unref()
  }

  #tick(): void {
    this.#isOn = this.#countStarts()
    if (this.#isOn) this.#arm()
  }

  /** For an owner that sleeps where no timers run. */
  tickIfDue(): void {
    if (this.#isOn && nowMs() - this.#sinceMs >= this.#sliceMs) this.#tick()
  }

  /** Whether so many slices exceed the limit: a thread may not have had all of its first slice. */
  isOver(nrSlices: number): boolean {
    return nrSlices > NR_SLICES
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#isOn = false
  }
}
