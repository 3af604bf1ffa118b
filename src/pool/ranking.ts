/**
 * Priorities, on top of io-wq's first in, first out: while they are in use few jobs are in its lists, and those are taken
 * back when one of higher priority comes. Owner thread only.
 *
 *   run() --> RankedJobs --feed()--> io-wq's list (WINDOW jobs) --> worker
 *                 ^---- take back ----'
 *
 * So a job is begun before every job of lower priority in its account that no worker has in hand. It is in use from the
 * first job with a priority until none with one waits, here or in the list, and costs nothing before and after.
 */
import { acctOf, isQueued, nrQueued, queuedItems } from '../wq/items.js'
import { ACCT_BOUND, ACCT_UNBOUND } from '../wq/layout.js'
import type { Wq } from '../wq/wq.js'
import type { Waiting } from './backlog.js'
import { Extras } from './extras.js'
import type { InFlight } from './in-flight.js'
import { type Ranked, RankedJobs } from './priority.js'

/** Jobs of an account in io-wq's list: enough that workers find some until the owner looks again. */
const WINDOW = 64
/** Names of jobs here start below any of the backlog's. */
const FIRST_ID = -(2 ** 40)

export interface RankingParts {
  readonly wq: Wq
  readonly jobs: InFlight
  /** Gives a job to io-wq, for which there is a record. Returns its item. */
  readonly launch: (job: Waiting) => number
  /** Takes a job's record away, which io-wq has let go of. From now on it is named `id`. */
  readonly detach: (item: number, id: number) => Waiting
}

/** A job that was given to io-wq, and may still be in its list. */
interface Fed {
  readonly item: number
  readonly extras: Extras
  readonly acct: number
  /** The highest priority of this job and those of its key behind it: they cannot begin before it. */
  readonly rank: number
}

export class Ranking {
  readonly #parts: RankingParts
  readonly #jobs: RankedJobs
  /** In the order of giving, those that have left the list not yet sorted out. */
  #fed: Fed[] = []
  /** No rank among these is below it. */
  #lowestRank = Number.POSITIVE_INFINITY
  #nextId = FIRST_ID
  #nextOrder = 0
  #isFeeding = false

  /** Priorities begin to be used: what io-wq has in its lists may be taken back from now on. */
  constructor(parts: RankingParts, backlog: Iterable<Waiting>) {
    const { wq, jobs } = parts
    this.#parts = parts
    this.#jobs = new RankedJobs((key) => jobs.hasKey(key))
    const items = queuedItems(wq.mem, wq.nrTouched)
    for (const item of items) jobs.extrasFor(item).order = this.#nextOrder++
    const ranks = [ACCT_BOUND, ACCT_UNBOUND].map(() => new Map<unknown, number>())
    for (const item of items.reverse()) {
      const extras = jobs.extrasFor(item)
      const key = jobs.keyOf(item)
      const acct = acctOf(wq.mem, item)
      const rank = Math.max(extras.priority, ranks[acct]?.get(key) ?? extras.priority)
      if (key !== undefined) ranks[acct]?.set(key, rank)
      this.#noteFed({ item, extras, acct, rank })
    }
    this.#fed.reverse()
    for (const waiting of backlog) this.#add(waiting)
  }

  /** Jobs that wait here. */
  get size(): number {
    return this.#jobs.size
  }

  [Symbol.iterator](): Generator<Waiting> {
    return this.#jobs[Symbol.iterator]()
  }

  /** The name of the job to be pushed next. */
  nextId(): number {
    return this.#nextId--
  }

  push(waiting: Waiting): void {
    const { priority, acct } = this.#add(waiting)
    if (priority > this.#lowestRank) this.#takeBackBelow(priority, acct)
    this.feed()
  }

  #takeBackBelow(priority: number, acct: number): void {
    // From the last on: a worker that comes in between finds what is first of its key.
    for (const fed of this.#fed.toReversed()) if (fed.acct === acct && fed.rank < priority) this.#takeBack(fed)
    this.#sortOut()
  }

  #add(waiting: Waiting): { priority: number; acct: number } {
    waiting.extras ??= new Extras(waiting.id)
    const { extras } = waiting
    extras.order = this.#nextOrder++
    this.#jobs.add({ waiting, priority: extras.priority, order: extras.order })
    return { priority: extras.priority, acct: waiting.isUnbounded ? ACCT_UNBOUND : ACCT_BOUND }
  }

  /** A job by its name, out of here. */
  remove(id: number): Waiting | undefined {
    return this.#jobs.take(id)?.waiting
  }

  /** A key's last job in io-wq's hands has ended. */
  keyFreed(key: unknown): void {
    this.#jobs.keyChanged(key)
  }

  /** Back from io-wq's list to its place here, if no worker has it. */
  #takeBack(fed: Fed): void {
    const { wq, detach } = this.#parts
    const { item, extras } = fed
    if (!this.#isListed(fed) || !wq.withdraw(item)) return
    const waiting = detach(item, this.nextId())
    this.#jobs.add({ waiting, priority: extras.priority, order: extras.order })
  }

  #noteFed(fed: Fed): void {
    this.#fed.push(fed)
    this.#lowestRank = Math.min(this.#lowestRank, fed.rank)
  }

  /** Forgets what has left the list. */
  #sortOut(): void {
    this.#fed = this.#fed.filter((fed) => this.#isListed(fed))
    this.#lowestRank = Math.min(...this.#fed.map(({ rank }) => rank))
  }

  #isListed({ item, extras }: Fed): boolean {
    // Another job may have the record by now.
    return this.#parts.jobs.extrasOf(item) === extras && isQueued(this.#parts.wq.mem, item)
  }

  /** Gives io-wq what it has room for. */
  feed(): void {
    // Giving a job may end others, whose end would lead here again.
    if (this.#isFeeding) return
    this.#isFeeding = true
    const { wq } = this.#parts
    for (const acct of [ACCT_BOUND, ACCT_UNBOUND]) {
      let room = WINDOW - nrQueued(wq.mem, acct)
      while (room > 0 && !wq.isFull()) {
        const jobs = this.#jobs.next(acct)
        if (jobs === undefined) break
        const rank = jobs.at(-1)?.priority ?? 0
        for (const job of jobs) if (!wq.isFull()) this.#give(job, acct, rank)
        room -= jobs.length
      }
    }
    this.#isFeeding = false
    if (this.#fed.length > 8 * WINDOW) this.#sortOut()
  }

  #give({ waiting }: Ranked, acct: number, rank: number): void {
    this.#jobs.take(waiting.id)
    const item = this.#parts.launch(waiting)
    if (waiting.key !== undefined) this.#jobs.keyChanged(waiting.key)
    if (waiting.extras !== undefined) this.#noteFed({ item, extras: waiting.extras, acct, rank })
  }

  /** Whether jobs given from now on need to be ranked: some wait, or one in io-wq's list has a priority. */
  get isNeeded(): boolean {
    if (this.size > 0 || this.#isFeeding) return true
    this.#sortOut()
    return this.#fed.some(({ rank }) => rank !== 0)
  }
}
