/**
 * Repair after workers died. Runs on the owner thread, once their threads are known to be gone.
 *
 * The slab of items is the truth: an account's lists, tails, free list and counts are rebuilt from the states of its
 * items and workers, under the account's lock, which is taken over if the dead worker held it. No counterpart: a kernel
 * thread does not die in a critical section.
 */
import { assert } from '../lib/assert.js'
import { fetchAdd, futexWake, loadAcquire, storeRelease, xchg } from '../lib/barrier.js'
import { type Consumer, NONE } from '../lib/mpscq.js'
import { clearLists, insert } from './acct.js'
import { freeHolders, rouseOthers } from './hash.js'
import type { HashTails } from './hash-tails.js'
import {
  ACCT,
  ACCT_BOUND,
  ACCT_UNBOUND,
  HOLDER_OWNER,
  HOLDER_WORKER0,
  IO_WQ_WORK_UNBOUND,
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
import { FLAGS, PUSHED_SEQ, SEQ, STATE, W_ACCT, W_BLOCKED, W_CURRENT, W_SPINNING, W_STATE } from './words.js'

/** The items of dead workers. */
export interface Wreck {
  /** Items that died with their worker, and its slot. */
  readonly died: [item: number, slot: number][]
  /** Items that may or may not have been pushed, at most one for each worker. */
  readonly inDoubt: number[]
  /** Items cancelled in their hands. They may have pushed some of them. */
  readonly cancelled: number[]
}

/**
 * Repairs what the workers in `dead` slots may have left half done. `nrTouched()`: items ever handed out; `onStuck` as
 * for lock(): another worker may have died with a lock that is required here. Its repair goes first, and may queue
 * more.
 */
export function repairAfter(
  mem: WqMemory,
  dead: readonly number[],
  tails: HashTails,
  nrTouched: () => number,
  onStuck?: (holder: number) => void,
): void {
  const { words } = mem
  for (const slot of dead) stopSpinning(mem, slot)
  for (const acct of [ACCT_BOUND, ACCT_UNBOUND]) {
    const own = dead.filter((slot) => words[mem.worker(slot) + W_ACCT] === acct)
    const lockWord = mem.acct(acct) + (ACCT.at.lock >> 2)
    const held = dead.some((slot) => takeOverLock(words, lockWord, slot + HOLDER_WORKER0, HOLDER_OWNER))
    if (!held && own.length === 0) continue
    if (!held) lock(words, lockWord, HOLDER_OWNER, onStuck)
    // Only now: another worker may still pop a slot from the free list and so revive it.
    for (const slot of own) storeRelease(words, mem.worker(slot) + W_STATE, WORKER_NONE)
    rebuild(mem, acct, dead, tails, nrTouched())
    unlock(words, lockWord)
  }
  for (const slot of dead) freeBuckets(mem, slot)
  rouse(mem)
  if (mem.sharedHash !== undefined) rouseOthers(mem.sharedHash.hash, mem.sharedHash.pool)
}

function stopSpinning(mem: WqMemory, slot: number): void {
  const { words } = mem
  const spinning = mem.worker(slot) + W_SPINNING
  if (words[spinning] === 0) return
  // Whether it was still counted is unknown: one spinner too many does no harm, one too few would.
  fetchAdd(words, WQ.at.nr_spinning >> 2, -1)
  storeRelease(words, spinning, 0)
}

/** The items that they left. Call it before anything waits: a repair in the midst of this one uses the result. */
export function findStrays(mem: WqMemory, dead: readonly number[], nrTouched: number): Wreck {
  const { words } = mem
  const wreck: Wreck = { died: [], inDoubt: [], cancelled: [] }
  for (let item = 0; item < nrTouched; item++) {
    const state = loadAcquire(words, mem.item(item) + STATE)
    const low = state & ITEM_STATE_MASK
    const slot = state >> ITEM_SLOT_SHIFT
    if (!dead.includes(slot)) continue
    if (low === ITEM_RUNNING) wreck.died.push([item, slot])
    if (low === ITEM_CANCELED) wreck.cancelled.push(item)
    const isCurrent = words[mem.worker(slot) + W_CURRENT] === item
    if (isCurrent && (low === ITEM_DONE || low === ITEM_CANCELED)) wreck.inDoubt.push(item)
  }
  return wreck
}

/** Rebuilds an account's lists and counts. Items that the dead held but had not begun are queued again, in front. */
function rebuild(mem: WqMemory, acct: number, dead: readonly number[], tails: HashTails, nrTouched: number): void {
  const { words } = mem
  const a = mem.acct(acct)
  clearLists(mem, acct)
  tails.clear(acct)
  const queued: number[] = []
  for (let item = 0; item < nrTouched; item++) {
    const at = mem.item(item)
    if (((words[at + FLAGS]! & IO_WQ_WORK_UNBOUND) !== 0 ? ACCT_UNBOUND : ACCT_BOUND) !== acct) continue
    const state = loadAcquire(words, at + STATE)
    const taken = (state & ITEM_STATE_MASK) === ITEM_TAKEN && dead.includes(state >> ITEM_SLOT_SHIFT)
    if (state === ITEM_QUEUED || taken) queued.push(item)
  }
  queued.sort((x, y) => (words[mem.item(x) + SEQ]! - words[mem.item(y) + SEQ]!) | 0)
  for (const item of queued) insert(mem, acct, item, tails)
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
  const { words, sharedHash } = mem
  if (sharedHash !== undefined) {
    freeHolders(sharedHash.hash, sharedHash.pool, slot + HOLDER_WORKER0)
    return
  }
  for (let bucket = 0; bucket < mem.shape.nrBuckets; bucket++) {
    const at = mem.holderAt(bucket)
    if (words[at] === mem.holderMark(slot)) storeRelease(words, at, 0)
  }
}

/**
 * Wakes every worker that is up: a dead worker may have popped one off the free list and not woken it, or died between
 * the two steps. One wake too many only makes a worker look at its queue.
 */
function rouse(mem: WqMemory): void {
  const { words } = mem
  for (let slot = 0; slot < mem.shape.nrSlots; slot++) {
    if (loadAcquire(words, mem.worker(slot) + W_STATE) !== WORKER_UP) continue
    xchg(mem.hashWords, mem.wake(slot), WAKE_YES)
    futexWake(mem.hashWords, mem.wake(slot), 0x7fff_ffff)
  }
}

/**
 * Empties one queue, and passes the items in doubt to `take`: each exactly once, whether its worker died before the
 * push, between its two steps, or after. `midPush` tells whether some other worker is between its two steps, and
 * `pause` lets that worker go on. Anything may happen in a pause, another repair too: it finds the queue and `inDoubt`
 * as they are. `inDoubt` has the items of every worker known to be dead.
 */
export function drainInDoubt(
  mem: WqMemory,
  queue: Consumer,
  inDoubt: Set<number>,
  take: (item: number) => void,
  midPush: () => boolean,
  pause: () => void,
): void {
  let vain = 0
  for (;;) {
    const item = queue.pop()
    if (item !== NONE) {
      inDoubt.delete(item)
      take(item)
      vain = 0
    } else if (queue.isEmpty()) {
      break
    } else if (midPush()) {
      pause()
      vain = 0
    } else if (vain++ > 0) {
      // A worker that was between the two steps at the first look has made the second since, or is dead.
      const next = behindGap(mem, queue, inDoubt)
      // None: another worker has begun a push since, behind the items in doubt. Each vain look met another such push,
      // and no item is pushed twice before it is popped. So there are at most as many looks as items, with the first
      // one.
      if (next === NONE) assert(vain <= mem.shape.nrItems, 'nobody unknown died between the two steps of a push')
      else {
        inDoubt.delete(next)
        queue.mend(next)
        vain = 0
      }
    }
  }
  // These items never entered the queue, or nothing followed them, and nothing does now.
  for (const item of inDoubt) take(item)
  inDoubt.clear()
}

interface Piece {
  readonly items: readonly number[]
  readonly isTail: boolean
}

/**
 * The item in doubt at which the queue's chain continues after a break, or NONE: an item that others follow, or the
 * tail. The tail's piece comes last. Of pieces with the same end, the longest contains the others.
 *
 *   cursor -> [a] -> [b]     [x] -> [c]     [y] -> [d] tail        x and y in doubt: x, then y
 *
 * Of several that this does not order, it is one whose piece has no item that its worker pushed after an item of
 * another piece.
 */
function behindGap(mem: WqMemory, queue: Consumer, inDoubt: ReadonlySet<number>): number {
  const byEnd = new Map<number, Piece>()
  for (const item of inDoubt) {
    const items = [item]
    for (let next = queue.next(item); next !== NONE; next = queue.next(next)) items.push(next)
    const end = items.at(-1)!
    const isTail = end === queue.tail()
    if (items.length === 1 && !isTail) continue
    if (items.length > (byEnd.get(end)?.items.length ?? 0)) byEnd.set(end, { items, isTail })
  }
  const pieces = [...byEnd.values()]
  const first = pieces.find((piece) => pieces.every((other) => other === piece || !comesBefore(mem, other, piece)))
  return first?.items[0] ?? NONE
}

function comesBefore(mem: WqMemory, a: Piece, b: Piece): boolean {
  const { words } = mem
  if (a.isTail || b.isTail) return b.isTail
  const slotOf = (item: number) => words[mem.item(item) + STATE]! >> ITEM_SLOT_SHIFT
  const sentOf = (item: number) => words[mem.item(item) + PUSHED_SEQ]!
  return a.items.some((x) => b.items.some((y) => slotOf(x) === slotOf(y) && ((sentOf(x) - sentOf(y)) | 0) < 0))
}
