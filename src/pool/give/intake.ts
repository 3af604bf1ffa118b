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
import { JOB_PROGRESS, JOB_START, JOB_STREAM } from '../between/record.js'
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

  /** A job that has to wait, and gets a name here. Its words are the caller's again. */
  push(job: Omit<Waiting, 'id'>, priority: number | undefined): void {
    const { aborts, poller } = this.#parts
    if (priority !== undefined && priority !== 0) this.#rank()
    const id = (this.#ranking ?? this.#backlog).nextId()
    if (job.extras !== undefined) job.extras.job = id
    if (job.signal !== undefined) aborts.watch(id, job.signal)
    if (this.#ranking === undefined) this.#backlog.push({ ...job, id })
    else this.#ranking.push({ ...job, id, words: job.words.slice(0, job.nrWords) })
    poller.look()
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

  /**
   * A waiting job by its name, out of here: it was cancelled. Its words are good until the next is taken out; its signal
   * is the caller's of this to forget.
   */
  remove(id: number): Waiting | undefined {
    return this.#ranking?.remove(id) ?? this.#backlog.remove(id)
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
    const p = this.#mem.payload(item)
    for (let i = 0; i < nrWords; i++) to[p + i] = words[i]!
    if (waiting.signal !== undefined) {
      // In this order: its signal is not let go meanwhile.
      aborts.watch(item, waiting.signal)
      aborts.forget(id)
    }
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
    const listenFlags = this.#mem.words[this.#mem.item(item) + FLAGS]! & (JOB_PROGRESS | JOB_STREAM | JOB_START)
    const givenNs = histograms === undefined ? 0 : histograms.givenAt(item)
    const job = jobs.detach(item, this.#mem.words, this.#mem.payload(item))
    wq.free(item)
    if (job.extras !== undefined) job.extras.job = id
    if (signal !== undefined) {
      aborts.watch(id, signal)
      aborts.forget(item)
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
