/**
 * A worker's life: busy, idle, exit. Runs on the worker thread; the worker entry that embeds it supplies doWork.
 *
 * It may access its own WORKER record, items in its hands, and its account's words under the lock; it never creates
 * workers. Counterpart: io_wq_worker and io_worker_handle_work.
 */
import { assert } from '../lib/assert.js'
import { cmpxchg, fetchAdd, loadAcquire, storeRelease, xchg } from '../lib/barrier.js'
import { nowMs } from '../lib/clock.js'
import { NONE, type Producer, producer } from '../lib/mpscq.js'
import { addRunning, goIdle, leaveIdle, popIdle, popIdleIfDue, takeNext, tookItem, wokenUp } from './acct.js'
import { wakeWaiters } from './hash.js'
import {
  ACCT,
  HOLDER_WORKER0,
  IO_WQ_WORK_FORCE_WAKE,
  IO_WQ_WORK_HASHED,
  ITEM_CANCELED,
  ITEM_DONE,
  ITEM_RUNNING,
  ITEM_SLOT_SHIFT,
  ITEM_STATE_MASK,
  ITEM_TAKEN,
  NR_ACCTS,
  WORKER,
  WORKER_GONE,
  WORKER_IDLE,
  WORKER_STARTING,
  WORKER_UP,
  WQ,
  WQ_EXIT,
  WQ_EXIT_ON_IDLE,
  type WqMemory,
} from './layout.js'
import { lock, unlock } from './lock.js'
import { nameThread } from './thread-name.js'
import { wakeOwner, wakeWorker } from './wakes.js'
import {
  AFFINITY_SEQ,
  BUCKET,
  FLAGS,
  MIN_WORKERS,
  NEXT,
  NR_QUEUED,
  NR_WORKERS,
  PUSHED_SEQ,
  QUEUE,
  STALLED,
  STATE,
  W_AFFINITY_SEQ,
  WQ_STATE,
} from './words.js'
import { ASYNC, type WorkerHooks } from './worker-hooks.js'
import { WorkerIdle } from './worker-idle.js'

/** #next() returned neither an item nor the end: the thread returns to its event loop. */
const PAUSED = -2

export class WorkerLoop {
  readonly mem: WqMemory
  readonly slot: number
  readonly #hooks: WorkerHooks
  readonly #acct: number
  readonly #lock: number
  readonly #holder: number
  readonly #w: number
  readonly #idle: WorkerIdle
  readonly #producers: (Producer | undefined)[] = []
  /** The items behind the running one, in the run that this worker holds. */
  #runNext = NONE
  #nrAsync = 0
  /** Async items that hold a bucket: the offset of its holder, and the rest of the item's run. */
  readonly #holding = new Map<number, { readonly holderAt: number; readonly next: number }>()
  /** The rest of the run behind each async item that ended: its first item. */
  readonly #ready: number[] = []
  /** The worker is on the free list, and has not looked at the queue since. */
  #listed = false
  /** Whether items are timed. */
  readonly #isTimed: boolean
  /** When the last item ended, and how long it took; 0: unknown, or recorded. */
  #endedMs = 0
  #tookMs = 0
  readonly #resume = () => this.#run()

  constructor(mem: WqMemory, slot: number, hooks: WorkerHooks) {
    this.mem = mem
    this.slot = slot
    this.#hooks = hooks
    this.#w = mem.worker(slot)
    this.#acct = mem.words[this.#w + (WORKER.at.acct >> 2)]!
    this.#idle = new WorkerIdle(mem, slot, this.#acct)
    this.#lock = mem.acct(this.#acct) + (ACCT.at.lock >> 2)
    this.#holder = slot + HOLDER_WORKER0
    this.#isTimed = hooks.pause !== undefined || mem.words[WQ.at.patience_ns >> 2] !== 0
  }

  /** Announces the worker, and runs items until a promise is pending or there is no reason to stay. */
  start(): void {
    const { words } = this.mem
    storeRelease(words, this.#w + (WORKER.at.tid >> 2), nameThread(words[WQ.at.owner_tid >> 2]!))
    const was = xchg(words, this.#w + (WORKER.at.state >> 2), WORKER_UP)
    assert(was === WORKER_STARTING, `slot ${this.slot} was created for this worker`)
    this.#run()
  }

  #run(): void {
    for (;;) {
      let item = this.#runNext
      if (item === NONE) {
        item = this.#next()
        if (item < 0) {
          if (item === NONE) this.#hooks.onLeave()
          return
        }
      }
      const { words } = this.mem
      const at = this.mem.item(item)
      // Read before the item is pushed: then its record may be used anew.
      this.#runNext = words[at + NEXT]!
      const isHashed = (words[at + FLAGS]! & IO_WQ_WORK_HASHED) !== 0
      const holderAt = isHashed ? this.mem.holderAt(words[at + BUCKET]!) : NONE
      if (this.#begin(item) && this.#hooks.doWork(item) === ASYNC) this.#keepAsync(item, holderAt)
      else this.#end(item, holderAt)
      if (!this.#isTimed) continue
      const now = nowMs()
      if (this.#endedMs > 0) this.#tookMs = now - this.#endedMs
      this.#endedMs = now
      if (this.#hooks.pause?.(this.#resume, false, now)) {
        this.#endedMs = 0
        return
      }
    }
  }

  /** TAKEN becomes RUNNING, unless a cancel came first; then only the record is pushed. */
  #begin(item: number): boolean {
    const { words } = this.mem
    const at = this.mem.item(item)
    const slotBits = this.slot << ITEM_SLOT_SHIFT
    // The order matters: a reader that sees the item and then an unchanged count has seen one and the same item.
    fetchAdd(words, this.#w + (WORKER.at.work_seq >> 2), 1)
    storeRelease(words, this.#w + (WORKER.at.current >> 2), item)
    const was = cmpxchg(words, at + STATE, ITEM_TAKEN | slotBits, ITEM_RUNNING | slotBits)
    return was === (ITEM_TAKEN | slotBits)
  }

  /** From here on only the item's state names this worker; a kill reads it. */
  #keepAsync(item: number, holderAt: number): void {
    const { words } = this.mem
    this.running()
    if (holderAt !== NONE) this.#holding.set(item, { holderAt, next: this.#runNext })
    this.#runNext = NONE
    this.#nrAsync++
    storeRelease(words, this.#w + (WORKER.at.nr_async >> 2), this.#nrAsync)
    storeRelease(words, this.#w + (WORKER.at.current >> 2), NONE)
  }

  /**
   * An async item has ended. Called from Node's event loop, while the loop is paused. True: others of its bucket wait
   * in this worker's hands, and the loop must be resumed.
   */
  finish(item: number): boolean {
    const { words } = this.mem
    const current = this.#w + (WORKER.at.current >> 2)
    assert(words[current] === NONE, 'an item that was detached ends while no other is in hand')
    this.#nrAsync--
    // The worker has not been idle: the timeout begins anew.
    this.#idle.hasWorked()
    storeRelease(words, this.#w + (WORKER.at.nr_async >> 2), this.#nrAsync)
    fetchAdd(words, this.#w + (WORKER.at.work_seq >> 2), 1)
    storeRelease(words, current, item)
    this.#pushTaskWork(item)
    const held = this.#holding.get(item)
    if (held === undefined) return false
    this.#holding.delete(item)
    // With other async items this worker may stay in its event loop, and not look.
    if (held.next === NONE) this.#releaseBucket(held.holderAt, false)
    else this.#ready.push(held.next)
    return held.next !== NONE
  }

  #end(item: number, holderAt: number): void {
    this.running()
    this.#pushTaskWork(item)
    if (holderAt !== NONE && this.#runNext === NONE) this.#releaseBucket(holderAt, true)
  }

  #pushTaskWork(item: number): void {
    const { words } = this.mem
    const at = this.mem.item(item)
    const queue = words[at + QUEUE]!
    // `current` names this worker's item until the item is safely in the queue, in case the worker dies in between.
    if ((loadAcquire(words, at + STATE) & ITEM_STATE_MASK) !== ITEM_CANCELED) {
      storeRelease(words, at + STATE, ITEM_DONE | (this.slot << ITEM_SLOT_SHIFT))
    }
    // A repair orders the items that this worker pushed by it, if the queue breaks.
    words[at + PUSHED_SEQ] = words[this.#w + (WORKER.at.work_seq >> 2)]!
    const force = (words[at + FLAGS]! & IO_WQ_WORK_FORCE_WAKE) !== 0
    const edge = this.#producer(queue).push(item)
    if (edge) this.#hooks.onEdge(queue)
    wakeOwner(this.mem, force)
    // Only now: the fd that onEdge signals must not be closed before; pairs with Wq.grace.
    storeRelease(words, this.#w + (WORKER.at.current >> 2), NONE)
  }

  /**
   * The item that this worker runs is about to block: the worker no longer counts as running, and queued work gets
   * another. Counterpart: io_wq_worker_sleeping. Undone by running(), or when the item ends.
   */
  sleeping(): void {
    const { words } = this.mem
    const blocked = this.#w + (WORKER.at.blocked >> 2)
    lock(words, this.#lock, this.#holder)
    if (words[blocked] === 0) {
      storeRelease(words, blocked, 1)
      addRunning(this.mem, this.#acct, -1)
    }
    const idle = popIdleIfDue(this.mem, this.#acct, true)
    unlock(words, this.#lock)
    if (idle !== NONE) wakeWorker(this.mem, idle)
  }

  /** The item goes on after sleeping(). */
  running(): void {
    if (loadAcquire(this.mem.words, this.#w + (WORKER.at.blocked >> 2)) !== 0) this.#unblock()
  }

  #producer(queue: number): Producer {
    let made = this.#producers[queue]
    if (made === undefined) {
      made = producer(this.mem.queue(queue))
      this.#producers[queue] = made
    }
    return made
  }

  #unblock(): void {
    const { words } = this.mem
    lock(words, this.#lock, this.#holder)
    this.#countRunning()
    unlock(words, this.#lock)
  }

  /** Under the lock: a worker that was seen blocked counts as running again. */
  #countRunning(): void {
    const { words } = this.mem
    const blocked = this.#w + (WORKER.at.blocked >> 2)
    if (words[blocked] === 0) return
    storeRelease(words, blocked, 0)
    addRunning(this.mem, this.#acct, 1)
  }

  /**
   * The last item of the run has ended: the bucket is free, and accounts that waited for one look again. `looks`: this
   * worker itself will look.
   */
  #releaseBucket(holderAt: number, looks: boolean): void {
    const { words, sharedHash } = this.mem
    storeRelease(this.mem.hashWords, holderAt, 0)
    for (let acct = 0; acct < NR_ACCTS; acct++) {
      const a = this.mem.acct(acct)
      // Pairs with takeNext, which publishes the stall before it reads the bucket again.
      if (loadAcquire(words, a + STALLED) === 0) continue
      const lockWord = a + (ACCT.at.lock >> 2)
      lock(words, lockWord, this.#holder)
      storeRelease(words, a + STALLED, 0)
      // The other account requires a worker of its own.
      const idle = looks && acct === this.#acct ? NONE : popIdle(this.mem, acct)
      unlock(words, lockWord)
      if (idle !== NONE) wakeWorker(this.mem, idle)
    }
    if (sharedHash !== undefined) wakeWaiters(sharedHash.hash, sharedHash.pool)
  }

  /** The next item, after a sleep if there is none; NONE once this worker has left; PAUSED. */
  #next(): number {
    const { words } = this.mem
    for (;;) {
      lock(words, this.#lock, this.#holder)
      // The worker is still on the free list if the sleep timed out or a wake-up for an earlier sleep came late.
      const wasIdle = words[this.#w + (WORKER.at.state >> 2)] === WORKER_IDLE
      if (wasIdle) leaveIdle(this.mem, this.#acct, this.slot)
      else if (this.#listed) wokenUp(this.mem, this.#acct)
      this.#listed = false
      this.#countRunning()
      if (this.#tookMs > 0) tookItem(this.mem, this.#acct, this.#tookMs * 1e6)
      this.#tookMs = 0
      const retires = this.#hooks.retires?.() === true
      const item =
        this.#ready.length > 0 ? this.#ready.shift()! : retires ? NONE : takeNext(this.mem, this.#acct, this.slot)
      if (item !== NONE) {
        // There is more than one worker's work: pass the wake on.
        const idle = popIdleIfDue(this.mem, this.#acct, false)
        unlock(words, this.#lock)
        if (idle !== NONE) wakeWorker(this.mem, idle)
        return item
      }
      if (retires) {
        const gone = this.#nrAsync === 0
        if (gone) this.#leave()
        // A wake that this worker may have had passes to another.
        const idle = popIdleIfDue(this.mem, this.#acct, true)
        unlock(words, this.#lock)
        if (idle !== NONE) wakeWorker(this.mem, idle)
        if (gone) return NONE
        if (this.#hooks.pause?.(this.#resume, false, nowMs()) === true) return PAUSED
        // Asked again meanwhile, it answered that the worker stays.
        continue
      }
      const now = nowMs()
      const timedOut = wasIdle && this.#idle.isOver(now)
      // The worker decides and leaves in one critical section: nobody finds a leaving worker on the free list.
      if (this.#shouldLeave(timedOut)) {
        this.#leave()
        // Workers that stayed while all work waited for other pools' keys must leave as well.
        const all =
          this.mem.sharedHash !== undefined && (loadAcquire(words, WQ_STATE) & (WQ_EXIT | WQ_EXIT_ON_IDLE)) !== 0
        const idle = all ? popIdle(this.mem, this.#acct) : NONE
        unlock(words, this.#lock)
        if (idle !== NONE) wakeWorker(this.mem, idle)
        return NONE
      }
      if (!wasIdle || timedOut) this.#idle.begin(now, timedOut)
      goIdle(this.mem, this.#acct, this.slot)
      this.#listed = true
      this.#endedMs = 0
      unlock(words, this.#lock)
      // Async items wait for the event loop.
      if (this.#nrAsync === 0 && this.#idle.spin(now)) continue
      if (this.#hooks.pause?.(this.#resume, true, now)) return PAUSED
      this.#idle.sleep()
    }
  }

  #shouldLeave(timedOut: boolean): boolean {
    const { words } = this.mem
    const a = this.mem.acct(this.#acct)
    const state = loadAcquire(words, WQ_STATE)
    // Stalled work is queued work: a worker must be there when its bucket is free.
    const nothingQueued = words[a + NR_QUEUED] === 0
    if (this.#nrAsync > 0) return false
    // This may be the worker that is woken when another pool releases a key.
    if (this.mem.sharedHash !== undefined && words[a + STALLED] !== 0) return false
    if ((state & (WQ_EXIT | WQ_EXIT_ON_IDLE)) !== 0) return nothingQueued || words[a + NR_WORKERS]! > 1
    const isStale = loadAcquire(words, AFFINITY_SEQ) !== words[this.#w + W_AFFINITY_SEQ]
    return timedOut && (words[a + NR_WORKERS]! > Math.max(1, words[a + MIN_WORKERS]!) || (isStale && nothingQueued))
  }

  #leave(): void {
    const { words } = this.mem
    const a = this.mem.acct(this.#acct)
    words[a + NR_WORKERS] = words[a + NR_WORKERS]! - 1
    addRunning(this.mem, this.#acct, -1)
    storeRelease(words, this.#w + (WORKER.at.state >> 2), WORKER_GONE)
  }

  /** See WorkerIdle.listen(): a thread that waits in Node's event loop is told there that this worker is woken. */
  listen(onWake: () => void): boolean {
    return this.#idle.listen(onWake)
  }

  /** The rest of the idle timeout; Infinity: the worker stays. */
  get idleLeftMs(): number {
    return this.#idle.leftMs
  }
}
