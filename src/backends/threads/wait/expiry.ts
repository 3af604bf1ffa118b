/**
 * Timeouts that are up, or whose count is met. Owner thread only.
 *
 * The owner looks at the clock when it runs task work, and sleeps in enter no longer than to the next timeout. For when it
 * is not in enter there is an alarm, a timer of its event loop. Counterpart: io_timeout_fn, io_link_timeout_fn,
 * io_flush_timeouts, io_kill_timeouts. DIFFERS: no interrupt ends a timeout: the thread has to call enter, or to come by its
 * event loop, which is a millisecond late at most.
 */
import { IORING_CQE_F_MORE, IORING_SQ_TASKRUN, IORING_TIMEOUT_ETIME_SUCCESS } from '../../../abi/constants.js'
import { fetchOr, loadAcquire } from '../../../lib/barrier.js'
import { nowMs } from '../../../lib/clock.js'
import { ECANCELED, ETIME } from '../../../lib/errno.js'
import { clearTimeout, setTimeout } from '../../../lib/globals.js'
import { NONE } from '../../../lib/mpscq.js'
import { ITEM, ITEM_DONE, ITEM_STATE_MASK } from '../../../wq/layout.js'
import { R_OP_FLAGS, R_RES, R_USER_DATA } from '../request/alloc.js'
import { canPost, commitCq, committedTail, postCqe } from '../request/cqring.js'
import { releaseHeld } from '../request/drain.js'
import { signalEventfd } from '../request/eventfd.js'
import { endTimeout } from '../request/task-work.js'
import { finish } from '../run/submit.js'
import { runTaskWork } from '../run/tw.js'
import { type IoRingCtx, isDeferred } from '../state/ctx.js'
import { RINGS } from '../state/layout.js'
import type { Tctx } from '../state/tctx.js'
import type { Timeout, Timers } from '../state/timers.js'
import { takeWait } from './worker-wait.js'

const SQ_FLAGS = RINGS.at.sq_flags >> 2
const STATE = ITEM.at.state >> 2
/** The longest that setTimeout takes. */
const MAX_ALARM_MS = 2 ** 31 - 1

/** Ends what is up, or goes on with its next shot. Returns how many were; their CQEs are to be committed. */
export function expire(tctx: Tctx, ctx: IoRingCtx): number {
  const { timers } = ctx
  if (timers === undefined || timers.firstDueMs === Number.POSITIVE_INFINITY) return 0
  const now = nowMs()
  const up: Timeout[] = []
  for (let next = timers.popDue(now); next !== undefined; next = timers.popDue(now)) up.push(next)
  for (const timeout of up) {
    // The end of one may be that of another.
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
 * The limit of a request is reached: that is cancelled as far as it can be, and when it ends link.ts ends the limit.
 * DIFFERS: a limit that is reached says so when its request ends, and not before; it cancels its request and no other with
 * the same user_data; and it holds from when the request goes to io-wq on, though that block there, where Linux since 6.15
 * waits for it to be parked on a poll.
 */
function endBounded(tctx: Tctx, ctx: IoRingCtx, timers: Timers, limit: Timeout): void {
  const { mem } = tctx.wq
  const timeout = timers.find(limit.bounds)
  if (timeout !== undefined) {
    limit.isUp = true
    endTimeout(tctx, ctx, timeout, -ECANCELED)
    return
  }
  // It has ended in time, and only has not come home: so does its limit then.
  const state = loadAcquire(mem.words, mem.item(limit.bounds) + STATE) & ITEM_STATE_MASK
  if (state === ITEM_DONE) return
  limit.isUp = true
  takeWait(mem.words, mem.payload(limit.bounds))
  tctx.wq.cancel(limit.bounds)
}

/** Ends those whose count is met by what was committed. True if there was any. */
export function endMet(tctx: Tctx, ctx: IoRingCtx): boolean {
  if (ctx.timers === undefined) return false
  const met = ctx.timers.met(committedTail(ctx))
  for (const timeout of met) endTimeout(tctx, ctx, timeout, 0)
  return met.length > 0
}

/** Ends all as -ECANCELED, for closing the ring. Limits end with their requests. */
export function endAllTimeouts(tctx: Tctx, ctx: IoRingCtx): void {
  clearTimeout(ctx.alarm?.timer)
  ctx.alarm = undefined
  for (const timeout of ctx.timers?.timeouts() ?? []) endTimeout(tctx, ctx, timeout, -ECANCELED)
}

/** At the beginning of enter: what is up ends before anything else. */
export function expireFirst(tctx: Tctx, ctx: IoRingCtx): void {
  if (expire(tctx, ctx) === 0) return
  commitCq(ctx)
  endMet(tctx, ctx)
  if (ctx.drain.active) releaseHeld(tctx, ctx, ctx.nrInflight)
}

/** At the end of a call: sees to it that what is up next is noticed, on whatever ring of the thread. */
export function setAlarms(tctx: Tctx): void {
  for (const ctx of tctx.rings.values()) if (ctx.timers !== undefined) setAlarm(tctx, ctx)
}

/** Sees to it that what is up next is noticed. */
function setAlarm(tctx: Tctx, ctx: IoRingCtx): void {
  const dueMs = ctx.timers?.firstDueMs ?? Number.POSITIVE_INFINITY
  if (dueMs === Number.POSITIVE_INFINITY || ctx.dying || (ctx.alarm?.dueMs ?? dueMs + 1) <= dueMs) return
  clearTimeout(ctx.alarm?.timer)
  ctx.alarm = undefined
  const leftMs = dueMs - nowMs()
  if (leftMs <= 0 && isDeferred(ctx)) {
    tell(ctx)
    return
  }
  const timer = setTimeout(() => onAlarm(tctx, ctx), Math.min(Math.ceil(Math.max(leftMs, 0)), MAX_ALARM_MS))
  timer.unref()
  ctx.alarm = { dueMs, timer }
}

function onAlarm(tctx: Tctx, ctx: IoRingCtx): void {
  ctx.alarm = undefined
  if (ctx.dying) return
  if (!isDeferred(ctx)) runTaskWork(tctx, ctx, 0)
  setAlarm(tctx, ctx)
}

/** There is task work, which on a DEFER_TASKRUN ring waits for enter with GETEVENTS. */
function tell(ctx: IoRingCtx): void {
  const isTold = (fetchOr(ctx.words, SQ_FLAGS, IORING_SQ_TASKRUN) & IORING_SQ_TASKRUN) !== 0
  if (!isTold && ctx.eventfd >= 0 && !ctx.eventfdAsync) signalEventfd(ctx)
}
