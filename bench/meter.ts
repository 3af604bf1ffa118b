/**
 * One round's count and latencies, at a cost that does not show. Main thread.
 *
 * Reading the clock twice an operation would be a tenth of a NOP, so one operation in STRIDE is timed; a prime, so that it
 * falls on every place of a batch in turn. The same operations look at the deadline.
 */
import { createHistogram } from 'node:perf_hooks'
import type { Round } from './bench.js'

const STRIDE = 17

export class Meter {
  /** False once the time is up: begin nothing more. */
  goesOn = true
  nrDone = 0
  #nrBegun = 0
  readonly #ns = createHistogram()
  readonly #startMs = performance.now()
  readonly #endMs: number

  constructor(roundMs: number) {
    this.#endMs = this.#startMs + roundMs
  }

  /** As an operation begins. Hand what it returns to end(). */
  begin(): number {
    if (this.#nrBegun++ % STRIDE !== 0) return 0
    const now = performance.now()
    if (now >= this.#endMs) this.goesOn = false
    return now
  }

  end(began: number): void {
    this.nrDone++
    if (began !== 0) this.#ns.record(Math.max(1, Math.round((performance.now() - began) * 1e6)))
  }

  /** Once all that began has ended. */
  round(): Round {
    const seconds = (performance.now() - this.#startMs) / 1000
    return {
      opsPerSec: this.nrDone / seconds,
      p50Us: this.#ns.percentile(50) / 1000,
      p99Us: this.#ns.percentile(99) / 1000,
    }
  }
}

/**
 * A round of operations that say themselves how long they took, in microseconds, for what is about them (preparing,
 * clearing up) does not count. An operation stands for `size` of what is counted; p50Us and p99Us are of the whole.
 */
export async function meterTimed(roundMs: number, op: () => Promise<number>, size = 1): Promise<Round> {
  const endMs = performance.now() + roundMs
  const ns = createHistogram()
  let totalUs = 0
  let nrDone = 0
  do {
    const us = await op()
    ns.record(Math.max(1, Math.round(us * 1000)))
    totalUs += us
    nrDone++
  } while (performance.now() < endMs)
  return {
    opsPerSec: (nrDone * size * 1e6) / totalUs,
    p50Us: ns.percentile(50) / 1000,
    p99Us: ns.percentile(99) / 1000,
  }
}

/**
 * A round of operations that are promises: `lanes` loops, each beginning its next when its last has ended. `check` throws
 * if a result is wrong.
 */
export async function meterPromises<T>(
  roundMs: number,
  lanes: number,
  op: (lane: number) => PromiseLike<T>,
  check: (result: T) => void,
): Promise<Round> {
  const meter = new Meter(roundMs)
  const loop = async (lane: number) => {
    while (meter.goesOn) {
      const began = meter.begin()
      check(await op(lane))
      meter.end(began)
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, lane) => loop(lane)))
  return meter.round()
}
