/**
 * The commit point: the CQEs that were written become visible, and what waited for them is queued. Owner thread only.
 *
 * The order is the kernel's: the tail moves, then timeouts whose count is met end, then drains let go, as they do when
 * the requests of the batch are free. Counterpart: __io_submit_flush_completions, whose __io_commit_cqring_flush looks at
 * the timeouts; io_queue_deferred comes last.
 */
import { assert } from '../../../lib/assert.js'
import type { IoRingCtx } from '../state/ctx.js'
import type { Tctx } from '../state/tctx.js'
import { commitCq } from './cqring.js'
import { releaseHeld } from './drain.js'
import { endMet } from './timeouts.js'

/** Commits the CQ. True if task work was queued for it. Every request that has ended is free by now. */
export function flushCompletions(tctx: Tctx, ctx: IoRingCtx): boolean {
  commitCq(ctx)
  const isMet = endMet(tctx, ctx)
  const isReleased = ctx.drain.active && releaseHeld(tctx, ctx, ctx.nrInflight)
  // A drain waits for every timeout ahead of it, too: until that has come home, and it has only just set out.
  assert(!isMet || !isReleased, 'no drain lets go while a timeout that has met its count is in flight')
  return isMet || isReleased
}
