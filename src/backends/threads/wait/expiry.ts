/**
 * Ends timeouts that are up. Owner thread only.
 *
 * The owner reads the clock when it runs task work, and sleeps in enter no longer than to the next timeout. While it is
 * not in enter, an alarm reminds it (run/alarm.ts). request/timeouts.ts ends timeouts for other reasons. Counterpart:
 * io_timeout_fn, io_link_timeout_fn. DIFFERS: no interrupt ends a timeout: the thread must call enter, or turn its
 * event loop, which is a millisecond late at most.
 */
import { IORING_CQE_F_MORE, IORING_TIMEOUT_ETIME_SUCCESS } from '../../../abi/constants.js'
import { loadAcquire } from '../../../lib/barrier.js'
import { nowMs } from '../../../lib/clock.js'
import { ECANCELED, ETIME } from '../../../lib/errno.js'
import { NONE } from '../../../lib/mpscq.js'
import { ITEM_DONE, ITEM_STATE_MASK } from '../../../wq/layout.js'
import { STATE } from '../../../wq/words.js'
import { canPost, postCqe } from '../request/cqring.js'
import { finish } from '../request/finish.js'
import { flushCompletions } from '../request/flush.js'
import { endTimeout } from '../request/timeouts.js'
import type { IoRingCtx } from '../state/ctx.js'
import { R_OP_FLAGS, R_RES, R_USER_DATA } from '../state/req.js'
import type { Tctx } from '../state/tctx.js'
import type { Timeout, Timers } from '../state/timers.js'
import { takeWait } from './worker-wait.js'

/** Ends timeouts that are up, or starts their next shot. Returns their number; the caller commits their CQEs. */
export function expire(tctx: Tctx, ctx: IoRingCtx): number {
  const { timers } = ctx
  if (timers === undefined || timers.firstDueMs === Number.POSITIVE_INFINITY) return 0
  const now = nowMs()
  const up: Timeout[] = []
  for (let next = timers.popDue(now); next !== undefined; next = timers.popDue(now)) up.push(next)
  for (const timeout of up) {
    // The end of one may have ended another.
    if (timers.find(timeout.req) !== timeout) continue
    if (timeout.bounds === NONE) shoot(tctx, ctx, timers, timeout)
    else endBounded(tctx, ctx, timers, timeout)
  }
  return up.length
}

function shoot(tctx: Tctx, ctx: IoRingCtx, timers: Timers, timeout: Timeout): void {
  const { mem } = tctx.wq
  const { words } = mem
  const { req, intervalMs, shots } = timeout
  const r = mem.payload(req)
  timers.nrEvents++
  if (intervalMs !== undefined && shots !== 1 && canPost(ctx)) {
    postCqe(ctx, words[r + R_USER_DATA]!, words[r + R_USER_DATA + 1]!, -ETIME, IORING_CQE_F_MORE)
    if (shots > 0) timeout.shots--
    timers.again(timeout, nowMs() + intervalMs)
    return
  }
  timers.remove(timeout)
  words[r + R_RES] = -ETIME
  finish(tctx, ctx, req, r, (words[r + R_OP_FLAGS]! & IORING_TIMEOUT_ETIME_SUCCESS) === 0)
}

/**
 * A linked timeout is up: its request is cancelled as far as possible, and when that ends link.ts ends the timeout.
 * DIFFERS: a linked timeout that is up completes when its request ends, and not before. It cancels its request and no
 * other with the same user_data. It runs from when the request goes to io-wq, even if the request blocks there; Linux
 * since 6.15 starts it when the request is parked on a poll.
 */
function endBounded(tctx: Tctx, ctx: IoRingCtx, timers: Timers, linkTimeout: Timeout): void {
  const { mem } = tctx.wq
  const timeout = timers.find(linkTimeout.bounds)
  if (timeout !== undefined) {
    linkTimeout.isUp = true
    endTimeout(tctx, ctx, timeout, -ECANCELED)
    return
  }
  // The request has ended in time, and its task work has not run: its linked timeout ends with it.
  const state = loadAcquire(mem.words, mem.item(linkTimeout.bounds) + STATE) & ITEM_STATE_MASK
  if (state === ITEM_DONE) return
  linkTimeout.isUp = true
  takeWait(mem.words, mem.payload(linkTimeout.bounds))
  tctx.wq.cancel(linkTimeout.bounds)
}

/** At the beginning of enter: timeouts that are up end before anything else. */
export function expireFirst(tctx: Tctx, ctx: IoRingCtx): void {
  if (expire(tctx, ctx) > 0) flushCompletions(tctx, ctx)
}
