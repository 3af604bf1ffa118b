/**
 * Closes a ring. Owner thread only.
 *
 * Counterpart: io_ring_ctx_wait_and_kill, io_ring_exit_work.
 */
import { setTimeout } from '../../../lib/globals.js'
import { closeAdopted } from '../../../sys/thread-fd.js'
import { cancelDeferred } from '../request/drain.js'
import { dropEventfd } from '../request/eventfd.js'
import { endAllTimeouts } from '../request/timeouts.js'
import type { IoRingCtx } from '../state/ctx.js'
import type { Tctx } from '../state/tctx.js'
import { cancelAll } from '../wait/cancel.js'
import { dropAlarm } from './alarm.js'
import { verifyAtRest } from './at-rest.js'
import { runTaskWork } from './tw.js'

/** How often the owner checks a closed ring whose requests still run. */
const DYING_MS = 5

/**
 * Returns at once. Deferred requests, timeouts, and requests in io-wq are cancelled or notified. The ring's record is
 * freed when its last request has ended.
 */
export function closeRing(tctx: Tctx, ctx: IoRingCtx): void {
  ctx.dying = true
  dropEventfd(tctx, ctx)
  cancelDeferred(tctx, ctx)
  dropAlarm(ctx)
  endAllTimeouts(tctx, ctx)
  cancelAll(tctx, ctx)
  tctx.detach(ctx)
  closeAdopted(ctx.fd)
  reap(tctx, ctx)
}

/** A closed ring keeps its index until its last request has ended. */
function reap(tctx: Tctx, ctx: IoRingCtx): void {
  runTaskWork(tctx, ctx, 0)
  if (ctx.nrInflight === 0) {
    tctx.byId[ctx.id] = undefined
    verifyAtRest(tctx, ctx)
    return
  }
  setTimeout(() => reap(tctx, ctx), DYING_MS).unref()
}
