/**
 * io-wq: create, enqueue, cancel, exit. Runs on the owner thread, the one that made it; only workers run elsewhere.
 *
 * It knows neither SQEs nor user functions: an item is an index into the slab, its payload is the embedder's, and the
 * worker entry is passed in as a URL. Counterpart: io_uring/io-wq.c.
 */
import { availableParallelism } from 'node:os'
import { assert, VERIFY } from '../lib/assert.js'
import { fetchAnd, fetchOr, loadAcquire, storeRelease } from '../lib/barrier.js'
import { init, NONE } from '../lib/mpscq.js'
import type { Slab } from '../lib/slab.js'
import { watchWriters } from '../lib/writers.js'
import { clearLists, insert, popIdleIfDue } from './acct.js'
import { type CancelResult, Cancels } from './cancels.js'
import { Crew } from './crew.js'
import { Demand } from './demand.js'
import type { HashSeat } from './hash-pools.js'
import { HashTails } from './hash-tails.js'
import { clampWorkers, countsOf, nrQueued, type WqCounts } from './items.js'
import {
  ACCT,
  ACCT_BOUND,
  ACCT_UNBOUND,
  HOLDER_OWNER,
  IO_WQ_WORK_CANCEL,
  IO_WQ_WORK_CONCURRENT,
  IO_WQ_WORK_HASHED,
  IO_WQ_WORK_UNBOUND,
  ITEM_CANCELED,
  ITEM_DONE,
  ITEM_FREE,
  ITEM_NS_MAX,
  ITEM_QUEUED,
  ITEM_RUNNING,
  ITEM_SLOT_SHIFT,
  ITEM_STATE_MASK,
  ITEM_TAKEN,
  NR_ACCTS,
  WQ,
  WQ_EXIT,
  WQ_EXIT_ON_IDLE,
  WqMemory,
} from './layout.js'
import { lock, unlock } from './lock.js'
import type { Casualty } from './member.js'
import type { WqHooks, WqOptions } from './options.js'
import { countVerifier, grace, sleepUntilPushed } from './owner-wait.js'
import { itemSlab } from './poison.js'
import { findStrays, repairAfter } from './recover.js'
import { TaskWork } from './task-work.js'
import { currentTid } from './thread-name.js'
import { wakeWorker } from './wakes.js'
import { watchedTables } from './watch.js'
import {
  BUCKET,
  FLAGS,
  ITEM_NS,
  LOCK,
  MAX_RUNNING,
  MAX_WORKERS,
  MIN_WORKERS,
  NEXT,
  NR_QUEUED,
  QUEUE,
  SEQ,
  STATE,
  TW_NEXT,
  W_NR_ASYNC,
  WQ_STATE,
} from './words.js'

export class Wq {
  readonly mem: WqMemory
  /** The last item of each bucket, and a word of the embedder's. */
  readonly tails: HashTails
  readonly #slab: Slab
  readonly #hooks: WqHooks
  readonly #taskWork: TaskWork
  /** Its threads. */
  readonly crew: Crew
  readonly #cancels: Cancels
  readonly #demand: Demand
  readonly #hashSeat: HashSeat | undefined
  readonly #hasQueued = () => nrQueued(this.mem, ACCT_BOUND) + nrQueued(this.mem, ACCT_UNBOUND) > 0
  #seq = 0

  constructor(options: WqOptions) {
    this.mem = WqMemory.create(options, options.sab, options.hashSeat)
    this.tails = new HashTails(options.nrBuckets)
    this.#hashSeat = options.hashSeat
    this.#taskWork = new TaskWork(this.mem)
    this.#slab = itemSlab(this.mem)
    this.#hooks = options.hooks
    const { concurrency = 1 } = options
    const { words } = this.mem
    words[MAX_RUNNING] = Math.max(concurrency, options.maxRunning ?? availableParallelism())
    words[WQ.at.max_spinning >> 2] = Math.max(1, availableParallelism() - 1)
    words[WQ.at.patience_ns >> 2] = (options.patienceUs ?? 0) * 1000
    words[WQ.at.idle_ms >> 2] = options.idleTimeoutMs ?? 5000
    words[WQ.at.spin_us >> 2] = options.spinUs ?? 50
    words[WQ.at.owner_tid >> 2] = currentTid()
    for (let i = 0; i < options.nrQueues; i++) init(this.mem.queue(i))
    for (let acct = 0; acct < NR_ACCTS; acct++) {
      clearLists(this.mem, acct)
      words[this.mem.acct(acct) + MAX_WORKERS] = clampWorkers(options.maxWorkers[acct]!, options.nrSlots)
      words[this.mem.acct(acct) + MIN_WORKERS] = options.minWorkers?.[acct] ?? 0
      words[this.mem.acct(acct) + ITEM_NS] = ITEM_NS_MAX
    }
    this.crew = new Crew(this.mem, options, {
      recover: (dead) => this.#recover(dead),
      wakeOrClaimWorker: (acct, insist) => this.#demand.wakeOrClaimWorker(acct, insist),
      giveUp: (acct, error) => this.#giveUp(acct, error),
    })
    this.#demand = new Demand(this.mem, concurrency, this.crew)
    this.#cancels = new Cancels(this.mem, {
      crew: this.crew,
      demand: this.#demand,
      tails: this.tails,
      hooks: this.#hooks,
      nrTouched: () => this.#slab.nrTouched,
    })
    watchWriters('owner', watchedTables(this.mem, HOLDER_OWNER))
  }

  /** A record for an item, with its own words reset; NONE when every record is in use. */
  alloc(): number {
    const item = this.#slab.alloc()
    if (item !== NONE) {
      const at = this.mem.item(item)
      this.mem.words[at + NEXT] = NONE
      this.mem.words[at + FLAGS] = 0
      this.mem.words[at + STATE] = ITEM_FREE
    }
    return item
  }

  /** Frees a record. A record cancelled in a worker's hands is freed when the worker has pushed it. */
  free(item: number): void {
    const { words } = this.mem
    const at = this.mem.item(item)
    const state = loadAcquire(words, at + STATE) & ITEM_STATE_MASK
    if (state === ITEM_CANCELED) return
    assert(state !== ITEM_QUEUED && state !== ITEM_TAKEN && state !== ITEM_RUNNING, `item ${item} is not in use`)
    words[at + STATE] = ITEM_FREE
    this.#slab.free(item)
  }

  /**
   * Queues an item. `flags` are IO_WQ_WORK_*; `bucket` counts if HASHED; the item ends on task-work queue `queue`.
   * After exit, or with IO_WQ_WORK_CANCEL, it is cancelled at once instead.
   */
  enqueue(item: number, flags: number, bucket: number, queue: number): void {
    const { words } = this.mem
    const at = this.mem.item(item)
    assert(words[at + STATE] === ITEM_FREE, 'what is queued is nowhere else')
    words[at + FLAGS] = flags
    words[at + BUCKET] = (flags & IO_WQ_WORK_HASHED) !== 0 ? bucket : 0
    words[at + QUEUE] = queue
    // If the worker dies, this distinguishes a push that never began.
    words[at + TW_NEXT] = NONE
    words[at + SEQ] = this.#seq
    this.#seq = (this.#seq + 1) | 0
    if ((flags & IO_WQ_WORK_CANCEL) !== 0 || (loadAcquire(words, WQ_STATE) & WQ_EXIT) !== 0) {
      this.#hooks.onCancelled(item)
      return
    }
    const acct = (flags & IO_WQ_WORK_UNBOUND) !== 0 ? ACCT_UNBOUND : ACCT_BOUND
    const a = this.mem.acct(acct)
    this.#hashSeat?.watch(this.#hasQueued)
    this.#lock(acct)
    insert(this.mem, acct, item, this.tails)
    // DIFFERS: the kernel wakes a worker each time; here a wake-up costs as much as several items, so it wakes fewer.
    const idle = popIdleIfDue(this.mem, acct, false)
    const create = idle === NONE && this.#demand.claimWorker(a, (flags & IO_WQ_WORK_CONCURRENT) !== 0)
    const isMore = words[a + NR_QUEUED]! > 1
    unlock(words, a + LOCK)
    if (idle !== NONE) wakeWorker(this.mem, idle)
    if (create) this.crew.create(acct)
    // A woken worker takes one item, unless async ones keep it busy. Others may require one that is not blocked.
    else if (idle === NONE || isMore || words[this.mem.worker(idle) + W_NR_ASYNC] !== 0) this.crew.watch()
  }

  /** Makes the workers that minWorkers asks for. */
  start(): void {
    this.crew.refill()
  }

  /** See WqOptions.patienceUs: queued work has waited long enough. */
  nudge(): void {
    if (this.#hasQueued()) this.crew.refill()
  }

  /** See Cancels.cancel(). */
  cancel(item: number, why?: () => Error): CancelResult {
    return this.#cancels.cancel(item, why)
  }

  /** See Cancels.withdraw(). */
  withdraw(item: number): boolean {
    return this.#cancels.withdraw(item)
  }

  /** See Cancels.cancelMatch(). */
  cancelMatch(match: (item: number) => boolean, all: boolean): CancelResult {
    return this.#cancels.cancelMatch(match, all)
  }

  /** Whether an item carries IO_WQ_WORK_CANCEL. */
  isCancelled(item: number): boolean {
    return (loadAcquire(this.mem.words, this.mem.item(item) + FLAGS) & IO_WQ_WORK_CANCEL) !== 0
  }

  /** Sets the limits; 0 leaves one. Returns the previous pair. A lower limit stops creation and kills no worker. */
  maxWorkers(bound: number, unbound: number): [bound: number, unbound: number] {
    const before: [number, number] = [0, 0]
    for (const [acct, limit] of [bound, unbound].entries()) {
      const at = this.mem.acct(acct) + MAX_WORKERS
      before[acct] = this.mem.words[at]!
      if (limit > 0) this.mem.words[at] = clampWorkers(limit, this.mem.shape.nrSlots)
      if (this.#demand.wakeOrClaimWorker(acct)) this.crew.create(acct)
    }
    return before
  }

  /**
   * Restricts workers to some processors; undefined, to those of the owner. Workers made from now on start there. Older
   * ones leave at their next idle timeout, the last one of an account too. Counterpart: io_wq_cpu_affinity.
   */
  setAffinity(cpus: readonly number[] | undefined): void {
    this.crew.setAffinity(cpus)
    // Workers that were to stay now have a reason to leave.
    this.wakeAllIdle()
  }

  /** On: a worker leaves instead of going idle, the last one too. Off: the last one of an account stays. */
  setExitOnIdle(on: boolean): void {
    const { words } = this.mem
    if (!on) {
      if ((fetchAnd(words, WQ_STATE, ~WQ_EXIT_ON_IDLE) & WQ_EXIT_ON_IDLE) !== 0) this.crew.refill()
    } else if ((fetchOr(words, WQ_STATE, WQ_EXIT_ON_IDLE) & WQ_EXIT_ON_IDLE) === 0) {
      this.crew.spare?.dismiss()
      this.wakeAllIdle()
    }
  }

  /** See Demand.wakeAllIdle(). */
  wakeAllIdle(): void {
    this.#demand.wakeAllIdle()
  }

  /**
   * Ends the pool: unbounded items that are still queued are cancelled, bounded ones run, workers leave. Resolves when
   * no worker thread is left; items still queued then have been cancelled.
   */
  async exit(): Promise<void> {
    fetchOr(this.mem.words, WQ_STATE, WQ_EXIT)
    this.crew.spare?.dismiss()
    this.cancelPending(ACCT_UNBOUND)
    this.wakeAllIdle()
    await this.crew.gone()
    this.cancelPending(ACCT_BOUND)
    this.cancelPending(ACCT_UNBOUND)
    this.crew.stop()
    this.#hashSeat?.leave()
  }

  /** Resolves when no worker thread is left, for whatever reason they left. */
  workersGone(): Promise<void> {
    return this.crew.gone()
  }

  /** Kills the thread that runs an item: the item dies with it, for `reason`; other items go on. */
  terminateRunning(item: number, reason?: Error): boolean {
    const slot = this.runningIn(item)
    if (slot === NONE) return false
    this.crew.terminate(slot, reason)
    // A thread inside of a system call dies only when the call has returned.
    this.crew.interrupt(slot, this.mem.item(item))
    this.crew.replaceEnded(slot)
    return true
  }

  /** The slot of the worker that runs an item, or NONE. */
  runningIn(item: number): number {
    const state = loadAcquire(this.mem.words, this.mem.item(item) + STATE)
    return (state & ITEM_STATE_MASK) === ITEM_RUNNING ? state >> ITEM_SLOT_SHIFT : NONE
  }

  /** See Cancels.cancelPending(). */
  cancelPending(acct: number, noWorker?: Error): boolean {
    return this.#cancels.cancelPending(acct, noWorker)
  }

  /** Pops the next item of a task-work queue, or NONE. The embedder completes it and calls free(). */
  popTaskWork(queue: number): number {
    for (;;) {
      const item = this.#taskWork.pop(queue)
      if (item === NONE || !this.#landed(item)) return item
      this.#slab.free(item)
    }
  }

  /** Pushes an item from the owner itself, behind those of workers. True on the edge from empty to non-empty. */
  pushTaskWork(item: number, queue: number): boolean {
    const { words } = this.mem
    words[this.mem.item(item) + QUEUE] = queue
    storeRelease(words, this.mem.item(item) + STATE, ITEM_DONE)
    return this.#taskWork.push(queue, item)
  }

  /** Items ever handed out: none at this index or above is in use. */
  get nrTouched(): number {
    return this.#slab.nrTouched
  }

  /** How many records alloc() can still return. */
  get nrFree(): number {
    return this.#slab.capacity - this.#slab.nrUsed
  }

  /** Sets a popped item's state; true if it was cancelled and only its record came back. */
  #landed(item: number): boolean {
    const at = this.mem.item(item) + STATE
    const state = this.mem.words[at]! & ITEM_STATE_MASK
    assert(state === ITEM_DONE || state === ITEM_CANCELED, `item ${item} came home done or cancelled (${state})`)
    this.mem.words[at] = ITEM_FREE
    if (state === ITEM_CANCELED) this.#taskWork.foundAstray(item)
    return state === ITEM_CANCELED
  }

  /** True iff everything pushed to the queue was popped. */
  isQueueEmpty(queue: number): boolean {
    return this.#taskWork.isEmpty(queue)
  }

  /**
   * Sleeps on the owner thread until `wanted` more items are task work, one with FORCE_WAKE is, or `timeoutMs` have
   * passed; it may wake early. `ready` is asked once, after the sleep was announced. While work is queued it sleeps in
   * slices, to find blocked workers. True if it slept on beside task work and no more is coming: fewer than `wanted`
   * items, and none with FORCE_WAKE.
   */
  sleep(timeoutMs: number, wanted: number, ready: () => boolean): boolean {
    const { mem, crew } = this
    const verifier = () => countVerifier(mem, wanted, this.nrTouched, () => crew.roster.someoneMidPush())
    const slice = crew.slice(timeoutMs)
    const sleptOn =
      sleepUntilPushed(mem, slice, wanted, ready, VERIFY ? verifier : undefined) && !crew.roster.someoneMidPush()
    this.crew.tickIfDue()
    this.#hashSeat?.reapIfDue()
    return sleptOn
  }

  /** See grace(): whether every worker has since finished with the item that it has in hand now. */
  grace(): () => boolean {
    return grace(this.mem)
  }

  /** Counts, as of now. */
  counts(): WqCounts {
    return countsOf(this.mem, this.crew.nrCreated, this.#slab.nrUsed)
  }

  #lock(acct: number): void {
    lock(this.mem.words, this.mem.acct(acct) + LOCK, HOLDER_OWNER, this.crew.onStuck)
  }

  #recover(dead: readonly Casualty[]): void {
    const { words } = this.mem
    const slots = dead.map(({ slot }) => slot)
    const wreck = findStrays(this.mem, slots, this.#slab.nrTouched)
    this.#taskWork.doubt(wreck)
    repairAfter(this.mem, slots, this.tails, () => this.#slab.nrTouched, this.crew.onStuck)
    // This includes items in doubt for a repair that this one interrupts: the embedder learns of this one now, and will
    // pop.
    this.#taskWork.clearDoubts(
      () => this.crew.roster.someoneMidPush(),
      () => this.sleep(1, 1, () => false),
    )
    for (const [item, slot] of wreck.died) {
      words[this.mem.item(item) + STATE] = ITEM_FREE
      const casualty = dead.find((one) => one.slot === slot)!
      if (this.#hooks.onDied(item, casualty.error)) casualty.isTold = true
    }
    for (let acct = 0; acct < NR_ACCTS; acct++) {
      // The buckets that they held are free now: workers that waited for one, in either account, look again.
      this.#lock(acct)
      storeRelease(words, this.mem.acct(acct) + (ACCT.at.stalled >> 2), 0)
      unlock(words, this.mem.acct(acct) + LOCK)
      if (this.#demand.wakeOrClaimWorker(acct)) this.crew.create(acct)
    }
    this.#hooks.onRecovered?.()
  }

  #giveUp(acct: number, error: Error): boolean {
    this.#hooks.onCreateFailed?.(error)
    return this.cancelPending(acct, error)
  }
}
