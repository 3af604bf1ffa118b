/**
 * The commit point: written CQEs become visible, and requests that waited for them are queued. Owner thread only.
 *
 * The order is the kernel's: the tail moves; then timeouts end whose count is met; then deferred requests are queued,
 * since the requests of the batch are free. Counterpart: __io_submit_flush_completions, whose __io_commit_cqring_flush
 * checks the timeouts; io_queue_deferred comes last.
 */
import { assert } from '../../../lib/assert.js'
import type { IoRingCtx } from '../state/ctx.js'
import type { Tctx } from '../state/tctx.js'
import { commitCq } from './cqring.js'
import { queueDeferred } from './drain.js'
import { endMet } from './timeouts.js'

/** Commits the CQ. True if it queued task work. Every request that has ended must be free by now. */
export function flushCompletions(tctx: Tctx, ctx: IoRingCtx): boolean {
  commitCq(ctx)
  const isMet = endMet(tctx, ctx)
  const isReleased = ctx.drain.active && queueDeferred(tctx, ctx, ctx.nrInflight)
  // A drain waits for every timeout ahead of it too, until that timeout's task work has run, and it was only just
  // queued.
  assert(!isMet || !isReleased, 'no drain lets go while a timeout that has met its count is in flight')
  return isMet || isReleased
}
