/**
 * Repair after a worker died. Runs on the owner thread, once the dead thread is known to be gone.
 *
 * The slab of items is the truth: an account's lists, tails, free list and counts are made anew from the states of its
 * items and workers, under the account's lock, which is taken over if the dead worker held it. No counterpart: a kernel
 * thread does not die in a critical section.
 */
import { fetchAdd, futexWake, loadAcquire, storeRelease, xchg } from '../lib/barrier.js'
import { type Consumer, NONE } from '../lib/mpscq.js'
import { clearLists, insert } from './acct.js'
import {
  ACCT,
  ACCT_BOUND,
  ACCT_UNBOUND,
  HOLDER_OWNER,
  HOLDER_WORKER0,
  IO_WQ_WORK_UNBOUND,
  ITEM,
  ITEM_CANCELED,
  ITEM_DONE,
  ITEM_QUEUED,
  ITEM_RUNNING,
  ITEM_SLOT_SHIFT,
  ITEM_STATE_MASK,
  ITEM_TAKEN,
  WAKE_YES,
  WORKER,
  WORKER_IDLE,
  WORKER_NONE,
  WORKER_STARTING,
  WORKER_UP,
  WQ,
  type WqMemory,
} from './layout.js'
import { lock, takeOverLock, unlock } from './lock.js'

const STATE = ITEM.at.state >> 2
const FLAGS = ITEM.at.flags >> 2
const SEQ = ITEM.at.seq >> 2
const W_STATE = WORKER.at.state >> 2
const W_ACCT = WORKER.at.acct >> 2
const W_CURRENT = WORKER.at.current >> 2
const W_SPINNING = WORKER.at.spinning >> 2
const W_BLOCKED = WORKER.at.blocked >> 2
const W_WAKE = WORKER.at.wake >> 2

/** What a dead worker left: the item that died with it, and the one it may or may not have sent home. */
export interface Wreck {
  readonly died: number
  readonly inDoubt: number
  /** Items cancelled in its hands. It may have sent some of them home. */
  readonly cancelled: number[]
}

/**
 * Repairs what the worker in `slot` may have left half done. `nrTouched`: items ever handed out; `onStuck` as for lock():
 * another worker may have died with the lock that is needed here.
 */
export function repairAfter(mem: WqMemory, slot: number, nrTouched: number, onStuck?: (holder: number) => void): Wreck {
  const { words } = mem
  const w = mem.worker(slot)
  const own = words[w + W_ACCT]!
  const current = words[w + W_CURRENT]!
  // Whether it was counted yet, or no longer, cannot be told: one spinner too many does no harm, too few would.
  if (words[w + W_SPINNING] !== 0) {
    fetchAdd(words, WQ.at.nr_spinning >> 2, -1)
    storeRelease(words, w + W_SPINNING, 0)
  }
  for (const acct of [ACCT_BOUND, ACCT_UNBOUND]) {
    const lockWord = mem.acct(acct) + (ACCT.at.lock >> 2)
    const held = takeOverLock(words, lockWord, slot + HOLDER_WORKER0, HOLDER_OWNER)
    if (!held && acct !== own) continue
    if (!held) lock(words, lockWord, HOLDER_OWNER, onStuck)
    // Only now: a slot on the free list is anybody's, who would bring it back to life by popping it.
    if (acct === own) storeRelease(words, w + W_STATE, WORKER_NONE)
    rebuild(mem, acct, slot, nrTouched)
    unlock(words, lockWord)
  }
  freeBuckets(mem, slot)
  rouse(mem)
  let died = NONE
  const cancelled: number[] = []
  for (let item = 0; item < nrTouched; item++) {
    const state = loadAcquire(words, mem.item(item) + STATE)
    if (state === (ITEM_RUNNING | (slot << ITEM_SLOT_SHIFT))) died = item
    if (state === (ITEM_CANCELED | (slot << ITEM_SLOT_SHIFT))) cancelled.push(item)
  }
  const state = current === NONE ? 0 : loadAcquire(words, mem.item(current) + STATE)
  const low = state & ITEM_STATE_MASK
  const doubt = (low === ITEM_DONE || low === ITEM_CANCELED) && state >> ITEM_SLOT_SHIFT === slot
  return { died, inDoubt: doubt ? current : NONE, cancelled }
}

/** Makes an account's lists and counts anew. What the dead worker held but had not begun is queued again, in front. */
function rebuild(mem: WqMemory, acct: number, dead: number, nrTouched: number): void {
  const { words } = mem
  const a = mem.acct(acct)
  clearLists(mem, acct)
  const queued: number[] = []
  for (let item = 0; item < nrTouched; item++) {
    const at = mem.item(item)
    if (((words[at + FLAGS]! & IO_WQ_WORK_UNBOUND) !== 0 ? ACCT_UNBOUND : ACCT_BOUND) !== acct) continue
    const state = loadAcquire(words, at + STATE)
    if (state === ITEM_QUEUED || state === (ITEM_TAKEN | (dead << ITEM_SLOT_SHIFT))) queued.push(item)
  }
  queued.sort((x, y) => (words[mem.item(x) + SEQ]! - words[mem.item(y) + SEQ]!) | 0)
  for (const item of queued) insert(mem, acct, item)
  let nrWorkers = 0
  let nrRunning = 0
  for (let slot = 0; slot < mem.shape.nrSlots; slot++) {
    const w = mem.worker(slot)
    if (words[w + W_ACCT] !== acct) continue
    const state = loadAcquire(words, w + W_STATE)
    if (state === WORKER_IDLE) {
      words[w + (WORKER.at.free_next >> 2)] = words[a + (ACCT.at.free_head >> 2)]!
      words[a + (ACCT.at.free_head >> 2)] = slot
    }
    if (state === WORKER_STARTING || state === WORKER_UP || state === WORKER_IDLE) nrWorkers++
    if (state === WORKER_STARTING || (state === WORKER_UP && words[w + W_BLOCKED] === 0)) nrRunning++
  }
  words[a + (ACCT.at.nr_workers >> 2)] = nrWorkers
  words[a + (ACCT.at.nr_running >> 2)] = nrRunning
  words[a + (ACCT.at.nr_waking >> 2)] = 0
}

function freeBuckets(mem: WqMemory, slot: number): void {
  const { words } = mem
  for (let bucket = 0; bucket < mem.shape.nrBuckets; bucket++) {
    if (words[mem.hash(bucket)] === slot + HOLDER_WORKER0) storeRelease(words, mem.hash(bucket), 0)
  }
}

/**
 * Wakes everyone who is up: the dead worker may have taken one off the free list and not woken it, or been between the
 * two steps of that. One wake too many only makes a worker look at its queue.
 */
function rouse(mem: WqMemory): void {
  const { words } = mem
  for (let slot = 0; slot < mem.shape.nrSlots; slot++) {
    if (loadAcquire(words, mem.worker(slot) + W_STATE) !== WORKER_UP) continue
    xchg(words, mem.worker(slot) + W_WAKE, WAKE_YES)
    futexWake(words, mem.worker(slot) + W_WAKE, 1)
  }
}

/**
 * Brings home the items in doubt of one queue: each comes out exactly once, whether its worker died before it entered
 * the queue, between the two steps of the push, or after. `take` gets each drained item; `midPush` says whether a
 * living worker is between its two steps; `pause` lets it go on.
 */
export function drainInDoubt(
  queue: Consumer,
  doubtful: number[],
  take: (item: number) => void,
  midPush: () => boolean,
  pause: () => void,
): void {
  const left = new Set(doubtful)
  for (;;) {
    const item = queue.pop()
    if (item !== NONE) {
      left.delete(item)
      take(item)
    } else if (queue.isEmpty()) {
      break
    } else if (midPush()) {
      pause()
    } else {
      // Stuck behind a dead producer. The tail's own producer comes last, for nothing lies behind it.
      const next = [...left].find((i) => i !== queue.tail()) ?? [...left][0]
      if (next === undefined) return
      left.delete(next)
      queue.mend(next)
    }
  }
  for (const item of left) take(item)
}
