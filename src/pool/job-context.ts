/**
 * Which job the running code belongs to, and what that job has: its signal, its progress. Worker threads only.
 *
 * While a job's function is on the stack it is that job. After an `await` Node's AsyncLocalStorage says which: so many
 * may be pending at once. A function that never returned a promise is called without it, which costs nothing.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { loadAcquire } from '../lib/barrier.js'
import { AbortController, AbortSignal } from '../lib/globals.js'
import { IO_WQ_WORK_CANCEL, ITEM } from '../wq/layout.js'
import { abortError } from './failure.js'
import { JOB_PROGRESS } from './record.js'
import { EVENT_PROGRESS, type WorkerEvents } from './worker-events.js'

const FLAGS = ITEM.at.flags >> 2

export class JobContext {
  readonly item: number
  /** Values of the caller's AsyncLocalStorages, where it sent some. */
  stores: Readonly<Record<string, unknown>> | undefined
  readonly #host: WorkerEvents
  #signal: JobSignal | undefined
  #hasEnded = false
  #wasAborted = false
  #reason: Error | undefined

  constructor(host: WorkerEvents, item: number) {
    this.#host = host
    this.item = item
  }

  get #flags(): number {
    return loadAcquire(this.#host.mem.words, this.#host.mem.item(this.item) + FLAGS)
  }

  get aborted(): boolean {
    return this.#hasEnded ? this.#wasAborted : (this.#flags & IO_WQ_WORK_CANCEL) !== 0
  }

  /** What the signal's `reason` is: the caller's own is put in its place on the other side. */
  get reason(): Error | undefined {
    if (this.#reason === undefined && this.aborted) this.#reason = abortError(undefined)
    return this.#reason
  }

  get signal(): AbortSignal {
    this.#signal ??= jobSignal(this)
    return this.#signal.controller.signal
  }

  report(value: unknown): void {
    if (!this.#hasEnded && (this.#flags & JOB_PROGRESS) !== 0) this.#host.post(this.item, EVENT_PROGRESS, value)
  }

  /** The owner said that something was told to stop, this job perhaps: fires the event. */
  tell(): void {
    if (this.#signal !== undefined && this.aborted) this.#signal.controller.abort(this.reason)
  }

  /** Its promise is pending: news for it may come. */
  detach(): void {
    this.#host.addPending(this)
  }

  /** The job has ended: its record will soon be another's. */
  end(): void {
    this.#wasAborted = this.aborted
    this.#hasEnded = true
    this.#host.removePending(this)
  }
}

interface JobSignal {
  readonly controller: AbortController
}

const contexts = new WeakMap<AbortSignal, JobContext>()

/** Between a job's signal and AbortSignal: what is true at once, before the event. */
const shared = Object.create(AbortSignal.prototype, {
  aborted: {
    get(this: AbortSignal): boolean {
      return contexts.get(this)!.aborted
    },
  },
  reason: {
    get(this: AbortSignal): unknown {
      return contexts.get(this)!.reason
    },
  },
  throwIfAborted: {
    value(this: AbortSignal): void {
      if (this.aborted) throw this.reason
    },
  },
}) as object

function jobSignal(context: JobContext): JobSignal {
  const controller = new AbortController()
  contexts.set(controller.signal, context)
  Object.setPrototypeOf(controller.signal, shared)
  return { controller }
}

const storage = new AsyncLocalStorage<JobContext>()
let usesStorage = false
/** The job whose function is on the stack: its host and item, and its context once something asked for it. */
let host: WorkerEvents | undefined
let item = 0
let inCall: JobContext | undefined
/** Jobs that were called without the storage, and returned a promise all the same. */
const strays = new Set<JobContext>()

/** The job that the caller's code belongs to; undefined outside of any. */
export function currentJob(): JobContext | undefined {
  if (host !== undefined) {
    inCall ??= new JobContext(host, item)
    return inCall
  }
  const stored = usesStorage ? storage.getStore() : undefined
  if (stored !== undefined) return stored
  // Of several it cannot be told which; then it is nobody's.
  return strays.size === 1 ? strays.values().next().value : undefined
}

/** Worker entry only: the function of a job is about to be called. */
export function enterJob(ofHost: WorkerEvents, ofItem: number): void {
  host = ofHost
  item = ofItem
}

/** Worker entry only: calls a function that may return a promise, so that what follows its awaits knows its job. */
export function callStored(call: () => unknown): unknown {
  usesStorage = true
  return storage.run(currentJob()!, call)
}

/** Worker entry only: no function that was called here returns promises. */
export function stopStoring(): void {
  usesStorage = false
  storage.disable()
}

/** Worker entry only: the function returned a promise, its job goes on. Undone by endJob(). */
export function detachJob(isStored: boolean): JobContext {
  const context = currentJob()!
  if (!isStored) strays.add(context)
  context.detach()
  host = undefined
  inCall = undefined
  return context
}

/** Worker entry only: a job that was detached has ended. */
export function endJob(context: JobContext): void {
  context.end()
  strays.delete(context)
}

/** Worker entry only: the function returned or threw, and its job has ended. */
export function leaveJob(): void {
  inCall?.end()
  inCall = undefined
  host = undefined
}
