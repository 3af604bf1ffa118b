/**
 * What is done to jobs after they were given: cancelled, one or many, timed out, waited for. Owner thread only.
 */
import { isWaiting } from '../wq/items.js'
import type { CancelResult, Wq } from '../wq/wq.js'
import type { Waiting } from './backlog.js'
import { Deadlines } from './deadlines.js'
import { Extras } from './extras.js'
import { abortError, timeoutError } from './failure.js'
import { type Flush, Flushes } from './flush.js'
import type { InFlight, Resolve } from './in-flight.js'
import type { Intake } from './intake.js'
import { JobIds } from './job-ids.js'
import type { NameTable } from './names.js'
import type { JobInfo, JobOptions } from './options.js'
import { letGo, type Outgoing } from './outgoing.js'
import type { Poller } from './poller.js'
import { FUNC } from './record.js'
import { closedError, type Settler } from './settler.js'

export interface ControlParts {
  readonly wq: Wq
  readonly jobs: InFlight
  readonly intake: Intake
  readonly settler: Settler
  readonly names: NameTable
  readonly outgoing: Outgoing
  readonly poller: Poller
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
  extrasFrom({ id, priority, timeout }: JobOptions, job: number, name: string | undefined): Extras | undefined {
    if (id === undefined && priority === undefined && timeout === undefined && name === undefined) return undefined
    const extras = new Extras(job, id, priority, timeout, name)
    if (id !== undefined) this.#ids.add(extras)
    if (timeout === undefined) return extras
    this.#deadlines ??= new Deadlines((due) => this.#onDue(due))
    this.#deadlines.add(extras, timeout)
    return extras
  }

  /** The signal of a job has aborted. */
  onAbort(job: number, reason: unknown): void {
    // 'running': the job sees it, and settles when it ends. 'notfound': it has ended, and settles soon.
    this.cancelJob(job, () => abortError(reason))
  }

  #onDue(extras: Extras): void {
    const make = () => timeoutError('the job', extras.timeoutMs ?? 0)
    if (this.cancelJob(extras.job, make) === 'running') extras.isTimedOut = true
  }

  /** Cancels a job by its item or its name. `make`: what it rejects with if it never ran. */
  cancelJob(job: number, make: () => Error): CancelResult {
    const { settler, wq, intake } = this.#parts
    if (job >= 0) {
      settler.cancelReason = make
      const result = wq.cancel(job)
      // Nobody's reason is kept.
      settler.cancelReason = closedError
      return result
    }
    const waiting = intake.remove(job)
    if (waiting === undefined) return 'notfound'
    this.#cancelWaiting(waiting, make)
    return 'ok'
  }

  #cancelWaiting(waiting: Waiting, make: () => Error): void {
    const { settler, outgoing, poller } = this.#parts
    settler.nrCancelled++
    if (waiting.held !== undefined) letGo(waiting.held)
    outgoing.letGo(waiting.words)
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

  /** Pool.kill by id. */
  killById(id: unknown): number {
    const doomed = this.#ids.find(id).filter(({ job }) => job >= 0)
    return doomed.filter(({ job }) => this.#parts.wq.terminateRunning(job)).length
  }

  /** Pool.kill by what a job is. */
  kill(match: (job: JobInfo) => boolean): number {
    const { jobs, wq } = this.#parts
    const doomed = [...jobs].filter((item) => {
      const info = this.#infoOf(item)
      return match(info) && info.running
    })
    return doomed.filter((item) => wq.terminateRunning(item)).length
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
