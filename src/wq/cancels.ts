/**
 * Cancelling items: one, those that match, or all that an account has queued. Owner thread only.
 *
 * An item that is queued or in hand is taken away; one that runs is told. Counterpart: io_wq_cancel_cb and what it calls.
 */
import { cmpxchg, fetchOr, loadAcquire } from '../lib/barrier.js'
import { NONE } from '../lib/mpscq.js'
import { remove } from './acct.js'
import type { Crew } from './crew.js'
import type { Demand } from './demand.js'
import type { HashTails } from './hash-tails.js'
import { acctOf, cancelRank, isQueued, nrQueued } from './items.js'
import {
  ACCT,
  HOLDER_OWNER,
  IO_WQ_WORK_CANCEL,
  ITEM_CANCELED,
  ITEM_FREE,
  ITEM_RUNNING,
  ITEM_SLOT_SHIFT,
  ITEM_STATE_MASK,
  ITEM_TAKEN,
  WQ_EXIT,
  WQ_EXIT_ON_IDLE,
  type WqMemory,
} from './layout.js'
import { lock, unlock } from './lock.js'
import type { WqHooks } from './options.js'
import { FLAGS, LOCK, STATE, WQ_STATE } from './words.js'

export type CancelResult = 'ok' | 'running' | 'notfound'

/** What a cancel needs of its io-wq. */
export interface CancelParts {
  readonly crew: Crew
  readonly demand: Demand
  readonly tails: HashTails
  readonly hooks: WqHooks
  /** Items ever handed out. */
  nrTouched(): number
}

export class Cancels {
  readonly #mem: WqMemory
  readonly #parts: CancelParts

  constructor(mem: WqMemory, parts: CancelParts) {
    this.#mem = mem
    this.#parts = parts
  }

  /**
   * Cancels one item. 'ok': it never ran and never will. 'running': it was notified (IO_WQ_WORK_CANCEL, interrupt) and
   * completes by itself. 'notfound': it was neither queued nor running. onCancelled gets `why`.
   */
  cancel(item: number, why?: () => Error): CancelResult {
    return this.#cancel(item, undefined, why)
  }

  #cancel(item: number, noWorker: Error | undefined, why?: () => Error): CancelResult {
    const at = this.#mem.item(item)
    const result = this.withdraw(item) || this.#cancelTaken(at) ? 'ok' : this.#cancelRunning(at)
    if (result === 'ok') {
      fetchOr(this.#mem.words, at + FLAGS, IO_WQ_WORK_CANCEL)
      this.#parts.hooks.onCancelled(item, noWorker, why)
    }
    return result
  }

  /**
   * Removes a queued item from its list, as if it had never been queued; the record stays. False if it is not queued.
   */
  withdraw(item: number): boolean {
    const { words } = this.#mem
    const at = this.#mem.item(item)
    const acct = acctOf(this.#mem, item)
    lock(words, this.#mem.acct(acct) + LOCK, HOLDER_OWNER, this.#parts.crew.onStuck)
    const queued = isQueued(this.#mem, item)
    if (queued) {
      remove(this.#mem, acct, item, this.#parts.tails)
      words[at + STATE] = ITEM_FREE
    }
    const emptied = queued && nrQueued(this.#mem, acct) === 0
    unlock(words, this.#mem.acct(acct) + LOCK)
    // The last worker of a pool that ends stays only for queued items.
    if (emptied && (loadAcquire(words, WQ_STATE) & (WQ_EXIT | WQ_EXIT_ON_IDLE)) !== 0) this.#parts.demand.wakeAllIdle()
    return queued
  }

  #cancelTaken(at: number): boolean {
    const { words } = this.#mem
    const state = loadAcquire(words, at + STATE)
    if ((state & ITEM_STATE_MASK) !== ITEM_TAKEN) return false
    // Races the worker's step from TAKEN to RUNNING: exactly one of the two succeeds.
    const canceled = (state & ~ITEM_STATE_MASK) | ITEM_CANCELED
    return cmpxchg(words, at + STATE, state, canceled) === state
  }

  #cancelRunning(at: number): CancelResult {
    const { words } = this.#mem
    const state = loadAcquire(words, at + STATE)
    if ((state & ITEM_STATE_MASK) !== ITEM_RUNNING) return 'notfound'
    fetchOr(words, at + FLAGS, IO_WQ_WORK_CANCEL)
    this.#parts.crew.interrupt(state >> ITEM_SLOT_SHIFT, at)
    this.#parts.hooks.onToldToStop?.(state >> ITEM_SLOT_SHIFT)
    return 'running'
  }

  /** Cancels the first item that matches, or all; the strongest answer of the kernel's order: pending first. */
  cancelMatch(match: (item: number) => boolean, all: boolean): CancelResult {
    const byState: [queued: number[], taken: number[], running: number[]] = [[], [], []]
    for (let item = 0; item < this.#parts.nrTouched(); item++) {
      const rank = cancelRank(this.#mem, item)
      if (rank !== NONE) byState[rank]!.push(item)
    }
    let strongest: CancelResult = 'notfound'
    for (const item of byState.flat()) {
      // The end of one item may have ended others, whose records may be in use again.
      if (cancelRank(this.#mem, item) === NONE || !match(item)) continue
      const result = this.cancel(item)
      if (result === 'running' || strongest === 'notfound') strongest = result
      if (!all && result !== 'notfound') return result
    }
    return strongest
  }

  /** Cancels all items that are queued in one account. `noWorker`: because no worker can be made. */
  cancelPending(acct: number, noWorker?: Error): boolean {
    const head = () => this.#mem.words[this.#mem.acct(acct) + (ACCT.at.head >> 2)]!
    const some = head() !== NONE
    for (let item = head(); item !== NONE; item = head()) this.#cancel(item, noWorker)
    return some
  }
}
