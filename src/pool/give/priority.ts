/**
 * Jobs that wait for their turn by priority: higher first, then as given, and no job before one of its key. Owner thread
 * only; private memory.
 *
 *   per account:  heap of lanes    [ 9: job ]  [ 5: k3 -> k3 -> k3 ]  [ 0: job ]  [ 0: job ] …
 *
 * A job without a key is a lane of its own. Those of one key form one lane, in the order given, which ranks as high as
 * the highest of them: an urgent job hurries those that it has to wait for. While a job of the key is in io-wq's hands
 * its lanes are out of the heaps. Counterpart: none, io-wq's lists are first in, first out.
 */
import { Heap, type Heaped } from '../../lib/heap.js'
import { ACCT_BOUND, ACCT_UNBOUND, NR_ACCTS } from '../../wq/layout.js'
import type { Waiting } from '../jobs/waiting.js'

/** A job that waits here: it has its place in the order, and a priority. */
export class Ranked implements Heaped {
  readonly waiting: Waiting
  readonly priority: number
  readonly order: number
  /** Where it stands among those of its lane, by priority. */
  heapAt = -1
  /** Its neighbours in the lane, by order. The lane's own to write. */
  before: Ranked | undefined = undefined
  after: Ranked | undefined = undefined

  constructor(waiting: Waiting, priority: number, order: number) {
    this.waiting = waiting
    this.priority = priority
    this.order = order
  }
}

/** Jobs whose turn it is, and the priority that they have it by. */
export interface Turn {
  readonly jobs: readonly Ranked[]
  readonly rank: number
}

const isMoreUrgent = (a: Ranked, b: Ranked) => (a.priority !== b.priority ? a.priority > b.priority : a.order < b.order)

class Lane implements Heaped {
  heapAt = -1
  readonly key: unknown
  first: Ranked | undefined
  #last: Ranked | undefined
  readonly #byRank = new Heap<Ranked>(isMoreUrgent)

  constructor(key: unknown) {
    this.key = key
  }

  /** The highest in the lane. */
  get priority(): number {
    return this.#byRank.first?.priority ?? Number.NEGATIVE_INFINITY
  }

  /** The jobs up to the first that ranks highest, `limit` of them at most. */
  turn(limit: number): Turn {
    const jobs: Ranked[] = []
    const end = this.#byRank.first
    for (let job = this.first; job !== undefined && jobs.length < limit; job = job.after) {
      jobs.push(job)
      if (job === end) break
    }
    return { jobs, rank: this.priority }
  }

  /** By its order: behind the last where it is new; where it comes back, among the first. */
  add(job: Ranked): void {
    let before = this.#last
    if (before !== undefined && before.order > job.order) {
      before = undefined
      for (let at = this.first!; at.order < job.order; at = at.after!) before = at
    }
    const after = before === undefined ? this.first : before.after
    job.before = before
    job.after = after
    if (before === undefined) this.first = job
    else before.after = job
    if (after === undefined) this.#last = job
    else after.before = job
    this.#byRank.push(job)
  }

  remove(job: Ranked): void {
    const { before, after } = job
    if (before === undefined) this.first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    job.before = undefined
    job.after = undefined
    this.#byRank.remove(job)
  }
}

const isBefore = (a: Lane, b: Lane) =>
  a.priority !== b.priority ? a.priority > b.priority : a.first!.order < b.first!.order

export class RankedJobs {
  readonly #isBusy: (key: unknown) => boolean
  readonly #heaps = Array.from({ length: NR_ACCTS }, () => new Heap<Lane>(isBefore))
  readonly #lanes = Array.from({ length: NR_ACCTS }, () => new Map<unknown, Lane>())
  /** By the job's name, in the order of coming. */
  readonly #byId = new Map<number, { readonly job: Ranked; readonly lane: Lane }>()

  /** `isBusy`: whether a job of the key is in io-wq's hands. */
  constructor(isBusy: (key: unknown) => boolean) {
    this.#isBusy = isBusy
  }

  get size(): number {
    return this.#byId.size
  }

  *[Symbol.iterator](): Generator<Waiting> {
    for (const { job } of this.#byId.values()) yield job.waiting
  }

  add(job: Ranked): void {
    const { key, isUnbounded, id } = job.waiting
    const acct = isUnbounded ? ACCT_UNBOUND : ACCT_BOUND
    const lanes = this.#lanes[acct]!
    const lane = lanes.get(key) ?? new Lane(key)
    if (key !== undefined) lanes.set(key, lane)
    this.#heaps[acct]!.remove(lane)
    lane.add(job)
    this.#byId.set(id, { job, lane })
    this.#offer(acct, lane)
  }

  /**
   * The jobs whose turn it is in an account, `limit` of them at most, all of one key if there are several: one that ranks
   * highest, and those that have to go before it. They stay.
   */
  next(acct: number, limit: number): Turn | undefined {
    return this.#heaps[acct]!.first?.turn(limit)
  }

  /** What would be the turn of a key's jobs in an account, some of which wait here, whether or not it is busy. */
  turnOf(key: unknown, acct: number, limit: number): Turn {
    return this.#lanes[acct]!.get(key)!.turn(limit)
  }

  /** The priority of those whose turn it is in an account. */
  rankOfNext(acct: number): number | undefined {
    return this.#heaps[acct]!.first?.priority
  }

  /** A job by its name, out of here: its turn has come, or it was cancelled. */
  take(id: number): Ranked | undefined {
    const found = this.#byId.get(id)
    if (found === undefined) return undefined
    const { job, lane } = found
    const acct = job.waiting.isUnbounded ? ACCT_UNBOUND : ACCT_BOUND
    this.#byId.delete(id)
    this.#heaps[acct]!.remove(lane)
    lane.remove(job)
    if (lane.first === undefined) this.#lanes[acct]!.delete(lane.key)
    else this.#offer(acct, lane)
    return job
  }

  /** A job of the key came into io-wq's hands, or the last one there has ended. */
  keyChanged(key: unknown): void {
    for (const [acct, lanes] of this.#lanes.entries()) {
      const lane = lanes.get(key)
      if (lane === undefined) continue
      this.#heaps[acct]!.remove(lane)
      this.#offer(acct, lane)
    }
  }

  #offer(acct: number, lane: Lane): void {
    if (lane.key === undefined || !this.#isBusy(lane.key)) this.#heaps[acct]!.push(lane)
  }
}
