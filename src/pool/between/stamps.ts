/**
 * When each job began and ended, where somebody wants to know. A worker stamps; histograms.ts, on the owner, reads.
 *
 * A stamp is written by the worker that runs the job, before the job goes home, and read by the owner after: the push
 * and the pop order it. The monotonic clock is one for all threads, which performance.now() is not.
 */
import { hrtime } from '../../lib/globals.js'
import { STAMP } from './record.js'

/** Where an item's words are: from `item * STRIDE` on. */
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
