/**
 * Items and lists as the shared words show them now, without a lock, for owner threads that ask before they act.
 */
import { loadAcquire } from '../lib/barrier.js'
import { NONE } from '../lib/mpscq.js'
import {
  ACCT_BOUND,
  ACCT_UNBOUND,
  IO_WQ_WORK_UNBOUND,
  ITEM_QUEUED,
  ITEM_RUNNING,
  ITEM_STATE_MASK,
  ITEM_TAKEN,
  WQ_EXIT,
  WQ_EXIT_ON_IDLE,
  type WqMemory,
} from './layout.js'
import { FLAGS, MAX_WORKERS, MIN_WORKERS, NR_QUEUED, NR_WORKERS, SEQ, STATE, WQ_STATE } from './words.js'

/** Whether an item is in its account's list. */
export function isQueued(mem: WqMemory, item: number): boolean {
  return loadAcquire(mem.words, mem.item(item) + STATE) === ITEM_QUEUED
}

/** Whether an item has not begun, even if a worker has it in hand. */
export function isWaiting(mem: WqMemory, item: number): boolean {
  const state = loadAcquire(mem.words, mem.item(item) + STATE) & ITEM_STATE_MASK
  return state === ITEM_QUEUED || state === ITEM_TAKEN
}

/** The order in which a cancel tries an item: 0 queued, 1 taken, 2 running; NONE for all others. */
export function cancelRank(mem: WqMemory, item: number): number {
  const state = loadAcquire(mem.words, mem.item(item) + STATE) & ITEM_STATE_MASK
  return state === ITEM_QUEUED ? 0 : state === ITEM_TAKEN ? 1 : state === ITEM_RUNNING ? 2 : NONE
}

/** All queued items, of the first `nrTouched`, in the order of enqueueing. */
export function queuedItems(mem: WqMemory, nrTouched: number): number[] {
  const items: number[] = []
  for (let item = 0; item < nrTouched; item++) if (isQueued(mem, item)) items.push(item)
  const seq = (item: number) => mem.words[mem.item(item) + SEQ]!
  return items.sort((a, b) => (seq(a) - seq(b)) | 0)
}

/** The account that an item was queued in. */
export function acctOf(mem: WqMemory, item: number): number {
  return (mem.words[mem.item(item) + FLAGS]! & IO_WQ_WORK_UNBOUND) !== 0 ? ACCT_UNBOUND : ACCT_BOUND
}

/** How many items are in an account's list. */
export function nrQueued(mem: WqMemory, acct: number): number {
  return mem.words[mem.acct(acct) + NR_QUEUED]!
}

/** Whether an account has fewer workers than its minWorkers, and workers are to stay. Act on it only under the lock. */
export function lacksSpare(mem: WqMemory, acct: number): boolean {
  const { words } = mem
  const a = mem.acct(acct)
  const min = Math.min(words[a + MIN_WORKERS]!, words[a + MAX_WORKERS]!)
  return words[a + NR_WORKERS]! < min && (loadAcquire(words, WQ_STATE) & (WQ_EXIT | WQ_EXIT_ON_IDLE)) === 0
}

/** Whether an account may have one more worker. */
export function mayGrow(mem: WqMemory, acct: number): boolean {
  const a = mem.acct(acct)
  return mem.words[a + NR_WORKERS]! < mem.words[a + MAX_WORKERS]!
}

/** A limit of workers within the number of slots. */
export function clampWorkers(limit: number, nrSlots: number): number {
  return Math.max(1, Math.min(limit, nrSlots))
}

/** The result of Wq.counts(): items queued, workers by account, workers ever made, items in use. */
export interface WqCounts {
  readonly queued: number
  readonly workers: [bound: number, unbound: number]
  readonly created: number
  readonly items: number
}

export function countsOf(mem: WqMemory, created: number, items: number): WqCounts {
  const nrWorkers = (acct: number) => mem.words[mem.acct(acct) + NR_WORKERS]!
  return {
    queued: nrQueued(mem, ACCT_BOUND) + nrQueued(mem, ACCT_UNBOUND),
    workers: [nrWorkers(ACCT_BOUND), nrWorkers(ACCT_UNBOUND)],
    created,
    items,
  }
}
