/**
 * The end of a request whose result is known. Owner thread only.
 *
 * Counterpart: io_req_complete_defer, and what __io_submit_flush_completions does for each request.
 */
import type { IoRingCtx } from '../state/ctx.js'
import { R_RES, setFail } from '../state/req.js'
import type { Tctx } from '../state/tctx.js'
import { freeReq } from './alloc.js'
import { post } from './cqring.js'
import { disarmNext } from './link.js'

/** Ends a request whose `res` is set: its chain goes on or fails, its CQE is written, its record is freed. */
export function finish(tctx: Tctx, ctx: IoRingCtx, req: number, r: number, hasFailed: boolean): void {
  const { words } = tctx.wq.mem
  if (hasFailed) setFail(words, r, words[r + R_RES]!)
  disarmNext(tctx, ctx, r, false)
  post(tctx, ctx, r)
  freeReq(tctx, ctx, req)
}
