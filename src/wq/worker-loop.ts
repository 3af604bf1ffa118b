/**
 * A worker's life: busy, idle, exit. Runs on the worker thread; the worker entry that embeds it supplies doWork.
 *
 * It may touch its own WORKER record, items in its hands, and its account's words under the lock; it never creates
 * workers. Counterpart: io_wq_worker and io_worker_handle_work.
 */
import { assert } from '../lib/assert.js'
import { cmpxchg, fetchAdd, futexWait, futexWaitAsync, loadAcquire, storeRelease, xchg } from '../lib/barrier.js'
import { nowMs } from '../lib/clock.js'
import { NONE, type Producer, producer } from '../lib/mpscq.js'
import { addRunning, goIdle, leaveIdle, popIdle, popIdleIfDue, takeNext, tookItem, wokenUp } from './acct.js'
import { wakeWaiters } from './hash.js'
import {
  ACCT,
  HOLDER_WORKER0,
  IO_WQ_WORK_FORCE_WAKE,
  IO_WQ_WORK_HASHED,
  ITEM,
  ITEM_CANCELED,
  ITEM_DONE,
  ITEM_RUNNING,
  ITEM_SLOT_SHIFT,
  ITEM_STATE_MASK,
  ITEM_TAKEN,
  NR_ACCTS,
  WAKE_ASLEEP,
  WAKE_NO,
  WAKE_YES,
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

const STATE = ITEM.at.state >> 2
const NEXT = ITEM.at.next >> 2
const FLAGS = ITEM.at.flags >> 2
const BUCKET = ITEM.at.bucket >> 2
const QUEUE = ITEM.at.queue >> 2
const WQ_STATE = WQ.at.state >> 2
const NR_QUEUED = ACCT.at.nr_queued >> 2
const NR_WORKERS = ACCT.at.nr_workers >> 2
const MIN_WORKERS = ACCT.at.min_workers >> 2
const STALLED = ACCT.at.stalled >> 2
const SENT = ITEM.at.prev >> 2
const AFFINITY_SEQ = WQ.at.affinity_seq >> 2
const W_AFFINITY_SEQ = WORKER.at.affinity_seq >> 2

/** What doWork returns of an item that goes on in Node's event loop. */
export const DETACHED = 1

export interface WorkerHooks {
  /**
   * Runs one item. DETACHED: it goes on in Node's event loop, and ends with finish(); it stays RUNNING till then, and
   * the loop takes others meanwhile, as `pause` lets it.
   */
  doWork(item: number): undefined | typeof DETACHED
  /** A task-work queue went from empty to non-empty: wake whoever drains it. */
  onEdge(queue: number): void
  /** The worker has left the pool: let the thread end. */
  onLeave(): void
  /**
   * Asked after each item, and before a sleep (`idle`). True: the thread returns to Node's event loop, so that timers,
   * streams and promises there get their turn, and the loop goes on when `resume` is called. With items detached it
   * has to be true before a sleep, and for as long as the worker retires. `now` is nowMs().
   */
  pause?(resume: () => void, idle: boolean, now: number): boolean
  /**
   * Asked before an item is taken. True: the worker takes no more, and leaves when all it has in hand has ended; it may
   * become false again until then.
   */
  retires?(): boolean
}

/** After spins in vain 1, 3, 7, 15 sleeps go without one; a spin that meets work starts over. */
const MAX_SPINS_SKIPPED = 15

/** How often one looks, past its idle timeout, that waits for a key which another pool has. */
const STALLED_MS = 1000

/** #next(): neither an item nor the end, the thread returns to its event loop. */
const PAUSED = -2

export class WorkerLoop {
  readonly mem: WqMemory
  readonly slot: number
  readonly #hooks: WorkerHooks
  readonly #acct: number
  readonly #lock: number
  readonly #holder: number
  readonly #w: number
  readonly #idleMs: number
  readonly #spinMs: number
  readonly #producers: (Producer | undefined)[] = []
  /** The items behind the running one in the run this worker holds. */
  #runNext = NONE
  #nrDetached = 0
  /** Detached items that hold a bucket: where its holder is, and what is behind the item in its run. */
  readonly #holding = new Map<number, { readonly holderAt: number; readonly next: number }>()
  /** What was behind items that ended detached: the first of each run. */
  readonly #ready: number[] = []
  /** A wait of listen() has not ended. */
  #listens = false
  /** Went on the free list, and has not looked at the queue since. */
  #listed = false
  /** When the idle timeout ends, on this thread's clock. */
  #idleUntil = 0
  #spinsToSkip = 0
  #spinsSkipped = 0
  /** Somebody wants to know how long items take. */
  readonly #isTimed: boolean
  /** When the last item ended, and how long it had taken; 0: not known, or told. */
  #endedMs = 0
  #tookMs = 0
  readonly #resume = () => this.#run()

  constructor(mem: WqMemory, slot: number, hooks: WorkerHooks) {
    this.mem = mem
    this.slot = slot
    this.#hooks = hooks
    this.#w = mem.worker(slot)
    this.#acct = mem.words[this.#w + (WORKER.at.acct >> 2)]!
    this.#lock = mem.acct(this.#acct) + (ACCT.at.lock >> 2)
    this.#holder = slot + HOLDER_WORKER0
    this.#idleMs = mem.words[WQ.at.idle_ms >> 2]!
    this.#spinMs = mem.words[WQ.at.spin_us >> 2]! / 1000
    this.#isTimed = hooks.pause !== undefined || mem.words[WQ.at.patience_ns >> 2] !== 0
  }

  /** Announces the worker, and runs until there is a promise to wait for or no reason to stay. */
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
      // Read before the item goes home: its record may be used anew as soon as it has.
      this.#runNext = words[at + NEXT]!
      const isHashed = (words[at + FLAGS]! & IO_WQ_WORK_HASHED) !== 0
      const holderAt = isHashed ? this.mem.holderAt(words[at + BUCKET]!) : NONE
      if (this.#begin(item) && this.#hooks.doWork(item) === DETACHED) this.#detach(item, holderAt)
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

  /** TAKEN becomes RUNNING, unless a cancel came first; then the record only goes home. */
  #begin(item: number): boolean {
    const { words } = this.mem
    const at = this.mem.item(item)
    const slotBits = this.slot << ITEM_SLOT_SHIFT
    // In this order: who sees the item and then an unchanged count has seen one and the same item.
    fetchAdd(words, this.#w + (WORKER.at.work_seq >> 2), 1)
    storeRelease(words, this.#w + (WORKER.at.current >> 2), item)
    const was = cmpxchg(words, at + STATE, ITEM_TAKEN | slotBits, ITEM_RUNNING | slotBits)
    return was === (ITEM_TAKEN | slotBits)
  }

  /** From here on the item's state alone says that this worker runs it, as its killer will read. */
  #detach(item: number, holderAt: number): void {
    const { words } = this.mem
    this.running()
    if (holderAt !== NONE) this.#holding.set(item, { holderAt, next: this.#runNext })
    this.#runNext = NONE
    this.#nrDetached++
    storeRelease(words, this.#w + (WORKER.at.detached >> 2), this.#nrDetached)
    storeRelease(words, this.#w + (WORKER.at.current >> 2), NONE)
  }

  /**
   * A detached item has ended. From Node's event loop, while the loop is paused. True: others of its bucket were waiting
   * in this worker's hands, and the loop is to be resumed.
   */
  finish(item: number): boolean {
    const { words } = this.mem
    const current = this.#w + (WORKER.at.current >> 2)
    assert(words[current] === NONE, 'an item that was detached ends while no other is in hand')
    this.#nrDetached--
    // It has not been idle: the timeout begins anew.
    if (this.#idleUntil === Number.POSITIVE_INFINITY) this.#idleUntil = nowMs() + this.#idleMs
    storeRelease(words, this.#w + (WORKER.at.detached >> 2), this.#nrDetached)
    fetchAdd(words, this.#w + (WORKER.at.work_seq >> 2), 1)
    storeRelease(words, current, item)
    this.#sendHome(item)
    const held = this.#holding.get(item)
    if (held === undefined) return false
    this.#holding.delete(item)
    // With others pending this worker may stay in its event loop, and not look.
    if (held.next === NONE) this.#releaseBucket(held.holderAt, false)
    else this.#ready.push(held.next)
    return held.next !== NONE
  }

  #end(item: number, holderAt: number): void {
    this.running()
    this.#sendHome(item)
    if (holderAt !== NONE && this.#runNext === NONE) this.#releaseBucket(holderAt, true)
  }

  #sendHome(item: number): void {
    const { words } = this.mem
    const at = this.mem.item(item)
    const queue = words[at + QUEUE]!
    // Names this worker until the item is safely in the queue, in case it dies in between.
    if ((loadAcquire(words, at + STATE) & ITEM_STATE_MASK) !== ITEM_CANCELED) {
      storeRelease(words, at + STATE, ITEM_DONE | (this.slot << ITEM_SLOT_SHIFT))
    }
    // What this worker sent is told apart by it, should the queue fall to pieces.
    words[at + SENT] = words[this.#w + (WORKER.at.work_seq >> 2)]!
    const force = (words[at + FLAGS]! & IO_WQ_WORK_FORCE_WAKE) !== 0
    const edge = this.#producer(queue).push(item)
    if (edge) this.#hooks.onEdge(queue)
    wakeOwner(this.mem, force)
    // Only now: what onEdge signals must not be closed under it; pairs with Wq.grace.
    storeRelease(words, this.#w + (WORKER.at.current >> 2), NONE)
  }

  /**
   * The work this worker runs is about to block: it no longer counts as running, and queued work gets another worker.
   * Counterpart: io_wq_worker_sleeping. Undone by running(), or when the item ends.
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

  /** The work goes on after sleeping(). */
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
   * The last item of the run is done: the bucket is free, and accounts that waited for one look again. `looks`: this
   * worker itself is about to.
   */
  #releaseBucket(holderAt: number, looks: boolean): void {
    const { words, sharedHash } = this.mem
    storeRelease(this.mem.hashWords, holderAt, 0)
    for (let acct = 0; acct < NR_ACCTS; acct++) {
      const a = this.mem.acct(acct)
      // Pairs with takeNext, which publishes the stall before it looks at the bucket again.
      if (loadAcquire(words, a + STALLED) === 0) continue
      const lockWord = a + (ACCT.at.lock >> 2)
      lock(words, lockWord, this.#holder)
      storeRelease(words, a + STALLED, 0)
      // Another account needs one of its own.
      const idle = looks && acct === this.#acct ? NONE : popIdle(this.mem, acct)
      unlock(words, lockWord)
      if (idle !== NONE) wakeWorker(this.mem, idle)
    }
    if (sharedHash !== undefined) wakeWaiters(sharedHash.hash, sharedHash.pool)
  }

  /** The next item, sleeping until there is one; NONE once this worker has left; PAUSED. */
  #next(): number {
    const { words } = this.mem
    for (;;) {
      lock(words, this.#lock, this.#holder)
      // On the free list still, if the sleep timed out or a wake-up meant for an earlier sleep came late.
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
        // More than one worker's work: pass the wake on.
        const idle = popIdleIfDue(this.mem, this.#acct, false)
        unlock(words, this.#lock)
        if (idle !== NONE) wakeWorker(this.mem, idle)
        return item
      }
      if (retires) {
        const gone = this.#nrDetached === 0
        if (gone) this.#leave()
        // The wake it may have had is another's.
        const idle = popIdleIfDue(this.mem, this.#acct, true)
        unlock(words, this.#lock)
        if (idle !== NONE) wakeWorker(this.mem, idle)
        if (gone) return NONE
        if (this.#hooks.pause?.(this.#resume, false, nowMs()) === true) return PAUSED
        // It was asked once more meanwhile, and is to stay.
        continue
      }
      const now = nowMs()
      const timedOut = wasIdle && now >= this.#idleUntil
      // Decided and done in one critical section: nobody finds a leaving worker on the free list.
      if (this.#shouldLeave(timedOut)) {
        this.#leave()
        // Those that stayed while all work waited for other pools' keys shall leave as well.
        const all =
          this.mem.sharedHash !== undefined && (loadAcquire(words, WQ_STATE) & (WQ_EXIT | WQ_EXIT_ON_IDLE)) !== 0
        const idle = all ? popIdle(this.mem, this.#acct) : NONE
        unlock(words, this.#lock)
        if (idle !== NONE) wakeWorker(this.mem, idle)
        return NONE
      }
      if (!wasIdle) this.#idleUntil = now + this.#idleMs
      else if (timedOut) this.#idleUntil = now + this.#staysFor()
      goIdle(this.mem, this.#acct, this.slot)
      this.#listed = true
      this.#endedMs = 0
      unlock(words, this.#lock)
      if (this.#spin(now)) continue
      if (this.#hooks.pause?.(this.#resume, true, now)) return PAUSED
      this.#sleep()
    }
  }

  #shouldLeave(timedOut: boolean): boolean {
    const { words } = this.mem
    const a = this.mem.acct(this.#acct)
    const state = loadAcquire(words, WQ_STATE)
    // Stalled work is queued work: somebody has to be there when its bucket is free.
    const nothingQueued = words[a + NR_QUEUED] === 0
    if (this.#nrDetached > 0) return false
    // The one to be woken when another pool lets go of a key may be this one.
    if (this.mem.sharedHash !== undefined && words[a + STALLED] !== 0) return false
    if ((state & (WQ_EXIT | WQ_EXIT_ON_IDLE)) !== 0) return nothingQueued || words[a + NR_WORKERS]! > 1
    const isStale = loadAcquire(words, AFFINITY_SEQ) !== words[this.#w + W_AFFINITY_SEQ]
    return timedOut && (words[a + NR_WORKERS]! > Math.max(1, words[a + MIN_WORKERS]!) || (isStale && nothingQueued))
  }

  /** Under the lock: how long one sleeps that has been idle for all its time and is to stay. Who may leave is woken. */
  #staysFor(): number {
    // But whoever frees the key that is waited for may wake nobody here.
    const isStalled = this.mem.sharedHash !== undefined && this.mem.words[this.mem.acct(this.#acct) + STALLED] !== 0
    return isStalled ? Math.max(this.#idleMs, STALLED_MS) : Number.POSITIVE_INFINITY
  }

  #leave(): void {
    const { words } = this.mem
    const a = this.mem.acct(this.#acct)
    words[a + NR_WORKERS] = words[a + NR_WORKERS]! - 1
    addRunning(this.mem, this.#acct, -1)
    storeRelease(words, this.#w + (WORKER.at.state >> 2), WORKER_GONE)
  }

  /** Looks at the wake word for a bounded time, if no other worker does. True if woken. */
  #spin(now: number): boolean {
    const { words } = this.mem
    const { hashWords } = this.mem
    const wake = this.mem.wake(this.slot)
    const nrSpinning = WQ.at.nr_spinning >> 2
    // What it has detached waits for the event loop.
    if (this.#nrDetached > 0) return false
    if (loadAcquire(words, nrSpinning) >= words[WQ.at.max_spinning >> 2]!) return false
    if (this.#spinsToSkip > 0) {
      this.#spinsToSkip--
      return false
    }
    storeRelease(words, this.#w + (WORKER.at.spinning >> 2), 1)
    fetchAdd(words, nrSpinning, 1)
    const until = now + this.#spinMs
    let woken = false
    do {
      for (let i = 0; i < 32 && !woken; i++) woken = loadAcquire(hashWords, wake) === WAKE_YES
    } while (!woken && nowMs() < until)
    fetchAdd(words, nrSpinning, -1)
    storeRelease(words, this.#w + (WORKER.at.spinning >> 2), 0)
    this.#spinsSkipped = woken ? 0 : Math.min(2 * this.#spinsSkipped + 1, MAX_SPINS_SKIPPED)
    this.#spinsToSkip = this.#spinsSkipped
    return woken
  }

  /**
   * In place of a sleep, for a thread that waits in Node's event loop: calls `onWake` there when this worker is woken,
   * now and then for nothing. False if it has been woken already. The idle timeout is the caller's to keep.
   */
  listen(onWake: () => void): boolean {
    if (!this.#fallAsleep()) return false
    // A wait cannot be taken back. One that outlived the pause it was for serves the next.
    if (this.#listens) return true
    const woken = futexWaitAsync(this.mem.hashWords, this.mem.wake(this.slot), WAKE_ASLEEP)
    if (woken === undefined) return false
    this.#listens = true
    void woken.then(() => {
      this.#listens = false
      onWake()
    })
    return true
  }

  /** What is left of the idle timeout; Infinity: it is to stay. */
  get idleLeftMs(): number {
    return Math.max(0, this.#idleUntil - nowMs())
  }

  /** False if it has been woken since it went on the free list. */
  #fallAsleep(): boolean {
    return cmpxchg(this.mem.hashWords, this.mem.wake(this.slot), WAKE_NO, WAKE_ASLEEP) !== WAKE_YES
  }

  /** Sleeps until woken, or the idle timeout has passed. */
  #sleep(): void {
    const { hashWords } = this.mem
    const wake = this.mem.wake(this.slot)
    if (!this.#fallAsleep()) return
    for (;;) {
      const left = this.#idleUntil - nowMs()
      if (loadAcquire(hashWords, wake) === WAKE_YES || left <= 0) return
      futexWait(hashWords, wake, WAKE_ASLEEP, left)
    }
  }
}
