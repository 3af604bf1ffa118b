/**
 * A thread ready to replace one that is ended or replaced. Owner thread only.
 *
 * It has no slot and is not counted. The crew uses it where it would otherwise start a thread, and its embedder sends
 * it its slot. There is none until a thread had to be replaced, then one at a time, which leaves if it is not used for
 * a while. No counterpart: a kernel thread starts in no time.
 */
import type { Worker } from 'node:worker_threads'
import { clearTimeout, setImmediate, setTimeout } from '../lib/globals.js'
import { closeGate } from '../sys/gate.js'

export interface SpareParts {
  /** How long an unused one is kept. */
  readonly keepMs: number
  /** Throws if none can be started now. */
  start(): Worker
  /** Whether there may be one. */
  isWanted(): boolean
  /** An unused one has ended. */
  onGone(): void
}

export class Spare {
  readonly #parts: SpareParts
  #worker: Worker | undefined
  #isDue = false
  #timer: NodeJS.Timeout | undefined
  /** Unused ones whose threads are not gone. */
  readonly #left = new Set<Worker>()

  constructor(parts: SpareParts) {
    this.#parts = parts
  }

  /** How many unused threads there are. */
  get nrLeft(): number {
    return this.#left.size
  }

  /** A thread was ended or is replaced, and others may follow. A spare one is started when the event loop turns. */
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
      // A thread that is required will report why.
      return
    }
    worker.unref()
    worker.on('exit', () => this.#ended(worker))
    this.#left.add(worker)
    this.#worker = worker
    this.#keep()
  }

  /** Dismisses it if it is not used for a while. */
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

  /** Passes the spare thread to the caller; undefined if there is none. */
  take(): Worker | undefined {
    const worker = this.#worker
    if (worker === undefined) return undefined
    this.#worker = undefined
    this.#left.delete(worker)
    // Others may be replaced, as this one was.
    this.want()
    return worker
  }

  /** Ends it: its data is old, or nobody requires it. */
  dismiss(): void {
    const worker = this.#worker
    if (worker === undefined) return
    this.#worker = undefined
    this.#keep()
    // With koffi, it may be inside koffi.
    worker.once('exit', closeGate())
    void worker.terminate()
  }

  /** A caller waits for the remaining threads. */
  ref(): void {
    for (const worker of this.#left) worker.ref()
  }
}
