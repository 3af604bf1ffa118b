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
import { ACCT_BOUND, ACCT_UNBOUND, NR_ACCTS } from '../wq/layout.js'
import type { Waiting } from './backlog.js'
import { Heap, type Heaped } from './heap.js'

/** A job that waits here: it has its place in the order, and a priority. */
export interface Ranked {
  readonly waiting: Waiting
  readonly priority: number
  readonly order: number
}

class Lane implements Heaped {
  heapAt = -1
  readonly key: unknown
  /** By order. */
  #jobs: Ranked[] = []
  #head = 0
  /** How many jobs have each priority: few have different ones. */
  readonly #counts = new Map<number, number>()
  /** The highest in the lane. */
  priority = Number.NEGATIVE_INFINITY

  constructor(key: unknown) {
    this.key = key
  }

  get first(): Ranked | undefined {
    return this.#jobs[this.#head]
  }

  /** The jobs up to the first that ranks highest. */
  urgent(): Ranked[] {
    let end = this.#head
    while (this.#jobs[end]!.priority < this.priority) end++
    return this.#jobs.slice(this.#head, end + 1)
  }

  add(job: Ranked): void {
    let at = this.#jobs.length
    while (at > this.#head && this.#jobs[at - 1]!.order > job.order) at--
    if (at === this.#jobs.length) this.#jobs.push(job)
    else this.#jobs.splice(at, 0, job)
    this.#counts.set(job.priority, (this.#counts.get(job.priority) ?? 0) + 1)
    this.priority = Math.max(this.priority, job.priority)
  }

  remove(job: Ranked): void {
    if (job === this.first) {
      this.#head++
      if (this.#head > 1000 && this.#head * 2 > this.#jobs.length) {
        this.#jobs = this.#jobs.slice(this.#head)
        this.#head = 0
      }
    } else this.#jobs.splice(this.#jobs.indexOf(job, this.#head), 1)
    const left = this.#counts.get(job.priority)! - 1
    if (left > 0) this.#counts.set(job.priority, left)
    else {
      this.#counts.delete(job.priority)
      if (job.priority === this.priority) this.priority = Math.max(...this.#counts.keys())
    }
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
   * The jobs whose turn it is in an account, all of one key if there are several: the last ranks highest, the others
   * have to go before it. They stay.
   */
  next(acct: number): Ranked[] | undefined {
    return this.#heaps[acct]!.first?.urgent()
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
