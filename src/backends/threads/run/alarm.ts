/**
 * The alarm of a ring: a timer of the thread's event loop for its first timeout, while the owner is not in enter. Owner
 * thread only.
 *
 * It runs the ring's task work, which ends timeouts that are up; on a DEFER_TASKRUN ring it only sets the flag. No
 * counterpart: the kernel's hrtimers interrupt.
 */
import { IORING_SQ_TASKRUN } from '../../../abi/constants.js'
import { fetchOr } from '../../../lib/barrier.js'
import { nowMs } from '../../../lib/clock.js'
import { clearTimeout, setTimeout } from '../../../lib/globals.js'
import { signalEventfd } from '../request/eventfd.js'
import { type IoRingCtx, isDeferred } from '../state/ctx.js'
import type { Tctx } from '../state/tctx.js'
import { SQ_FLAGS } from '../state/words.js'
import { runTaskWork } from './tw.js'

/** setTimeout's longest time. */
const MAX_ALARM_MS = 2 ** 31 - 1

/** At the end of a call: sets the alarm for the next timeout of every ring of the thread. */
export function setAlarms(tctx: Tctx): void {
  for (const ctx of tctx.rings.values()) if (ctx.timers !== undefined) setAlarm(tctx, ctx)
}

/** Sets a ring's alarm for its next timeout. */
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

/** For closing the ring. */
export function dropAlarm(ctx: IoRingCtx): void {
  clearTimeout(ctx.alarm?.timer)
  ctx.alarm = undefined
}

function onAlarm(tctx: Tctx, ctx: IoRingCtx): void {
  ctx.alarm = undefined
  if (ctx.dying) return
  if (!isDeferred(ctx)) runTaskWork(tctx, ctx, 0)
  setAlarm(tctx, ctx)
}

/** There is task work: a DEFER_TASKRUN ring leaves it to enter with GETEVENTS. */
function tell(ctx: IoRingCtx): void {
  const isTold = (fetchOr(ctx.words, SQ_FLAGS, IORING_SQ_TASKRUN) & IORING_SQ_TASKRUN) !== 0
  if (!isTold && ctx.eventfd >= 0 && !ctx.eventfdAsync) signalEventfd(ctx)
}
