/**
 * Ends the process when a stress run makes no progress, and says how its io-wq stands: a hang is a bug, not a wait.
 *
 * Main thread; the clock runs in stall.worker.ts, since the main thread may be what hangs.
 */
import { Worker } from 'node:worker_threads'
import { fetchAdd, futexWake } from '../../src/lib/barrier.js'
import type { WqMemory } from '../../src/wq/layout.js'

/** Words shared with the clock. */
export const PROGRESS = 0
export const STOPPED = 1

export interface StallSeat {
  readonly shared: Int32Array
  readonly sab: SharedArrayBuffer
  readonly payloadHash: number
  readonly name: string
  readonly limitMs: number
}

export class StallWatch {
  readonly #shared = new Int32Array(new SharedArrayBuffer(8))

  /** Starts the clock: from now on progress() has to be called within `limitMs`. */
  constructor(name: string, { sab, shape }: WqMemory, limitMs: number) {
    const seat: StallSeat = { shared: this.#shared, sab, payloadHash: shape.payloadHash, name, limitMs }
    new Worker(new URL('./stall.worker.js', import.meta.url), { workerData: seat }).unref()
  }

  progress(): void {
    fetchAdd(this.#shared, PROGRESS, 1)
  }

  stop(): void {
    fetchAdd(this.#shared, STOPPED, 1)
    futexWake(this.#shared, STOPPED, 1)
  }
}
