/**
 * Ends timeouts that are not up: removed, cancelled, or with their count met. Owner thread only.
 *
 * They end through task work. wait/expiry.ts ends those that are up. Counterpart: io_kill_timeout, io_flush_timeouts,
 * io_kill_timeouts.
 */
import { ECANCELED } from '../../../lib/errno.js'
import type { IoRingCtx } from '../state/ctx.js'
import { TW_COMPLETE } from '../state/layout.js'
import { R_RES } from '../state/req.js'
import type { Tctx } from '../state/tctx.js'
import type { Timeout } from '../state/timers.js'
import { committedTail } from './cqring.js'
import { addTaskWork } from './task-work.js'

/** Ends a timeout that is not up: `res` is its result, -ECANCELED or 0. */
export function endTimeout(tctx: Tctx, ctx: IoRingCtx, timeout: Timeout, res: number): void {
  const { mem } = tctx.wq
  ctx.timers?.remove(timeout)
  mem.words[mem.payload(timeout.req) + R_RES] = res
  addTaskWork(tctx, ctx, timeout.req, TW_COMPLETE)
}

/** Ends timeouts whose count the committed CQEs have met. True if there was any. */
export function endMet(tctx: Tctx, ctx: IoRingCtx): boolean {
  if (ctx.timers === undefined) return false
  const met = ctx.timers.met(committedTail(ctx))
  for (const timeout of met) endTimeout(tctx, ctx, timeout, 0)
  return met.length > 0
}

/** Ends all as -ECANCELED, for closing the ring. Linked timeouts end with their requests. */
export function endAllTimeouts(tctx: Tctx, ctx: IoRingCtx): void {
  for (const timeout of ctx.timers?.timeouts() ?? []) endTimeout(tctx, ctx, timeout, -ECANCELED)
}
