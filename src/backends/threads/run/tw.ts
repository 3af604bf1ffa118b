/**
 * Task work: what comes home to the owner. Workers and the owner push, the owner alone runs it.
 *
 * One mpscq a ring, in the io-wq's memory: requests that a worker finished, and requests whose turn in a chain has
 * come, in one FIFO. Pushing to an empty queue sets IORING_SQ_TASKRUN and signals the eventfd; a DEFER_TASKRUN ring runs
 * it only in enter with GETEVENTS. What is done with each, twdef.ts says. Counterpart: io_uring/tw.c. DIFFERS: on rings
 * without DEFER_TASKRUN, completions from workers wait for the owner too, and IORING_SQ_TASKRUN is set whether it was asked
 * for or not.
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
 * Returns the entries run. What a producer is still pushing stays for the next run.
 */
export function runTaskWork(tctx: Tctx, ctx: IoRingCtx, min: number): number {
  // Before the first pop: a push after it finds the flag clear and sets it again. Cleared though the queue be empty, for
  // a worker sets it after its push, when the owner may have popped already.
  if ((loadAcquire(ctx.words, SQ_FLAGS) & IORING_SQ_TASKRUN) !== 0) fetchAnd(ctx.words, SQ_FLAGS, ~IORING_SQ_TASKRUN)
  const nrUp = expire(tctx, ctx)
  if (nrUp === 0 && tctx.wq.isQueueEmpty(ctx.id)) return 0
  const most = isDeferred(ctx) && !ctx.dying ? Math.max(MAX_PER_RUN, min) : Number.POSITIVE_INFINITY
  let nrRun = nrUp
  do {
    nrRun += runEntries(tctx, ctx, most - nrRun)
    // What has ended may be what a drain or a count waited for: that comes next.
  } while (flushCompletions(tctx, ctx) && nrRun < most)
  if (!tctx.wq.isQueueEmpty(ctx.id)) fetchOr(ctx.words, SQ_FLAGS, IORING_SQ_TASKRUN)
  return nrRun
}

/** Takes entries off the queue until it is empty or `most` were run; returns how many. */
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
    // From here on it comes home from io-wq, if it goes there, to be completed.
    words[r + R_TW] = TW_COMPLETE
    twdef(tw)(tctx, ctx, req, r)
  }
  return nrRun
}

/** After a worker died it may have pushed without a signal: tells every ring that has something to run. */
export function tellAll(tctx: Tctx): void {
  for (const ctx of tctx.rings.values()) {
    if (tctx.wq.isQueueEmpty(ctx.id)) continue
    fetchOr(ctx.words, SQ_FLAGS, IORING_SQ_TASKRUN)
    if (ctx.eventfd >= 0) signalEventfd(ctx)
  }
}
