/**
 * Posting CQEs; overflow. Owner thread only.
 *
 * CQEs are written at once and become visible in batches, when flush.ts calls commitCq, which moves the tail once. A
 * CQE without room goes to the overflow list, and while the list is not empty every later CQE follows it, so nothing
 * overtakes. Counterpart: io_fill_cqe_req, io_cqring_overflow_flush, __io_commit_cqring_flush.
 */
import { IORING_SQ_CQ_OVERFLOW, IOSQE_CQE_SKIP_SUCCESS } from '../../../abi/constants.js'
import { fetchAnd, fetchOr, loadAcquire, storeRelease } from '../../../lib/barrier.js'
import type { IoRingCtx } from '../state/ctx.js'
import { REQ_F_ENDED, REQ_F_FAIL, REQ_F_SILENT } from '../state/layout.js'
import { R_REQ_FLAGS, R_RES, R_SQE_FLAGS, R_USER_DATA } from '../state/req.js'
import type { Tctx } from '../state/tctx.js'
import { CQ_HEAD, CQ_TAIL, SQ_FLAGS } from '../state/words.js'
import { signalEventfd } from './eventfd.js'

/** Whether a CQE would go to the ring, and not to the overflow list. */
export function canPost(ctx: IoRingCtx): boolean {
  return ctx.overflow.size === 0 && hasRoom(ctx)
}

/** CQEs committed since the ring was made, modulo 2**32. */
export function committedTail(ctx: IoRingCtx): number {
  return ctx.words[CQ_TAIL]!
}

function hasRoom(ctx: IoRingCtx): boolean {
  // Pairs with the app's release of cq_head: the slots before it were read.
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
  if (ctx.overflow.size === 0) fetchOr(ctx.words, SQ_FLAGS, IORING_SQ_CQ_OVERFLOW)
  const { overflow } = ctx
  overflow.push(low)
  overflow.push(high)
  overflow.push(res)
  overflow.push(flags)
}

/** Posts the CQE of a request whose `res` is set, unless it must have none. */
export function post(tctx: Tctx, ctx: IoRingCtx, r: number): void {
  const { words } = tctx.wq.mem
  const flags = words[r + R_REQ_FLAGS]!
  if ((flags & REQ_F_SILENT) !== 0) return
  const skip = (words[r + R_SQE_FLAGS]! & IOSQE_CQE_SKIP_SUCCESS) !== 0
  if (skip && (flags & (REQ_F_FAIL | REQ_F_ENDED)) === 0) return
  postCqe(ctx, words[r + R_USER_DATA]!, words[r + R_USER_DATA + 1]!, words[r + R_RES]!, 0)
}

/** Moves as many CQEs as fit from the overflow list to the ring, oldest first. The caller commits them. */
export function flushOverflow(ctx: IoRingCtx): void {
  const { overflow } = ctx
  if (overflow.size === 0 || !hasRoom(ctx)) return
  do put(ctx, overflow.shift()!, overflow.shift()!, overflow.shift()!, overflow.shift()!)
  while (overflow.size > 0 && hasRoom(ctx))
  if (overflow.size === 0) fetchAnd(ctx.words, SQ_FLAGS, ~IORING_SQ_CQ_OVERFLOW)
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

/** CQEs the app can see. */
export function nrReady(ctx: IoRingCtx): number {
  return (ctx.words[CQ_TAIL]! - loadAcquire(ctx.words, CQ_HEAD)) >>> 0
}
