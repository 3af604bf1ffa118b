/**
 * Which job the running code belongs to, and what that job has: its signal, its progress. Worker threads only.
 *
 * While a job's function is on the stack it is that job. After an `await` Node's AsyncLocalStorage says which: so many
 * may be pending at once. Functions that never returned a promise all run in one frame, entered once a turn, which costs
 * a job nothing; when one of them returns a promise all the same, that frame becomes its job's, and a new one is entered.
 */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import type { TransferListItem } from 'node:worker_threads'
import { loadAcquire } from '../../lib/barrier.js'
import { AbortController, AbortSignal } from '../../lib/globals.js'
import { IO_WQ_WORK_CANCEL } from '../../wq/layout.js'
import { FLAGS } from '../../wq/words.js'
import { EVENT_PROGRESS } from '../between/messages.js'
import { JOB_PROGRESS } from '../between/record.js'
import { abortError } from '../values/failure.js'
import { movingOf, type RunningJob } from './job-protocol.js'
import type { PendingJob, WorkerEvents } from './worker-events.js'

/** What code carries along: the job it belongs to, if it turns out to belong to one. */
interface Frame {
  job: JobContext | undefined
}

export class JobContext implements Frame, PendingJob, RunningJob {
  readonly item: number
  /** Its own frame. */
  readonly job = this
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
    if (!this.#hasEnded && (this.#flags & JOB_PROGRESS) !== 0) this.#tell(value)
  }

  #tell(value: unknown): void {
    const moving = movingOf(value)
    if (moving === undefined) this.#host.post(this.item, EVENT_PROGRESS, value)
    else this.#host.post(this.item, EVENT_PROGRESS, moving.value, moving.transfer as readonly TransferListItem[])
  }

  /** The owner said that something was told to stop, this job perhaps: fires the event. */
  tell(): void {
    if (this.#signal === undefined || !this.aborted) return
    const { controller, scope } = this.#signal
    scope.runInAsyncScope(() => controller.abort(this.reason))
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
  /** Where the job first asked for it: listeners run there. */
  readonly scope: AsyncResource
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
  return { controller, scope: new AsyncResource('UringJob', { requireManualDestroy: true }) }
}

const storage = new AsyncLocalStorage<Frame>()
/** Of the functions that return no promise. */
let frame: Frame = { job: undefined }
/** The job whose function is on the stack: its host and item, and its context once something asked for it. */
let host: WorkerEvents | undefined
let item = 0
let inCall: JobContext | undefined

/** The job that the caller's code belongs to; undefined outside of any. */
export function currentJob(): JobContext | undefined {
  if (host === undefined) return storage.getStore()?.job
  inCall ??= new JobContext(host, item)
  return inCall
}

/** Worker entry only: runs jobs, in a frame that none of them has been in. */
export function inNewFrame(run: () => void): void {
  frame = { job: undefined }
  storage.run(frame, run)
}

function leaveFrame(): void {
  frame = { job: undefined }
  storage.enterWith(frame)
}

/** Worker entry only: the function of a job is about to be called. */
export function enterJob(ofHost: WorkerEvents, ofItem: number): void {
  host = ofHost
  item = ofItem
}

/** Worker entry only: calls a function that may return a promise, so that what follows its awaits knows its job. */
export function callStored(call: () => unknown): unknown {
  return storage.run(currentJob()!, call)
}

/**
 * Worker entry only: the function returned a promise, its job goes on, and `finish` sees to its end within the job.
 * `isStored`: it was called by callStored(). Undone by JobContext.end().
 */
export function detachJob(isStored: boolean, finish: (context: JobContext) => void): void {
  const context = currentJob()!
  if (!isStored) {
    frame.job = context
    leaveFrame()
  }
  context.detach()
  host = undefined
  inCall = undefined
  storage.run(context, finish, context)
}

/** Worker entry only: the function returned or threw, and its job has ended. */
export function leaveJob(): void {
  if (inCall !== undefined) {
    inCall.end()
    inCall = undefined
    // What it has left behind is not to be taken for another's.
    leaveFrame()
  }
  host = undefined
}
