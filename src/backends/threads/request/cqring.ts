/**
 * Posting CQEs; overflow. Owner thread only.
 *
 * CQEs are written as they come and become visible in batches, when commitCq moves the tail once. A CQE that finds no
 * room goes to the overflow list, and while that is not empty every later one follows it, so nothing overtakes.
 * Counterpart: io_fill_cqe_req, io_cqring_overflow_flush, __io_commit_cqring_flush.
 */
import { IORING_CQ_EVENTFD_DISABLED, IORING_SQ_CQ_OVERFLOW } from '../../../abi/constants.js'
import { fetchAnd, fetchOr, loadAcquire, storeRelease } from '../../../lib/barrier.js'
import { signal } from '../../../sys/loop.js'
import type { IoRingCtx } from '../state/ctx.js'
import { RINGS } from '../state/layout.js'

const CQ_HEAD = RINGS.at.cq_head >> 2
const CQ_TAIL = RINGS.at.cq_tail >> 2
const SQ_FLAGS = RINGS.at.sq_flags >> 2
const CQ_FLAGS = RINGS.at.cq_flags >> 2

/** Whether a CQE would go to the ring, and not to the overflow list. */
export function canPost(ctx: IoRingCtx): boolean {
  return ctx.overflow.length === 0 && hasRoom(ctx)
}

/** CQEs the app was shown since the ring was made, modulo 2**32. */
export function committedTail(ctx: IoRingCtx): number {
  return ctx.words[CQ_TAIL]!
}

function hasRoom(ctx: IoRingCtx): boolean {
  // Pairs with the app's release of cq_head: the slots behind it were read.
  return (ctx.cachedCqTail - loadAcquire(ctx.words, CQ_HEAD)) >>> 0 < ctx.cqEntries
}

function put(ctx: IoRingCtx, low: number, high: number, res: number, flags: number): void {
  const { words } = ctx
  const at = ctx.cqesWord + ((ctx.cachedCqTail & (ctx.cqEntries - 1)) << 2)
  words[at] = low
  words[at + 1] = high
  words[at + 2] = res
  words[at + 3] = flags
  ctx.cachedCqTail = (ctx.cachedCqTail + 1) | 0
}

export function postCqe(ctx: IoRingCtx, low: number, high: number, res: number, flags: number): void {
  if (canPost(ctx)) {
    put(ctx, low, high, res, flags)
    return
  }
  if (ctx.overflow.length === 0) fetchOr(ctx.words, SQ_FLAGS, IORING_SQ_CQ_OVERFLOW)
  ctx.overflow.push(low, high, res, flags)
}

/** Moves what fits from the overflow list to the ring, oldest first. */
export function flushOverflow(ctx: IoRingCtx): void {
  const { overflow } = ctx
  let taken = 0
  while (taken < overflow.length && hasRoom(ctx)) {
    put(ctx, overflow[taken]!, overflow[taken + 1]!, overflow[taken + 2]!, overflow[taken + 3]!)
    taken += 4
  }
  if (taken === 0) return
  overflow.splice(0, taken)
  if (overflow.length === 0) fetchAnd(ctx.words, SQ_FLAGS, ~IORING_SQ_CQ_OVERFLOW)
  commitCq(ctx)
}

/** Makes the CQEs written since the last commit visible, and signals the eventfd once for all of them. */
export function commitCq(ctx: IoRingCtx): void {
  const { words } = ctx
  if (words[CQ_TAIL] === ctx.cachedCqTail) return
  // Publishes the CQEs; pairs with the app's acquire of cq_tail.
  storeRelease(words, CQ_TAIL, ctx.cachedCqTail)
  if (ctx.eventfd >= 0 && (!ctx.eventfdAsync || ctx.batchAsync)) signalEventfd(ctx)
  ctx.batchAsync = false
}

export function signalEventfd(ctx: IoRingCtx): void {
  if ((loadAcquire(ctx.words, CQ_FLAGS) & IORING_CQ_EVENTFD_DISABLED) === 0) signal(ctx.eventfd)
}

/** CQEs the app can see. */
export function nrReady(ctx: IoRingCtx): number {
  return (ctx.words[CQ_TAIL]! - loadAcquire(ctx.words, CQ_HEAD)) >>> 0
}
