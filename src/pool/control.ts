/**
 * What is done to jobs after they were given: cancelled, one or many, timed out, waited for. Owner thread only.
 */
import { nowMs } from '../lib/clock.js'
import { setImmediate } from '../lib/globals.js'
import { NONE } from '../lib/mpscq.js'
import type { CancelResult } from '../wq/cancels.js'
import { isWaiting } from '../wq/items.js'
import type { Wq } from '../wq/wq.js'
import type { NameTable } from './between/names.js'
import { FUNC } from './between/record.js'
import type { Intake } from './give/intake.js'
import type { Outgoing } from './give/outgoing.js'
import type { JobEvents } from './home/job-events.js'
import type { Poller } from './home/poller.js'
import { closedError, type Settler } from './home/settler.js'
import { type Aborts, isLeaving } from './jobs/aborts.js'
import { Deadlines } from './jobs/deadlines.js'
import { Extras } from './jobs/extras.js'
import { type Flush, Flushes } from './jobs/flush.js'
import { letGo } from './jobs/held.js'
import type { InFlight, Resolve } from './jobs/in-flight.js'
import { JobIds } from './jobs/job-ids.js'
import { type JobOptions, killMsOf } from './jobs/job-options.js'
import type { Waiting } from './jobs/waiting.js'
import type { JobInfo } from './options.js'
import type { PoolThreads } from './threads.js'
import { abortError, timeoutError } from './values/failure.js'

/** A few milliseconds' worth. */
const CANCELS_A_TURN = 512

export interface ControlParts {
  readonly wq: Wq
  readonly jobs: InFlight
  readonly intake: Intake
  readonly settler: Settler
  readonly names: NameTable
  readonly outgoing: Outgoing
  readonly poller: Poller
  readonly threads: PoolThreads
  readonly events: JobEvents
  readonly aborts: Aborts
  /** What PoolOptions.kill and killAfter say of jobs that say nothing of it. */
  readonly killMs: number | undefined
}

export class Control {
  readonly #parts: ControlParts
  readonly #flushes = new Flushes()
  readonly #ids = new JobIds()
  #deadlines: Deadlines | undefined

  constructor(parts: ControlParts) {
    this.#parts = parts
  }

  /** What this job has that most have not; its timeout begins. */
  extrasFrom(options: JobOptions, job: number, name: string | undefined): Extras | undefined {
    const { id, priority, timeout, runTimeout } = options
    const killMs = killMsOf(options) ?? (options.kill === undefined ? this.#parts.killMs : undefined)
    const isPlain = priority === undefined && timeout === undefined && killMs === undefined && runTimeout === undefined
    if (isPlain && id === undefined && name === undefined) return undefined
    const extras = new Extras(job, id, priority, timeout, name, killMs)
    extras.runMs = runTimeout
    if (id !== undefined) this.#ids.add(extras)
    if (timeout !== undefined) this.#addDeadline(extras, timeout)
    return extras
  }

  /** A job has begun, as its worker says: its `runTimeout` counts from here. */
  onStart(item: number): void {
    const extras = this.#parts.jobs.extrasOf(item)
    const ms = extras?.runMs
    if (extras === undefined || ms === undefined) return
    extras.runMs = undefined
    // It was told to stop, or will be before.
    if (extras.stopping !== undefined || extras.isTimedOut) return
    if (extras.timeoutMs !== undefined && extras.dueMs <= nowMs() + ms) return
    this.#deadlines?.remove(extras)
    extras.timeoutMs = ms
    this.#addDeadline(extras, ms)
  }

  #addDeadline(extras: Extras, ms: number): void {
    this.#deadlines ??= new Deadlines((due) => this.#onDue(due))
    this.#deadlines.add(extras, ms)
  }

  /** The signal of a job has aborted. */
  onAbort(job: number, reason: unknown): void {
    // 'running': the job sees it, and settles when it ends. 'notfound': it has ended, and settles soon.
    this.cancelJob(job, () => abortError(reason), !isLeaving(reason))
  }

  #onDue(extras: Extras): void {
    if (extras.stopping !== undefined) {
      this.#stop(extras.job, extras.stopping)
      return
    }
    const make = () => timeoutError('the job', extras.timeoutMs ?? 0)
    if (this.cancelJob(extras.job, make) === 'running') extras.isTimedOut = true
  }

  /**
   * Cancels a job by its item or its name. `make`: what it rejects with if it never ran, or has to be stopped.
   * `stops`: that is done, if the job's options say so.
   */
  cancelJob(job: number, make: () => Error, stops = true): CancelResult {
    const { wq, intake } = this.#parts
    if (job >= 0) {
      const result = wq.cancel(job, make)
      if (result === 'running' && stops) this.#onTold(job, make)
      return result
    }
    const waiting = intake.remove(job)
    if (waiting === undefined) return 'notfound'
    this.#cancelWaiting(waiting, make)
    return 'ok'
  }

  /** A job that runs was told to stop: the first time counts. */
  #onTold(item: number, make: () => Error): void {
    const extras = this.#parts.jobs.extrasOf(item)
    if (extras?.killMs === undefined || extras.stopping !== undefined) return
    extras.stopping = make
    this.#deadlines?.remove(extras)
    if (extras.killMs === 0) this.#stop(item, make)
    else this.#addDeadline(extras, extras.killMs)
  }

  /** Ends a job with its thread. Its caller does not wait for that. */
  #stop(item: number, make: () => Error): void {
    const { jobs, wq, threads, settler, names } = this.#parts
    const resolve = jobs.resolveOf(item)
    const slot = wq.runningIn(item)
    if (slot === NONE) return
    threads.retire(slot)
    // What it has reported comes first. Who hears of it may do anything.
    threads.takeEvents(slot)
    if (jobs.resolveOf(item) !== resolve || wq.runningIn(item) !== slot) return
    const name = jobs.extrasOf(item)?.name ?? names.nameOf(jobs.funcOf(item))
    settler.abandon(item, make)
    wq.terminateRunning(item, new Error(`a job beside it, '${name}', did not stop and was ended with its thread`))
  }

  #cancelWaiting(waiting: Waiting, make: () => Error): void {
    const { settler, outgoing, poller, events, aborts } = this.#parts
    settler.nrCancelled++
    // Its words first: they are good until another is taken out, and a signal may do anything as it is let go.
    outgoing.letGo(waiting.words)
    if (waiting.listener !== undefined) events.onOver(waiting.listener)
    if (waiting.held !== undefined) letGo(waiting.held)
    if (waiting.signal !== undefined) aborts.forget(waiting.id)
    settler.fail(waiting.resolve, make)
    if (waiting.extras !== undefined) this.onEnded(waiting.extras)
    poller.look()
  }

  /** Pool.cancel by id. */
  cancelById(id: unknown, all: boolean): CancelResult {
    const found = this.#ids.find(id)
    const { wq } = this.#parts
    const runs = ({ job }: Extras) => job >= 0 && !isWaiting(wq.mem, job)
    let answer: CancelResult = 'notfound'
    // Those that run are told last.
    for (const extras of [...found.filter((one) => !runs(one)), ...found.filter(runs)]) {
      const result = this.#ids.has(extras) ? this.cancelJob(extras.job, () => abortError(undefined)) : 'notfound'
      if (result === 'notfound') continue
      if (!all) return result
      if (answer !== 'running') answer = result
    }
    return answer
  }

  /** Pool.cancel by what a job is. */
  cancel(match: (job: JobInfo) => boolean, all: boolean): CancelResult {
    const { jobs, intake } = this.#parts
    // Who matches is asked first: the answer may give jobs, or throw.
    const queued = [...intake.waiting].filter((job) => match(this.#infoOfWaiting(job))).map(({ id }) => id)
    const running: number[] = []
    const resolves = new Map<number, Resolve | undefined>()
    for (const item of jobs) {
      const info = this.#infoOf(item)
      resolves.set(item, jobs.resolveOf(item))
      if (match(info)) (info.running ? running : queued).push(item)
    }
    let answer: CancelResult = 'notfound'
    for (const job of [...queued, ...running]) {
      // It may have ended meanwhile, and another have its record.
      if (job >= 0 && jobs.resolveOf(job) !== resolves.get(job)) continue
      const result = this.cancelJob(job, () => abortError(undefined))
      if (result === 'notfound') continue
      if (!all) return result
      if (answer !== 'running') answer = result
    }
    return answer
  }

  /** Pool.destroy: cancels every job there is; those that run are told. */
  cancelAll(): void {
    const { settler, intake, wq, jobs } = this.#parts
    const isFirst = !settler.isDestroying
    settler.isDestroying = true
    intake.stop()
    wq.cancelMatch((item) => jobs.has(item), true)
    if (isFirst) this.#cancelSome()
  }

  /** Of those without a record there may be millions: so many in a turn of the event loop. */
  readonly #cancelSome = (): void => {
    const { intake } = this.#parts
    for (const id of intake.firstWaiting(CANCELS_A_TURN)) this.cancelJob(id, closedError)
    if (intake.nrWaiting > 0) setImmediate(this.#cancelSome)
  }

  /** Pool.kill by id. */
  killById(id: unknown): number {
    // The end of one may have been that of others, whose records others have.
    return this.#ids.find(id).filter((one) => this.#ids.has(one) && one.job >= 0 && this.#kill(one.job)).length
  }

  /** Pool.kill by what a job is. */
  kill(match: (job: JobInfo) => boolean): number {
    const { jobs } = this.#parts
    const doomed: [item: number, resolve: Resolve | undefined][] = []
    for (const item of jobs) {
      const info = this.#infoOf(item)
      const resolve = jobs.resolveOf(item)
      if (match(info) && info.running) doomed.push([item, resolve])
    }
    // The answer may have ended it, and another have its record.
    return doomed.filter(([item, resolve]) => jobs.resolveOf(item) === resolve && this.#kill(item)).length
  }

  #kill(item: number): boolean {
    const { wq, threads } = this.#parts
    const slot = wq.runningIn(item)
    if (slot !== NONE) threads.retire(slot)
    return wq.terminateRunning(item)
  }

  #infoOf(item: number): JobInfo {
    const { jobs, names, wq } = this.#parts
    const extras = jobs.extrasOf(item)
    return {
      name: extras?.name ?? names.nameOf(jobs.funcOf(item)),
      key: jobs.keyOf(item),
      id: extras?.id,
      priority: extras?.priority ?? 0,
      unbounded: jobs.isUnbounded(item),
      running: !isWaiting(wq.mem, item),
    }
  }

  #infoOfWaiting({ words, key, extras, isUnbounded }: Waiting): JobInfo {
    return {
      name: extras?.name ?? this.#parts.names.nameOf(words[FUNC]!),
      key,
      id: extras?.id,
      priority: extras?.priority ?? 0,
      unbounded: isUnbounded,
      running: false,
    }
  }

  /** A job with extras has ended. */
  onEnded(extras: Extras): void {
    this.#deadlines?.remove(extras)
    if (extras.id !== undefined) this.#ids.remove(extras)
    if (extras.flush !== undefined) this.#flushes.ended(extras.flush)
  }

  /** Pool.flush. */
  flush(): Promise<void> {
    // The poller is to keep the process alive for it.
    this.#parts.poller.look()
    const mark = (extras: Extras, flush: Flush) => {
      if (extras.flush !== undefined) return
      extras.flush = flush
      flush.nrLeft++
    }
    return this.#flushes.begin((flush) => {
      for (const item of this.#parts.jobs) mark(this.#parts.jobs.extrasFor(item), flush)
      for (const waiting of this.#parts.intake.waiting) mark(this.#parts.intake.extrasFor(waiting), flush)
    })
  }

  /** Whether somebody waits for all jobs. */
  get isFlushing(): boolean {
    return this.#flushes.size > 0
  }

  /** Jobs that have an id, and those that have a timeout. */
  get nrLeft(): number {
    return this.#ids.size + (this.#deadlines?.size ?? 0)
  }

  /** Milliseconds that an owner may sleep where no timer runs; expire() has to follow. */
  get msLeft(): number {
    return this.#deadlines?.msLeft ?? Number.POSITIVE_INFINITY
  }

  /** Cancels what is over its time. */
  expire(): void {
    this.#deadlines?.expire()
  }

  close(): void {
    this.#deadlines?.close()
  }
}
