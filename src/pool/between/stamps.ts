/**
 * When each job began and ended, for histograms. A worker stamps; histograms.ts, on the owner, reads.
 *
 * The worker that runs the job writes its stamps before it pushes the job, and the owner reads them after the pop:
 * these order the accesses. All threads share the monotonic clock, unlike performance.now().
 */
import { hrtime } from '../../lib/globals.js'
import { STAMP } from './record.js'

/** An item's words begin at `item * STRIDE`. */
export const STRIDE = STAMP.size >> 2
export const BEGUN_S = STAMP.at.begun_s >> 2
export const BEGUN_NS = STAMP.at.begun_ns >> 2
export const ENDED_S = STAMP.at.ended_s >> 2
export const ENDED_NS = STAMP.at.ended_ns >> 2

/** The worker's side: a job begins, or has ended. */
export class Stamps {
  readonly #words: Uint32Array

  constructor(sab: SharedArrayBuffer) {
    this.#words = new Uint32Array(sab)
  }

  begin(item: number): void {
    const [s, ns] = hrtime()
    this.#words[item * STRIDE + BEGUN_S] = s
    this.#words[item * STRIDE + BEGUN_NS] = ns
  }

  end(item: number): void {
    const [s, ns] = hrtime()
    this.#words[item * STRIDE + ENDED_S] = s
    this.#words[item * STRIDE + ENDED_NS] = ns
  }
}
