/**
 * Whether queued work needs one more worker: an idle one is woken, or a new one is counted, which the crew then makes.
 * Owner thread only.
 *
 * Counterpart: io_acct_activate_free_worker, io_wq_create_worker and the conditions of io_wq_enqueue.
 */
import { NONE } from '../lib/mpscq.js'
import { needsMore, popIdle, popIdleIfDue } from './acct.js'
import type { Crew } from './crew.js'
import { lacksSpare } from './items.js'
import { ACCT, ACCT_BOUND, ACCT_UNBOUND, HOLDER_OWNER, ITEM_NS_MAX, NR_ACCTS, type WqMemory } from './layout.js'
import { lock, unlock } from './lock.js'
import { wakeWorker } from './wakes.js'
import { ITEM_NS, LOCK, MAX_RUNNING, MAX_WORKERS, NR_QUEUED, NR_RUNNING, NR_WORKERS } from './words.js'

export class Demand {
  readonly #mem: WqMemory
  readonly #concurrency: number
  readonly #crew: Crew

  /** `concurrency`: how many workers run before items alone are a reason for one more. */
  constructor(mem: WqMemory, concurrency: number, crew: Crew) {
    this.#mem = mem
    this.#concurrency = concurrency
    this.#crew = crew
  }

  /**
   * Under the lock: whether one more worker is due; if so it counts from now on. DIFFERS: IO_WQ_WORK_CONCURRENT makes
   * workers up to the number of CPUs at once, and beyond that only as workers block.
   */
  claimWorker(a: number, concurrent: boolean): boolean {
    const { words } = this.#mem
    if (words[a + (ACCT.at.free_head >> 2)] !== NONE) return false
    if (words[a + NR_RUNNING]! >= (concurrent ? words[MAX_RUNNING]! : this.#concurrency)) return false
    const acct = a === this.#mem.acct(ACCT_BOUND) ? ACCT_BOUND : ACCT_UNBOUND
    if (words[a + NR_WORKERS]! >= words[a + MAX_WORKERS]! + this.#crew.roster.nrDoomed(acct)) return false
    if (concurrent && !needsMore(this.#mem, acct)) return false
    // Workers that will look soon take an item each: one job at a time makes one thread, however long it runs.
    return words[a + NR_QUEUED]! > this.#crew.nrComing(acct) && this.#countWorker(a)
  }

  /** Under the lock: counts one more worker, if there is a slot for it. */
  #countWorker(a: number): boolean {
    if (!this.#crew.roster.hasSlot()) return false
    const { words } = this.#mem
    words[a + NR_WORKERS] = words[a + NR_WORKERS]! + 1
    words[a + NR_RUNNING] = words[a + NR_RUNNING]! + 1
    return true
  }

  /** Wakes an idle worker for queued work. True if it claimed a new one instead, which the caller creates. */
  wakeOrClaimWorker(acct: number, insist = true): boolean {
    const { words } = this.#mem
    const a = this.#mem.acct(acct)
    this.#lock(acct)
    const waiting = words[a + NR_QUEUED]! > 0 && words[a + (ACCT.at.stalled >> 2)] === 0
    // The estimate of the running workers was wrong: a woken worker passes the wake on.
    if (insist && waiting) words[a + ITEM_NS] = ITEM_NS_MAX
    const idle = popIdleIfDue(this.#mem, acct, insist)
    const create =
      idle === NONE &&
      ((waiting && this.claimWorker(a, false)) || (lacksSpare(this.#mem, acct) && this.#countWorker(a)))
    unlock(words, a + LOCK)
    if (idle !== NONE) wakeWorker(this.#mem, idle)
    return create
  }

  /** Wakes every idle worker, to look for work and for reasons to leave. */
  wakeAllIdle(): void {
    for (let acct = 0; acct < NR_ACCTS; acct++) {
      const woken: number[] = []
      this.#lock(acct)
      for (let slot = popIdle(this.#mem, acct); slot !== NONE; slot = popIdle(this.#mem, acct)) woken.push(slot)
      unlock(this.#mem.words, this.#mem.acct(acct) + LOCK)
      for (const slot of woken) wakeWorker(this.#mem, slot)
    }
  }

  #lock(acct: number): void {
    lock(this.#mem.words, this.#mem.acct(acct) + LOCK, HOLDER_OWNER, this.#crew.onStuck)
  }
}
