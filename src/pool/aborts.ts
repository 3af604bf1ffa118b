/**
 * AbortSignals of jobs in flight: one listener a signal, however many jobs it stands for. Owner thread only.
 */

type OnAbort = (job: number, reason: unknown) => void

class Watched {
  readonly signal: AbortSignal
  readonly jobs = new Set<number>()
  readonly #onAbort: OnAbort

  constructor(signal: AbortSignal, onAbort: OnAbort) {
    this.signal = signal
    this.#onAbort = onAbort
  }

  handleEvent(): void {
    // One that is told may end another.
    for (const job of [...this.jobs]) if (this.jobs.has(job)) this.#onAbort(job, this.signal.reason)
  }
}

export class Aborts {
  readonly #watched = new WeakMap<AbortSignal, Watched>()
  readonly #byJob = new Map<number, Watched>()
  readonly #onAbort: OnAbort

  constructor(onAbort: OnAbort) {
    this.#onAbort = onAbort
  }

  /** `onAbort` runs for the job when the signal aborts, until forget(). */
  watch(job: number, signal: AbortSignal): void {
    let watched = this.#watched.get(signal)
    if (watched === undefined) {
      watched = new Watched(signal, this.#onAbort)
      this.#watched.set(signal, watched)
    }
    if (watched.jobs.size === 0) signal.addEventListener('abort', watched)
    watched.jobs.add(job)
    this.#byJob.set(job, watched)
  }

  /** The signal of a job, if it has one. */
  signalOf(job: number): AbortSignal | undefined {
    return this.#byJob.get(job)?.signal
  }

  forget(job: number): void {
    const watched = this.#byJob.get(job)
    if (watched === undefined) return
    this.#byJob.delete(job)
    watched.jobs.delete(job)
    if (watched.jobs.size === 0) watched.signal.removeEventListener('abort', watched)
  }
}
