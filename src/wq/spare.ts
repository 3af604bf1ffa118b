/**
 * A thread ready to take the place of one that is ended or replaced. Owner thread only.
 *
 * It has no slot and is not counted: the crew takes it where it would else start a thread, and its embedder tells it where
 * it sits. There is none before a thread had to be replaced, then one at a time, which goes again if it is not needed for
 * a while. No counterpart: a kernel thread starts in no time.
 */
import type { Worker } from 'node:worker_threads'
import { clearTimeout, setImmediate, setTimeout } from '../lib/globals.js'
import { closeGate } from '../sys/gate.js'

export interface SpareParts {
  /** How long one is kept that nobody needs. */
  readonly keepMs: number
  /** Throws if there can be none now. */
  start(): Worker
  /** Whether there may be one. */
  isWanted(): boolean
  /** One that was never taken has ended. */
  onGone(): void
}

export class Spare {
  readonly #parts: SpareParts
  #worker: Worker | undefined
  #isDue = false
  #timer: NodeJS.Timeout | undefined
  /** Of those that were not taken, all whose threads are not gone. */
  readonly #left = new Set<Worker>()
  readonly #onError = () => {
    // The next thread meets the same, and tells it.
  }

  constructor(parts: SpareParts) {
    this.#parts = parts
  }

  /** How many threads are there that were not taken. */
  get nrLeft(): number {
    return this.#left.size
  }

  /** A thread was ended, or is replaced: so may be others. One is started when the event loop turns. */
  want(): void {
    this.#keep()
    if (this.#isDue || this.#worker !== undefined) return
    this.#isDue = true
    setImmediate(() => {
      this.#isDue = false
      if (this.#worker === undefined && this.#parts.isWanted()) this.#start()
    })
  }

  #start(): void {
    let worker: Worker
    try {
      worker = this.#parts.start()
    } catch {
      // A thread that is needed will say why.
      return
    }
    worker.unref()
    worker.on('error', this.#onError)
    worker.on('exit', () => this.#ended(worker))
    this.#left.add(worker)
    this.#worker = worker
    this.#keep()
  }

  /** It is not needed for a while: it goes. */
  #keep(): void {
    clearTimeout(this.#timer)
    this.#timer = this.#worker === undefined ? undefined : setTimeout(() => this.dismiss(), this.#parts.keepMs).unref()
  }

  #ended(worker: Worker): void {
    if (this.#worker === worker) this.#worker = undefined
    if (!this.#left.delete(worker)) return
    this.#keep()
    this.#parts.onGone()
  }

  /** The spare thread, which is the caller's from now on; undefined if there is none. */
  take(): Worker | undefined {
    const worker = this.#worker
    if (worker === undefined) return undefined
    this.#worker = undefined
    this.#left.delete(worker)
    worker.off('error', this.#onError)
    // As this one was, others may be.
    this.want()
    return worker
  }

  /** What it was started with is old, or nobody needs it. */
  dismiss(): void {
    const worker = this.#worker
    if (worker === undefined) return
    this.#worker = undefined
    this.#keep()
    // It may be inside koffi, where that calls.
    worker.once('exit', closeGate())
    void worker.terminate()
  }

  /** Somebody waits for the threads that are left. */
  ref(): void {
    for (const worker of this.#left) worker.ref()
  }
}
