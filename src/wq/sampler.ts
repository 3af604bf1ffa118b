/**
 * Finds blocked workers by looking at them now and then. Owner thread only.
 *
 * Counterpart: io_wq_worker_sleeping, which the scheduler calls; here the owner looks at /proc while work is queued.
 */
import type { Worker } from 'node:worker_threads'
import { loadAcquire, storeRelease } from '../lib/barrier.js'
import { NONE } from '../lib/mpscq.js'
import { addRunning } from './acct.js'
import {
  ACCT,
  HOLDER_OWNER,
  ITEM_RUNNING,
  ITEM_SLOT_SHIFT,
  ITEM_STATE_MASK,
  ITEM_TAKEN,
  WORKER_UP,
  type WqMemory,
} from './layout.js'
import { lock, unlock } from './lock.js'
import type { ThreadSystem } from './threads.js'
import { STATE, W_BLOCKED, W_CURRENT, W_NR_ASYNC, W_SEQ, W_STATE, W_TID } from './words.js'

/**
 * So many looks, a millisecond or more apart, after which a worker between two items counts as kept by its event loop.
 * If its thread is not asleep it may only lack a CPU, which a second thread would lack as well.
 */
const MAX_STILL = 200
const STILL_ASLEEP = 10

export class Sampler {
  readonly #mem: WqMemory
  readonly #threads: ThreadSystem
  readonly #onStuck: (holder: number) => void
  readonly #seenSeq: Int32Array
  /** Consecutive looks at which a worker had nothing in hand and had begun nothing since. */
  readonly #still: Int32Array

  constructor(mem: WqMemory, threads: ThreadSystem, onStuck: (holder: number) => void) {
    this.#mem = mem
    this.#threads = threads
    this.#onStuck = onStuck
    this.#seenSeq = new Int32Array(mem.shape.nrSlots)
    this.#still = new Int32Array(mem.shape.nrSlots)
  }

  /**
   * True if the worker has begun items since the last look. A worker that is still in the same item, and whose thread
   * sleeps, is blocked: it no longer counts as running.
   */
  isMoving(slot: number, { worker, acct }: { readonly worker: Worker; readonly acct: number }): boolean {
    const { words } = this.#mem
    const w = this.#mem.worker(slot)
    const seq = loadAcquire(words, w + W_SEQ)
    const isMoving = seq !== this.#seenSeq[slot]
    const stuck = !isMoving && this.#hasWork(w)
    this.#seenSeq[slot] = seq
    const isStill = !isMoving && !stuck && words[w + W_STATE] === WORKER_UP
    const weight = isStill && this.#threads.isAsleep(worker, words[w + W_TID]!) ? STILL_ASLEEP : 1
    this.#still[slot] = isStill ? this.#still[slot]! + weight : 0
    if (!stuck || words[w + W_BLOCKED] !== 0) return isMoving
    if (!this.#threads.isAsleep(worker, words[w + W_TID]!)) return false
    this.#countBlocked(w, acct, seq)
    return false
  }

  /** Counts a worker that is being ended as blocked, whatever it does. */
  countBlocked(slot: number, { acct }: { readonly acct: number }): void {
    const w = this.#mem.worker(slot)
    this.#countBlocked(w, acct, loadAcquire(this.#mem.words, w + W_SEQ))
  }

  /** Counts it as blocked if it has begun no other item since `seq`. */
  #countBlocked(w: number, acct: number, seq: number): void {
    const { words } = this.#mem
    const a = this.#mem.acct(acct)
    lock(words, a + (ACCT.at.lock >> 2), HOLDER_OWNER, this.#onStuck)
    const hasWork = this.#hasWork(w)
    const still = loadAcquire(words, w + W_SEQ) === seq && hasWork && words[w + W_STATE] === WORKER_UP
    // The worker may have announced its sleep itself meanwhile.
    if (still && words[w + W_BLOCKED] === 0) {
      // The worker undoes this as it ends the item, or at the latest when it takes this lock to look for the next.
      storeRelease(words, w + W_BLOCKED, 1)
      addRunning(this.#mem, acct, -1)
    }
    unlock(words, a + (ACCT.at.lock >> 2))
  }

  /**
   * Whether a worker will look for work soon: it is up and has nothing in hand, or has ended it. Its event loop may
   * delay it.
   */
  isComing(slot: number): boolean {
    const { words } = this.#mem
    const w = this.#mem.worker(slot)
    if (words[w + W_STATE] !== WORKER_UP || this.#still[slot]! >= MAX_STILL) return false
    if (loadAcquire(words, w + W_NR_ASYNC) !== 0) return false
    const current = loadAcquire(words, w + W_CURRENT)
    if (current === NONE) return true
    const state = loadAcquire(words, this.#mem.item(current) + STATE)
    const isBusy = (state & ITEM_STATE_MASK) === ITEM_RUNNING || (state & ITEM_STATE_MASK) === ITEM_TAKEN
    return !isBusy || state >> ITEM_SLOT_SHIFT !== slot
  }

  /** Whether it has an item in hand, or an async one: either may block, or keep a woken worker from looking. */
  #hasWork(w: number): boolean {
    const { words } = this.#mem
    return loadAcquire(words, w + W_CURRENT) !== NONE || loadAcquire(words, w + W_NR_ASYNC) !== 0
  }
}
