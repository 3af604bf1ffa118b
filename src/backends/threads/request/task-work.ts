/**
 * Sending a request home: to the ring's task work, by the owner itself. Owner thread only.
 *
 * Workers do the same by the io-wq (worker.ts). What comes home is run by tw.ts. Counterpart: io_req_task_work_add.
 */
import { IORING_SQ_TASKRUN } from '../../../abi/constants.js'
import { fetchOr } from '../../../lib/barrier.js'
import { type IoRingCtx, isDeferred } from '../state/ctx.js'
import { RINGS, TW_COMPLETE } from '../state/layout.js'
import type { Tctx } from '../state/tctx.js'
import type { Timeout } from '../state/timers.js'
import { R_RES, R_TW } from './alloc.js'
import { signalEventfd } from './eventfd.js'

const SQ_FLAGS = RINGS.at.sq_flags >> 2

/** Queues a request for the owner, by the owner itself. `kind` is TW_*. */
export function addTaskWork(tctx: Tctx, ctx: IoRingCtx, req: number, kind: number): void {
  tctx.nrSentHome++
  tctx.wq.mem.words[tctx.wq.mem.payload(req) + R_TW] = kind
  if (!tctx.wq.pushHome(req, ctx.id)) return
  fetchOr(ctx.words, SQ_FLAGS, IORING_SQ_TASKRUN)
  if (ctx.eventfd >= 0 && !ctx.eventfdAsync && isDeferred(ctx)) signalEventfd(ctx)
}

/** Ends a timeout that is not up: `res` is its result, -ECANCELED or 0. */
export function endTimeout(tctx: Tctx, ctx: IoRingCtx, timeout: Timeout, res: number): void {
  const { mem } = tctx.wq
  ctx.timers?.remove(timeout)
  mem.words[mem.payload(timeout.req) + R_RES] = res
  addTaskWork(tctx, ctx, timeout.req, TW_COMPLETE)
}
