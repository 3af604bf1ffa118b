/**
 * Pushes a request on the ring's task-work queue, from the owner itself. Owner thread only.
 *
 * Workers do the same through io-wq (worker.ts). tw.ts runs task work. Counterpart: io_req_task_work_add.
 */
import { IORING_SQ_TASKRUN } from '../../../abi/constants.js'
import { fetchOr } from '../../../lib/barrier.js'
import { type IoRingCtx, isDeferred } from '../state/ctx.js'
import { R_TW } from '../state/req.js'
import type { Tctx } from '../state/tctx.js'
import { SQ_FLAGS } from '../state/words.js'
import { signalEventfd } from './eventfd.js'

/** Queues a request for the owner, from the owner itself. `kind` is TW_*. */
export function addTaskWork(tctx: Tctx, ctx: IoRingCtx, req: number, kind: number): void {
  tctx.nrPushed++
  tctx.wq.mem.words[tctx.wq.mem.payload(req) + R_TW] = kind
  if (!tctx.wq.pushTaskWork(req, ctx.id)) return
  fetchOr(ctx.words, SQ_FLAGS, IORING_SQ_TASKRUN)
  if (ctx.eventfd >= 0 && !ctx.eventfdAsync && isDeferred(ctx)) signalEventfd(ctx)
}
