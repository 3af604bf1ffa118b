/**
 * The ends of jobs: done, failed, cancelled, died with their worker. Owner thread only.
 *
 * Each job that has a record ends here, exactly once, and its record, key, arena block and signal are given back before
 * its promise settles.
 */
import type { WqMemory } from '../../wq/layout.js'
import { FUNC, KIND, KIND_FAILED, KIND_PRINTED } from '../between/record.js'
import { type Aborts, hasAborted } from '../jobs/aborts.js'
import type { InFlight, Resolve } from '../jobs/in-flight.js'
import { abortError, poolError, rejection, rejectionOf, timeoutError } from '../values/failure.js'
import type { Failure } from '../values/thrown.js'
import type { Histograms } from './histograms.js'
import type { Incoming } from './incoming.js'
import type { JobEvents } from './job-events.js'
import type { SyncOutcome } from './sync-outcome.js'

export interface SettlerParts {
  readonly mem: WqMemory
  readonly jobs: InFlight
  readonly incoming: Incoming
  readonly aborts: Aborts
  readonly events: JobEvents
  readonly histograms: Histograms | undefined
  /** A function is there of a name that came with its job, and this number. */
  readonly prove: (name: string, func: number) => void
  /** Gives a record back to io-wq. */
  readonly free: (item: number) => void
}

export class Settler {
  readonly #parts: SettlerParts
  readonly #words: Int32Array
  /** A job whose worker dies was killed: the pool is being destroyed. */
  isDestroying = false
  /** Jobs whose callers sleep until they end. */
  readonly syncs = new Map<Resolve, SyncOutcome>()
  nrCompleted = 0
  nrFailed = 0
  nrCancelled = 0

  constructor(parts: SettlerParts) {
    this.#parts = parts
    this.#words = parts.mem.words
  }

  /** A job came home, with a result or a failure. */
  settle(item: number): void {
    const p = this.#parts.mem.payload(item)
    const kind = this.#words[p + KIND]!
    const { histograms, jobs } = this.#parts
    if (histograms !== undefined) histograms.record(item)
    let value: unknown
    let lost: { readonly error: unknown } | undefined
    try {
      // First: who hears of its events may take home what lies behind it in the same ring, or port.
      value = this.#parts.incoming.read(p)
    } catch (error) {
      // Only a worker that died while it posted leaves such a record.
      lost = { error }
    }
    if (jobs.hasEvents(item)) {
      if (this.#isLate(item)) return
      this.#parts.events.settle(item, this.#words[p + FUNC]!)
    }
    if ((kind & KIND_PRINTED) !== 0) this.#parts.events.takeOutput(this.#words[p + FUNC]!)
    if (lost === undefined) this.#settleWith(item, value, (kind & KIND_FAILED) !== 0)
    else {
      const { error } = lost
      this.#reject(item, () => poolError('ERR_URING_WORKER_DIED', 'the result of this job did not arrive', error))
    }
  }

  /** Its events have been told, and its value read: a failure's description if it has `failed`. */
  #settleWith(item: number, value: unknown, failed: boolean): void {
    const { jobs } = this.#parts
    const extras = jobs.extrasOf(item)
    if (extras?.isTimedOut === true) {
      this.#reject(item, () => timeoutError('the job', extras.timeoutMs ?? 0))
      return
    }
    if (failed) {
      this.#settleFailed(item, value as Failure)
      return
    }
    if (extras?.name !== undefined) this.#parts.prove(extras.name, jobs.funcOf(item))
    this.nrCompleted++
    this.#remove(item, true)(value)
  }

  #settleFailed(item: number, failure: Failure): void {
    const signal = this.#parts.jobs.hasSignal(item) ? this.#parts.aborts.signalOf(item) : undefined
    if (signal !== undefined && failure.name === 'AbortError' && hasAborted(signal)) {
      this.#reject(item, () => abortError(signal.reason))
      return
    }
    this.nrFailed++
    const resolve = this.#remove(item)
    const sync = this.syncs.get(resolve)
    if (sync === undefined) resolve(rejectionOf(failure))
    else sync.threw(failure)
  }

  /** A job was cancelled that never ran. `make`: what it rejects with. */
  cancelled(item: number, make: () => Error): void {
    this.nrCancelled++
    if (this.#parts.jobs.hasEvents(item)) this.#parts.events.forget(item)
    this.fail(this.#remove(item), make)
  }

  /** WqHooks.onDied. */
  died(item: number, error: Error): boolean {
    this.#parts.events.takeOutput(undefined)
    if (this.#parts.jobs.hasEvents(item)) {
      if (this.#isLate(item)) return false
      this.#parts.events.settle(item, undefined)
    }
    const make = this.isDestroying ? closedError : () => poolError('ERR_URING_WORKER_DIED', error.message, error.cause)
    this.#reject(item, make)
    return true
  }

  /**
   * A job that a worker still runs is over for its caller, who gets the error now: what came of it until then has been
   * delivered. Its record comes home when its thread has ended, or with a result that is too late.
   */
  abandon(item: number, make: () => Error): void {
    const { jobs, aborts, events } = this.#parts
    this.nrFailed++
    if (jobs.hasSignal(item)) aborts.forget(item)
    if (jobs.hasEvents(item)) events.forget(item)
    this.fail(jobs.abandon(item), make)
  }

  /** Takes an abandoned job's record back; nobody is there to be told of a result. False if the job is none. */
  #isLate(item: number): boolean {
    if (!this.#parts.jobs.isAbandoned(item)) return false
    this.#remove(item)
    return true
  }

  #reject(item: number, make: () => Error): void {
    this.nrFailed++
    this.fail(this.#remove(item), make)
  }

  /** Settles a promise, or wakes a sleeping caller, with an error of our own. */
  fail(resolve: Resolve, make: () => Error): void {
    const sync = this.syncs.size > 0 ? this.syncs.get(resolve) : undefined
    if (sync === undefined) resolve(rejection(make))
    else sync.fail(make)
  }

  /** Forgets a job; its record is free. */
  #remove(item: number, hasArrived = false): Resolve {
    const { jobs, aborts, free } = this.#parts
    if (jobs.hasSignal(item)) aborts.forget(item)
    const resolve = jobs.remove(item, hasArrived)
    free(item)
    return resolve
  }
}

export function closedError(): Error {
  return poolError('ERR_URING_POOL_CLOSED', 'this pool was closed')
}
