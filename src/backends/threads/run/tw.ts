/**
 * Task work. Workers and the owner push it; only the owner runs it.
 *
 * Each ring has one mpscq in the io-wq's memory, with requests that a worker finished and requests whose turn in a
 * chain has come, in one FIFO. A push to an empty queue sets IORING_SQ_TASKRUN and signals the eventfd; a DEFER_TASKRUN
 * ring runs it only in enter with GETEVENTS. twdef.ts has an action for each kind. Counterpart: io_uring/tw.c. DIFFERS:
 * on rings without DEFER_TASKRUN, completions from workers wait for the owner too, and IORING_SQ_TASKRUN is set whether
 * it was asked for or not.
 */
import { IORING_SQ_TASKRUN } from '../../../abi/constants.js'
import { fetchAnd, fetchOr, loadAcquire } from '../../../lib/barrier.js'
import { NONE } from '../../../lib/mpscq.js'
import { signalEventfd } from '../request/eventfd.js'
import { flushCompletions } from '../request/flush.js'
import { type IoRingCtx, isDeferred } from '../state/ctx.js'
import { TW_COMPLETE } from '../state/layout.js'
import { R_TW } from '../state/req.js'
import type { Tctx } from '../state/tctx.js'
import { SQ_FLAGS } from '../state/words.js'
import { expire } from '../wait/expiry.js'
import { twdef } from './twdef.js'

/** The most entries a DEFER_TASKRUN ring runs at a time, unless more completions are asked for. */
const MAX_PER_RUN = 20

/**
 * Runs a ring's task work and commits its CQ: all of it, or on a DEFER_TASKRUN ring at most max(20, `min`) entries.
 * Returns the entries run. An unfinished push stays for the next run.
 */
export function runTaskWork(tctx: Tctx, ctx: IoRingCtx, min: number): number {
  // Cleared before the first pop: a later push finds the flag clear and sets it again. Cleared even if the queue is
  // empty: a worker sets it after its push, when the owner may have popped already.
  if ((loadAcquire(ctx.words, SQ_FLAGS) & IORING_SQ_TASKRUN) !== 0) fetchAnd(ctx.words, SQ_FLAGS, ~IORING_SQ_TASKRUN)
  const nrUp = expire(tctx, ctx)
  if (nrUp === 0 && tctx.wq.isQueueEmpty(ctx.id)) return 0
  const most = isDeferred(ctx) && !ctx.dying ? Math.max(MAX_PER_RUN, min) : Number.POSITIVE_INFINITY
  let nrRun = nrUp
  do {
    nrRun += runEntries(tctx, ctx, most - nrRun)
    // A drain or a count may have waited for the requests that ended: its task work comes next.
  } while (flushCompletions(tctx, ctx) && nrRun < most)
  if (!tctx.wq.isQueueEmpty(ctx.id)) fetchOr(ctx.words, SQ_FLAGS, IORING_SQ_TASKRUN)
  return nrRun
}

/** Runs entries until the queue is empty or `most` were run; returns how many. */
function runEntries(tctx: Tctx, ctx: IoRingCtx, most: number): number {
  const { wq } = tctx
  const { words } = wq.mem
  let nrRun = 0
  while (nrRun < most) {
    const req = wq.popTaskWork(ctx.id)
    if (req === NONE) break
    nrRun++
    const r = wq.mem.payload(req)
    const tw = words[r + R_TW]!
    // If it goes to io-wq now, its next task work completes it.
    words[r + R_TW] = TW_COMPLETE
    twdef(tw)(tctx, ctx, req, r)
  }
  return nrRun
}

/** A dead worker may have pushed without a signal: signals every ring that has task work. */
export function tellAll(tctx: Tctx): void {
  for (const ctx of tctx.rings.values()) {
    if (tctx.wq.isQueueEmpty(ctx.id)) continue
    fetchOr(ctx.words, SQ_FLAGS, IORING_SQ_TASKRUN)
    if (ctx.eventfd >= 0) signalEventfd(ctx)
  }
}
