/**
 * IOSQE_IO_DRAIN: defers requests until all before them have ended. Owner thread only.
 *
 *   deferred:   D-m-m | n n n-m n | D | D | n      oldest first; the head of a chain stands for its members
 *
 * Once a drain was seen, every new request is deferred, because it may stand behind one. When every allocated request
 * is deferred, all requests up to the next bar are queued: one that drains, or any number that do not. They go through
 * task work to io-wq. Deferring ends with the first request that does not drain and need not wait. Counterpart:
 * io_init_drain, io_drain_req, io_queue_deferred, io_cancel_defer_files.
 */
import { IOSQE_ASYNC, IOSQE_CQE_SKIP_SUCCESS, IOSQE_IO_DRAIN } from '../../../abi/constants.js'
import { ECANCELED, EOPNOTSUPP } from '../../../lib/errno.js'
import { NONE } from '../../../lib/mpscq.js'
import type { Drain, IoRingCtx } from '../state/ctx.js'
import { TW_COMPLETE, TW_SUBMIT } from '../state/layout.js'
import { R_LINK, R_SQE_FLAGS, setFail } from '../state/req.js'
import type { Tctx } from '../state/tctx.js'
import { addTaskWork } from './task-work.js'

/** A new request's flags ask for a drain, or rule drains out. 0, or -EOPNOTSUPP for a drain that comes too late. */
export function initDrain(tctx: Tctx, ctx: IoRingCtx, flags: number): number {
  const { drain } = ctx
  if ((flags & IOSQE_CQE_SKIP_SUCCESS) !== 0) drain.refused = true
  if ((flags & IOSQE_IO_DRAIN) === 0) return 0
  if (drain.refused) return -EOPNOTSUPP
  drain.active = true
  if (ctx.linkHead === NONE) return 0
  // Members run one after another, so the chain waits as a whole. The request behind the chain must not run beside it.
  drain.next = true
  addFlags(tctx, tctx.wq.mem.payload(ctx.linkHead), IOSQE_IO_DRAIN | IOSQE_ASYNC)
  return 0
}

/**
 * While a drain is active, a new request runs in io-wq when its turn has come. It drains if it is the one behind a
 * chain.
 */
export function markDeferred(tctx: Tctx, ctx: IoRingCtx, r: number): void {
  const isNext = ctx.drain.next && ctx.linkHead === NONE
  if (isNext) ctx.drain.next = false
  addFlags(tctx, r, isNext ? IOSQE_IO_DRAIN | IOSQE_ASYNC : IOSQE_ASYNC)
}

function addFlags(tctx: Tctx, r: number, flags: number): void {
  const { words } = tctx.wq.mem
  words[r + R_SQE_FLAGS] = words[r + R_SQE_FLAGS]! | flags
}

/** Defers a prepared request, or a chain by its head. It may be queued at once. For `nrAllocated` see queueDeferred. */
export function deferReq(tctx: Tctx, ctx: IoRingCtx, req: number, nrAllocated: number): void {
  const { drain } = ctx
  drain.deferred.push(req)
  drain.nrDeferred += nrLinked(tctx, req)
  queueDeferred(tctx, ctx, nrAllocated)
  if (drain.nrDeferred === 0 && !drains(tctx, req)) drain.active = false
}

/**
 * Queues the deferred requests whose turn has come as task work; true if there was any. `nrAllocated` counts the
 * requests that are not free. During a batch it also counts those that ended in it, which are free when its CQEs are
 * committed.
 */
export function queueDeferred(tctx: Tctx, ctx: IoRingCtx, nrAllocated: number): boolean {
  const { drain } = ctx
  if (drain.nrDeferred === 0 || drain.nrDeferred !== nrAllocated) return false
  const isAlone = drains(tctx, drain.deferred.first!)
  addTaskWork(tctx, ctx, takeFirst(tctx, drain), TW_SUBMIT)
  // A request that drains keeps all behind it deferred until it is free; any number of others may go together.
  while (!isAlone && drain.nrDeferred > 0 && !drains(tctx, drain.deferred.first!)) {
    addTaskWork(tctx, ctx, takeFirst(tctx, drain), TW_SUBMIT)
  }
  return true
}

/** Ends all deferred requests as -ECANCELED, for closing the ring. */
export function cancelDeferred(tctx: Tctx, ctx: IoRingCtx): void {
  const { drain } = ctx
  while (drain.nrDeferred > 0) {
    const req = takeFirst(tctx, drain)
    setFail(tctx.wq.mem.words, tctx.wq.mem.payload(req), -ECANCELED)
    addTaskWork(tctx, ctx, req, TW_COMPLETE)
  }
}

function takeFirst(tctx: Tctx, drain: Drain): number {
  const req = drain.deferred.shift()!
  drain.nrDeferred -= nrLinked(tctx, req)
  return req
}

function drains(tctx: Tctx, req: number): boolean {
  return (tctx.wq.mem.words[tctx.wq.mem.payload(req) + R_SQE_FLAGS]! & IOSQE_IO_DRAIN) !== 0
}

/** The number of requests of a chain, from its head on. */
function nrLinked(tctx: Tctx, head: number): number {
  const { mem } = tctx.wq
  let nr = 0
  for (let req = head; req !== NONE; req = mem.words[mem.payload(req) + R_LINK]!) nr++
  return nr
}
