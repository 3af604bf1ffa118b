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
import { acctOf, isQueued, nrQueued, queuedItems } from '../../wq/items.js'
import { ACCT_BOUND, ACCT_UNBOUND } from '../../wq/layout.js'
import type { Wq } from '../../wq/wq.js'
import { Extras } from '../jobs/extras.js'
import type { InFlight } from '../jobs/in-flight.js'
import type { Waiting } from '../jobs/waiting.js'
import { Ranked, RankedJobs, type Turn } from './priority.js'

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
  readonly key: unknown
  /** The highest priority of this job and those of its key behind it: they cannot begin before it. */
  rank: number
}

export class Ranking {
  readonly #parts: RankingParts
  readonly #jobs: RankedJobs
  /** In the order of giving, those that have left the list not yet sorted out. */
  #fed: Fed[] = []
  /** By account: no rank among these is below it. */
  readonly #lowestRank = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  #nextId = FIRST_ID
  #nextOrder = 0
  #isFeeding = false
  /** So many fed are sorted out: not all of them for each job that comes. */
  #sortAt = 8 * WINDOW

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
      this.#noteFed({ item, extras, acct, key, rank })
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
    if (waiting.key !== undefined && priority > this.#lowestRank[acct]!) this.#hurry(waiting.key, priority, acct)
    this.feed()
  }

  /**
   * Those of a key that io-wq has in its list are to go before all of lower priority, for one that waits here is behind
   * them. Where they do so already it goes there too; else they come back, and all are given anew.
   */
  #hurry(key: unknown, priority: number, acct: number): void {
    const isLower = (fed: Fed) => fed.acct === acct && fed.rank < priority
    const first = this.#fed.find((fed) => isLower(fed) && this.#isListed(fed))
    if (first === undefined) return
    const own = this.#fed.filter((fed) => isLower(fed) && fed.key === key)
    if (first.key !== key) {
      this.#takeBackAll(own)
      return
    }
    for (const fed of own) fed.rank = priority
    this.#giveTurn(this.#jobs.turnOf(key, acct, this.#parts.wq.nrFree), acct)
    // Else a worker cut the run off before that, and they stand behind the rest.
    if (!this.#isListed(own.at(-1)!)) this.#takeBackBelow(priority, acct)
  }

  #takeBackBelow(priority: number, acct: number): void {
    this.#takeBackAll(this.#fed.filter((fed) => fed.acct === acct && fed.rank < priority))
    this.#sortOut()
  }

  #takeBackAll(some: readonly Fed[]): void {
    // From the last on: a worker that comes in between finds what is first of its key.
    for (const fed of some.toReversed()) this.#takeBack(fed)
  }

  #add(waiting: Waiting): { priority: number; acct: number } {
    waiting.extras ??= new Extras(waiting.id)
    const { extras } = waiting
    extras.order = this.#nextOrder++
    this.#jobs.add(new Ranked(waiting, extras.priority, extras.order))
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
    this.#jobs.add(new Ranked(waiting, extras.priority, extras.order))
  }

  #noteFed(fed: Fed): void {
    this.#fed.push(fed)
    this.#lowestRank[fed.acct] = Math.min(this.#lowestRank[fed.acct]!, fed.rank)
  }

  /** Forgets what has left the list. */
  #sortOut(): void {
    const before = this.#fed
    this.#fed = []
    this.#lowestRank.fill(Number.POSITIVE_INFINITY)
    for (const fed of before) if (this.#isListed(fed)) this.#noteFed(fed)
    this.#sortAt = 2 * this.#fed.length + 8 * WINDOW
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
    for (const acct of [ACCT_BOUND, ACCT_UNBOUND]) {
      this.#makeWay(acct)
      this.#feed(acct)
    }
    this.#isFeeding = false
    if (this.#fed.length > this.#sortAt) this.#sortOut()
  }

  /** Takes back what ranks below those whose turn it is: a job that just came, or one whose key has come free. */
  #makeWay(acct: number): void {
    for (;;) {
      const rank = this.#jobs.rankOfNext(acct)
      if (rank === undefined || rank <= this.#lowestRank[acct]!) return
      this.#takeBackBelow(rank, acct)
    }
  }

  #feed(acct: number): void {
    const { wq } = this.#parts
    let room = WINDOW - nrQueued(wq.mem, acct)
    while (room > 0 && wq.nrFree > 0) {
      // All of a key that hurry: of what stands behind them in the list, some would begin between two parts.
      const turn = this.#jobs.next(acct, wq.nrFree)
      if (turn === undefined) return
      this.#giveTurn(turn, acct)
      room -= turn.jobs.length
    }
  }

  #giveTurn({ jobs, rank }: Turn, acct: number): void {
    for (const job of jobs) if (this.#parts.wq.nrFree > 0) this.#give(job, acct, rank)
  }

  #give({ waiting }: Ranked, acct: number, rank: number): void {
    this.#jobs.take(waiting.id)
    const { key, extras } = waiting
    const item = this.#parts.launch(waiting)
    if (key !== undefined) this.#jobs.keyChanged(key)
    if (extras !== undefined) this.#noteFed({ item, extras, acct, key, rank })
  }

  /** Whether jobs given from now on need to be ranked: some wait, or one in io-wq's list has a priority. */
  get isNeeded(): boolean {
    if (this.size > 0 || this.#isFeeding) return true
    this.#sortOut()
    return this.#fed.some(({ rank }) => rank !== 0)
  }
}
