/**
 * The owner's waits: for items to end, and for workers to finish with them. Owner thread only.
 *
 * Counterpart: io_cqring_wait's cq_wait_nr, and RCU's grace periods.
 */
import { assert } from '../lib/assert.js'
import { futexWait, loadAcquire, xchg } from '../lib/barrier.js'
import { nowMs } from '../lib/clock.js'
import { NONE } from '../lib/mpscq.js'
import { ITEM_DONE, ITEM_STATE_MASK, OWNER_AWAKE, WORKER_IDLE, WORKER_UP, type WqMemory } from './layout.js'
import { OWNER_WAIT, STATE, W_ACCT, W_CURRENT, W_SEQ, W_STATE } from './words.js'

/** How long the owner spins before it sleeps. */
const SPIN_MS = 0.05

/**
 * Announces that the owner waits for `wanted` items, asks `ready` once more, and sleeps until the count is down to
 * zero, an item with FORCE_WAKE was pushed, or `timeoutMs` have passed. True if the time passed and some, but not all,
 * of the items were pushed. `verifier` is called once the wait is announced, and the function that it returns when the
 * wait is over.
 */
export function sleepUntilPushed(
  mem: WqMemory,
  timeoutMs: number,
  wanted: number,
  ready: () => boolean,
  verifier?: () => () => void,
): boolean {
  const { words } = mem
  xchg(words, OWNER_WAIT, wanted)
  const verify = verifier?.()
  // Pairs with wakeOwner: a push comes before its look at this word, or this look at the queues comes after the push.
  if (!ready()) sleepAnnounced(words, timeoutMs)
  verify?.()
  const left = xchg(words, OWNER_WAIT, OWNER_AWAKE)
  return left !== OWNER_AWAKE && left < wanted
}

function sleepAnnounced(words: Int32Array, timeoutMs: number): void {
  const start = nowMs()
  const end = start + timeoutMs
  // Most work ends within microseconds; a sleep and a wake-up cost more than that.
  const spinEnd = Math.min(end, start + SPIN_MS)
  let now = start
  for (;;) {
    const left = loadAcquire(words, OWNER_WAIT)
    if (left === OWNER_AWAKE || now >= end) return
    // The count may go down before the wait begins; then futexWait returns at once.
    if (now >= spinEnd) futexWait(words, OWNER_WAIT, left, end - now)
    now = nowMs()
  }
}

/**
 * Verifies a sleep for `wanted` items that was just announced: no slice of it may end with more task work than was
 * counted since. The owner would then have slept beside work, and the slice would have hidden it. Test builds only.
 */
export function countVerifier(
  mem: WqMemory,
  wanted: number,
  nrTouched: number,
  someoneMidPush: () => boolean,
): () => void {
  const before = nrDone(mem, nrTouched)
  return () => {
    const nrHome = nrDone(mem, nrTouched) - before
    const isCounted = () => mem.words[OWNER_WAIT] === OWNER_AWAKE || nrHome <= wanted - mem.words[OWNER_WAIT]!
    // A worker in mid-push may still write the word, so it is asked first.
    if (isCounted() || someoneMidPush()) return
    assert(isCounted(), 'no waiting slice ends with work at home')
  }
}

/** Items that have ended and were not popped. */
function nrDone(mem: WqMemory, nrTouched: number): number {
  let nr = 0
  for (let item = 0; item < nrTouched; item++) {
    if ((mem.words[mem.item(item) + STATE]! & ITEM_STATE_MASK) === ITEM_DONE) nr++
  }
  return nr
}

/** Whether an account has a worker that has come up. */
export function hasWorkerUp(mem: WqMemory, acct: number): boolean {
  for (let slot = 0; slot < mem.shape.nrSlots; slot++) {
    const w = mem.worker(slot)
    const state = loadAcquire(mem.words, w + W_STATE)
    if (mem.words[w + W_ACCT] === acct && (state === WORKER_UP || state === WORKER_IDLE)) return true
  }
  return false
}

/**
 * Begins a grace period. The returned function tells whether every worker has since finished with the item that it had
 * in hand at this call. Objects that workers look up while they end an item may be freed then.
 */
export function grace(mem: WqMemory): () => boolean {
  const { words, shape } = mem
  let busy: [slotWord: number, seq: number][] = []
  for (let slot = 0; slot < shape.nrSlots; slot++) {
    const w = mem.worker(slot)
    const seq = loadAcquire(words, w + W_SEQ)
    if (loadAcquire(words, w + W_CURRENT) !== NONE) busy.push([w, seq])
  }
  return () => {
    busy = busy.filter(([w, seq]) => {
      const sameItem = loadAcquire(words, w + W_SEQ) === seq && loadAcquire(words, w + W_CURRENT) !== NONE
      return sameItem && loadAcquire(words, w + W_STATE) === WORKER_UP
    })
    return busy.length === 0
  }
}
