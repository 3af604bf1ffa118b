/**
 * An account's list of queued work and of idle workers. Every function runs under the account's lock, on any thread.
 *
 *   queued:  head -> [u] -> [h7 -> h7 -> h7] -> [u] -> [h3] -> tail
 *                            '-- a run --'  the first knows the last, and the last the first
 *
 * Invariant: all queued items of a bucket are one contiguous run. Only the owner knows the last item of each bucket,
 * because it alone inserts and removes: hash_tail, in the owner's own memory, costs no cache line that workers write
 * to. Counterpart: io_wq_insert_work, io_get_next_work and io_wq_remove_pending.
 */
import { assert } from '../lib/assert.js'
import { cmpxchg, loadAcquire, storeRelease } from '../lib/barrier.js'
import { NONE } from '../lib/mpscq.js'
import { forgetWaiter, nameWaiter, unnameWaiter } from './hash.js'
import type { HashTails } from './hash-tails.js'
import {
  ACCT_UNBOUND,
  IO_WQ_WORK_ALONE,
  IO_WQ_WORK_HASHED,
  IO_WQ_WORK_UNBOUND,
  ITEM_NS_MAX,
  ITEM_QUEUED,
  ITEM_SLOT_SHIFT,
  ITEM_TAKEN,
  WAKE_NO,
  WORKER_IDLE,
  WORKER_UP,
  type WqMemory,
} from './layout.js'
import {
  BUCKET,
  FLAGS,
  FREE_HEAD,
  HEAD,
  ITEM_NS,
  LAST,
  MAX_RUNNING,
  NEXT,
  NR_QUEUED,
  NR_RUNNING,
  NR_WAKING,
  PATIENCE_NS,
  PREV,
  STALLED,
  STATE,
  TAIL,
  W_FREE_NEXT,
  W_SPINNING,
  W_STATE,
} from './words.js'

/** The last CPU is the owner's: queued work waits so many times as long before a worker uses it. */
const LAST_CPU = 20
/** Weight of one item in the moving average, as a shift. */
const ITEM_NS_SHIFT = 4

/** Empties an account's lists, before it is shared or before they are rebuilt. */
export function clearLists(mem: WqMemory, acct: number): void {
  const { words } = mem
  const a = mem.acct(acct)
  words[a + HEAD] = NONE
  words[a + TAIL] = NONE
  words[a + NR_QUEUED] = 0
  words[a + FREE_HEAD] = NONE
  storeRelease(words, a + STALLED, 0)
  if (mem.sharedHash !== undefined) forgetWaiter(mem.sharedHash.hash, mem.sharedHash.pool, acct)
}

/** Queues an item: at the tail if it is unhashed or the first of its bucket, else right behind its bucket's run. */
export function insert(mem: WqMemory, acct: number, item: number, tails: HashTails): void {
  const { words } = mem
  const a = mem.acct(acct)
  const at = mem.item(item)
  const flags = words[at + FLAGS]!
  let after = words[a + TAIL]!
  if ((flags & IO_WQ_WORK_HASHED) !== 0) {
    const bucket = words[at + BUCKET]!
    const runTail = (flags & IO_WQ_WORK_ALONE) !== 0 ? NONE : tails.get(acct, bucket)
    if (runTail !== NONE && isQueuedIn(mem, acct, runTail, bucket)) {
      after = runTail
      const first = words[mem.item(runTail) + LAST]!
      words[mem.item(first) + LAST] = item
      words[at + LAST] = first
    } else words[at + LAST] = item
    tails.set(acct, bucket, item)
  }
  const before = after === NONE ? words[a + HEAD]! : words[mem.item(after) + NEXT]!
  words[at + PREV] = after
  words[at + NEXT] = before
  if (after === NONE) words[a + HEAD] = item
  else words[mem.item(after) + NEXT] = item
  if (before === NONE) words[a + TAIL] = item
  else words[mem.item(before) + PREV] = item
  words[a + NR_QUEUED] = words[a + NR_QUEUED]! + 1
  storeRelease(words, at + STATE, ITEM_QUEUED)
  if (words[a + STALLED] !== 0) storeRelease(words, a + STALLED, 0)
}

/** Whether an item is in the account's list, hashed, and of the bucket: an unhashed one has bucket 0. */
function isQueuedIn(mem: WqMemory, acct: number, item: number, bucket: number): boolean {
  const { words } = mem
  const at = mem.item(item)
  const flags = words[at + FLAGS]!
  const isUnbound = (flags & IO_WQ_WORK_UNBOUND) !== 0
  return (
    words[at + STATE] === ITEM_QUEUED &&
    (flags & IO_WQ_WORK_HASHED) !== 0 &&
    words[at + BUCKET] === bucket &&
    isUnbound === (acct === ACCT_UNBOUND)
  )
}

/** Unlinks [first..last], which are neighbours in the list. */
function cut(mem: WqMemory, a: number, first: number, last: number): void {
  const { words } = mem
  const before = words[mem.item(first) + PREV]!
  const after = words[mem.item(last) + NEXT]!
  if (before === NONE) words[a + HEAD] = after
  else words[mem.item(before) + NEXT] = after
  if (after === NONE) words[a + TAIL] = before
  else words[mem.item(after) + PREV] = before
  words[mem.item(last) + NEXT] = NONE
}

/** Removes a queued item from the list (to cancel it), and mends its run. */
export function remove(mem: WqMemory, acct: number, item: number, tails: HashTails): void {
  const { words } = mem
  const a = mem.acct(acct)
  if ((words[mem.item(item) + FLAGS]! & IO_WQ_WORK_HASHED) !== 0) removeFromRun(mem, acct, item, tails)
  cut(mem, a, item, item)
  words[a + NR_QUEUED] = words[a + NR_QUEUED]! - 1
}

function removeFromRun(mem: WqMemory, acct: number, item: number, tails: HashTails): void {
  const { words } = mem
  const at = mem.item(item)
  const bucket = words[at + BUCKET]!
  const before = words[at + PREV]!
  const isFirst = before === NONE || !isQueuedIn(mem, acct, before, bucket)
  const isLast = tails.get(acct, bucket) === item
  if (isFirst && isLast) tails.set(acct, bucket, NONE)
  else if (isLast) {
    joinEnds(mem, words[at + LAST]!, before)
    tails.set(acct, bucket, before)
  } else if (isFirst) joinEnds(mem, words[at + NEXT]!, words[at + LAST]!)
}

/** Links the first and the last item of a run to each other. */
function joinEnds(mem: WqMemory, first: number, last: number): void {
  mem.words[mem.item(first) + LAST] = last
  mem.words[mem.item(last) + LAST] = first
}

/**
 * Removes the next item that a worker may run from the list and returns it, or NONE. A hashed item comes with its whole
 * run, chained by `next`, and the worker then holds the bucket. If all queued items wait for busy buckets, the account
 * is stalled.
 */
export function takeNext(mem: WqMemory, acct: number, slot: number): number {
  const { words } = mem
  const a = mem.acct(acct)
  const shared = mem.sharedHash
  // Workers of other pools may have released keys, and cannot clear the stall: there may be work for more than one
  // worker.
  if (shared !== undefined) storeRelease(words, a + STALLED, 0)
  for (let again = false; ; again = true) {
    let busy = false
    let item = words[a + HEAD]!
    while (item !== NONE) {
      const at = mem.item(item)
      if ((words[at + FLAGS]! & IO_WQ_WORK_HASHED) === 0) {
        cut(mem, a, item, item)
        words[a + NR_QUEUED] = words[a + NR_QUEUED]! - 1
        storeRelease(words, at + STATE, ITEM_TAKEN | (slot << ITEM_SLOT_SHIFT))
        return item
      }
      const last = words[at + LAST]!
      if (cmpxchg(mem.hashWords, mem.holderAt(words[at + BUCKET]!), 0, mem.holderMark(slot)) === 0) {
        if (again) storeRelease(words, a + STALLED, 0)
        takeRun(mem, a, item, last, slot)
        return item
      }
      busy = true
      item = words[mem.item(last) + NEXT]!
    }
    if (again) return NONE
    // The worker will sleep. The wake word is reset before the stall is published, so that no wake for the stall is
    // lost.
    storeRelease(mem.hashWords, mem.wake(slot), WAKE_NO)
    if (!busy) return NONE
    // Publish the stall, then look at every bucket again. A worker that frees a bucket does the same two steps in the
    // other order, and a worker of the other account that frees one reads only the stall.
    storeRelease(words, a + STALLED, 1)
    if (shared !== undefined) nameWaiter(shared.hash, shared.pool, acct, slot)
  }
}

function takeRun(mem: WqMemory, a: number, first: number, last: number, slot: number): void {
  const { words } = mem
  cut(mem, a, first, last)
  let count = 0
  for (let item = first; item !== NONE; item = words[mem.item(item) + NEXT]!) {
    // From now on this word is the item's link in a task-work queue. NONE shows that a dead worker has not pushed the
    // item.
    words[mem.item(item) + LAST] = NONE
    storeRelease(words, mem.item(item) + STATE, ITEM_TAKEN | (slot << ITEM_SLOT_SHIFT))
    count++
  }
  words[a + NR_QUEUED] = words[a + NR_QUEUED]! - count
}

/**
 * Puts a worker for which takeNext has found nothing on the free list: first, or behind a spinning worker, which is
 * cheaper to wake.
 */
export function goIdle(mem: WqMemory, acct: number, slot: number): void {
  const { words } = mem
  const w = mem.worker(slot)
  const head = words[mem.acct(acct) + FREE_HEAD]!
  const behind = head !== NONE && loadAcquire(words, mem.worker(head) + W_SPINNING) !== 0
  const link = behind ? mem.worker(head) + W_FREE_NEXT : mem.acct(acct) + FREE_HEAD
  words[w + W_FREE_NEXT] = words[link]!
  words[link] = slot
  storeRelease(words, w + W_STATE, WORKER_IDLE)
  addRunning(mem, acct, -1)
}

/**
 * Pops the first idle worker, counted as running and as waking from now on; NONE if there is none. The caller wakes it.
 */
export function popIdle(mem: WqMemory, acct: number): number {
  const { words } = mem
  const a = mem.acct(acct)
  const slot = words[a + FREE_HEAD]!
  if (slot === NONE) return NONE
  const w = mem.worker(slot)
  words[a + FREE_HEAD] = words[w + W_FREE_NEXT]!
  words[a + NR_WAKING] = words[a + NR_WAKING]! + 1
  leftList(mem, acct, slot)
  addRunning(mem, acct, 1)
  return slot
}

/** A worker that popIdle returned has looked at the queue. */
export function wokenUp(mem: WqMemory, acct: number): void {
  const at = mem.acct(acct) + NR_WAKING
  // A repair in between may have counted anew, without this worker.
  mem.words[at] = Math.max(0, mem.words[at]! - 1)
}

/**
 * An idle worker to wake for queued work, or NONE. Unless `insist`, it wakes one worker at a time and only if that
 * pays. A woken worker passes the wake on when it finds more than it takes, so a burst of short items does not wake
 * all.
 */
export function popIdleIfDue(mem: WqMemory, acct: number, insist: boolean): number {
  const { words } = mem
  const a = mem.acct(acct)
  if (words[a + NR_QUEUED] === 0 || words[a + STALLED] !== 0) return NONE
  if (words[a + NR_RUNNING]! >= words[MAX_RUNNING]!) return NONE
  return !insist && (words[a + NR_WAKING]! > 0 || !needsMore(mem, acct)) ? NONE : popIdle(mem, acct)
}

/**
 * Whether one more worker would help: not if the running workers, at their recent speed, will have run all queued items
 * before a thread could be woken. That estimate may be wrong: a caller that gets no has the owner look again.
 */
export function needsMore(mem: WqMemory, acct: number): boolean {
  const { words } = mem
  const a = mem.acct(acct)
  const patience = words[PATIENCE_NS]!
  const itemNs = words[a + ITEM_NS]!
  const nrRunning = words[a + NR_RUNNING]!
  if (nrRunning === 0 || itemNs >= patience) return true
  const limit = nrRunning + 1 < words[MAX_RUNNING]! ? patience : patience * LAST_CPU
  return words[a + NR_QUEUED]! * itemNs >= limit
}

/** Records an item's time, from the end of the item before it. */
export function tookItem(mem: WqMemory, acct: number, ns: number): void {
  const at = mem.acct(acct) + ITEM_NS
  mem.words[at] = mem.words[at]! + ((Math.min(ns, ITEM_NS_MAX) - mem.words[at]!) >> ITEM_NS_SHIFT)
}

/** Removes one given worker from the free list. */
export function leaveIdle(mem: WqMemory, acct: number, slot: number): void {
  const { words } = mem
  let link = mem.acct(acct) + FREE_HEAD
  while (words[link] !== slot) {
    assert(words[link] !== NONE, `idle worker ${slot} is on its account's free list`)
    link = mem.worker(words[link]!) + W_FREE_NEXT
  }
  const w = mem.worker(slot)
  words[link] = words[w + W_FREE_NEXT]!
  leftList(mem, acct, slot)
  addRunning(mem, acct, 1)
}

function leftList(mem: WqMemory, acct: number, slot: number): void {
  storeRelease(mem.words, mem.worker(slot) + W_STATE, WORKER_UP)
  if (mem.sharedHash !== undefined) unnameWaiter(mem.sharedHash.hash, mem.sharedHash.pool, acct, slot)
}

export function addRunning(mem: WqMemory, acct: number, by: number): void {
  const at = mem.acct(acct) + NR_RUNNING
  const now = mem.words[at]! + by
  assert(now >= 0, 'no fewer than zero workers run')
  mem.words[at] = now
}
