/**
 * From the call to io-wq: a job with a written record is queued. A job without a record, or one that must wait for its
 * turn, waits in the backlog or, while priorities are in use, in the ranking. Owner thread only.
 */
import { NONE } from '../../lib/mpscq.js'
import { nrQueued } from '../../wq/items.js'
import {
  ACCT_BOUND,
  ACCT_UNBOUND,
  IO_WQ_WORK_ALONE,
  IO_WQ_WORK_CONCURRENT,
  IO_WQ_WORK_HASHED,
  IO_WQ_WORK_UNBOUND,
  type WqMemory,
} from '../../wq/layout.js'
import { FLAGS } from '../../wq/words.js'
import type { Wq } from '../../wq/wq.js'
import { JOB_PROGRESS, JOB_STREAM } from '../between/record.js'
import type { Histograms } from '../home/histograms.js'
import type { JobEvents } from '../home/job-events.js'
import type { Poller } from '../home/poller.js'
import type { Aborts } from '../jobs/aborts.js'
import { Extras } from '../jobs/extras.js'
import type { InFlight } from '../jobs/in-flight.js'
import type { Listener, Waiting } from '../jobs/waiting.js'
import { Backlog } from './backlog.js'
import { Ranking } from './ranking.js'

/** The one task-work queue of a pool's io-wq. */
export const QUEUE = 0

export interface IntakeParts {
  readonly wq: Wq
  readonly jobs: InFlight
  readonly aborts: Aborts
  readonly events: JobEvents
  readonly histograms: Histograms | undefined
  readonly poller: Poller
}

export class Intake {
  readonly #parts: IntakeParts
  readonly #mem: WqMemory
  readonly #backlog = new Backlog()
  /** While priorities are in use, jobs wait there and not in the backlog. */
  #ranking: Ranking | undefined
  #isStopped = false

  constructor(parts: IntakeParts) {
    this.#parts = parts
    this.#mem = parts.wq.mem
  }

  /** Jobs without a record. */
  get nrWaiting(): number {
    return this.#backlog.size + (this.#ranking === undefined ? 0 : this.#ranking.size)
  }

  /** Jobs submitted and not settled. */
  get nrInFlight(): number {
    return this.#parts.jobs.count + this.nrWaiting
  }

  /** The jobs without a record. */
  get waiting(): Iterable<Waiting> {
    return this.#ranking ?? this.#backlog
  }

  /** A record for a job that may go to io-wq; NONE if there is none, or others come first. */
  alloc(priority: number | undefined): number {
    if (this.#backlog.size > 0 || this.#ranking !== undefined) return NONE
    if (priority !== undefined && priority !== 0 && !this.#isFirst(priority)) return NONE
    return this.#parts.wq.alloc()
  }

  /** Whether a job of this priority has nobody to overtake, and no job without a priority will have to overtake it. */
  #isFirst(priority: number): boolean {
    return priority > 0 && nrQueued(this.#mem, ACCT_BOUND) + nrQueued(this.#mem, ACCT_UNBOUND) === 0
  }

  /** Queues a job whose record is written in io-wq. `flags`: JOB_*. */
  enqueue(item: number, flags: number, key: unknown, isUnbounded: boolean, signal: AbortSignal | undefined): void {
    const { jobs, aborts, poller, wq } = this.#parts
    let all = flags | IO_WQ_WORK_CONCURRENT
    let bucket = 0
    if (key !== undefined) {
      bucket = jobs.takeBucket(item, key)
      all |= IO_WQ_WORK_HASHED | (jobs.keys.isAlone(bucket) ? IO_WQ_WORK_ALONE : 0)
    }
    if (isUnbounded) {
      all |= IO_WQ_WORK_UNBOUND
      jobs.markUnbounded(item)
    }
    if (signal !== undefined) {
      jobs.markSignal(item)
      aborts.watch(item, signal)
    }
    poller.look()
    wq.enqueue(item, all, bucket, QUEUE)
  }

  /** Sets a listener to the events of a job that is not yet queued. */
  listen(item: number, listener: Listener): void {
    this.#parts.jobs.markEvents(item)
    this.#parts.events.listen(item, listener)
  }

  /** The id of the next job to be pushed. */
  nextId(priority: number | undefined): number {
    if (priority !== undefined && priority !== 0) this.#rank()
    return (this.#ranking ?? this.#backlog).nextId()
  }

  /** Copies a job in; the caller may then reuse the words of `waiting`. */
  push(waiting: Waiting): void {
    const { aborts, poller } = this.#parts
    if (waiting.signal !== undefined) aborts.watch(waiting.id, waiting.signal)
    poller.look()
    if (this.#ranking === undefined) this.#backlog.push(waiting)
    else this.#ranking.push({ ...waiting, words: waiting.words.slice(0, waiting.nrWords) })
  }

  /** Ids of the first `count` of `waiting`. */
  firstWaiting(count: number): number[] {
    const ids: number[] = []
    for (const { id } of this.waiting) if (ids.push(id) >= count) break
    return ids
  }

  /** Jobs without a record get none any more: they are being cancelled. */
  stop(): void {
    this.#isStopped = true
  }

  /** The extras of one of `waiting`, made if it has none. */
  extrasFor(waiting: Waiting): Extras {
    if (waiting.extras === undefined) {
      waiting.extras = new Extras(waiting.id)
      // The backlog returned a copy.
      if (this.#ranking === undefined) this.#backlog.setExtras(waiting.id, waiting.extras)
    }
    return waiting.extras
  }

  /** Removes a cancelled waiting job by its id, and returns it. */
  remove(id: number): Waiting | undefined {
    const waiting = this.#ranking?.remove(id) ?? this.#backlog.remove(id)
    if (waiting?.signal !== undefined) this.#parts.aborts.forget(id)
    return waiting
  }

  /** From now on jobs wait by priority. */
  #rank(): void {
    if (this.#ranking !== undefined) return
    const waiting = [...this.#backlog]
    while (this.#backlog.shift() !== undefined);
    const ranking = new Ranking(
      {
        wq: this.#parts.wq,
        jobs: this.#parts.jobs,
        launch: (job) => this.#launch(job),
        detach: (item, id) => this.#detach(item, id),
      },
      waiting,
    )
    this.#ranking = ranking
    this.#parts.jobs.onKeyFreed = (key) => ranking.keyFreed(key)
  }

  /** Moves a waiting job into a record; there is one. */
  #launch(waiting: Waiting): number {
    const { wq, jobs, aborts, histograms } = this.#parts
    const { words, nrWords, held, extras, listener, resolve, id } = waiting
    const to = this.#mem.words
    const item = wq.alloc()
    if (waiting.signal !== undefined) aborts.forget(id)
    const p = this.#mem.payload(item)
    for (let i = 0; i < nrWords; i++) to[p + i] = words[i]!
    jobs.add(item, resolve, to, p, held)
    if (histograms !== undefined) histograms.given(item, waiting.givenNs)
    if (extras !== undefined) jobs.setExtras(item, extras)
    if (listener !== undefined) this.listen(item, listener)
    this.enqueue(item, waiting.listenFlags, waiting.key, waiting.isUnbounded, waiting.signal)
    return item
  }

  /** The reverse of #launch: io-wq returned the item. */
  #detach(item: number, id: number): Waiting {
    const { wq, jobs, aborts, events, histograms } = this.#parts
    const signal = jobs.hasSignal(item) ? aborts.signalOf(item) : undefined
    const listener = jobs.hasEvents(item) ? events.take(item) : undefined
    const listenFlags = this.#mem.words[this.#mem.item(item) + FLAGS]! & (JOB_PROGRESS | JOB_STREAM)
    const givenNs = histograms === undefined ? 0 : histograms.givenAt(item)
    const job = jobs.detach(item, this.#mem.words, this.#mem.payload(item))
    wq.free(item)
    if (job.extras !== undefined) job.extras.job = id
    if (signal !== undefined) {
      aborts.forget(item)
      aborts.watch(id, signal)
    }
    return { ...job, signal, listener, listenFlags, givenNs, id }
  }

  /** Records are free again, or workers have taken items: queues more in io-wq. */
  feed(): void {
    if (this.#isStopped || (this.nrWaiting === 0 && this.#ranking === undefined)) return
    while (this.#backlog.size > 0 && this.#parts.wq.nrFree > 0) {
      const job = this.#backlog.shift()
      if (job !== undefined) this.#launch(job)
    }
    if (this.#ranking === undefined) return
    this.#ranking.feed()
    if (this.#ranking.isNeeded) return
    this.#ranking = undefined
    this.#parts.jobs.onKeyFreed = undefined
  }
}
