/**
 * A ring as a plain object, for bug reports. Owner thread; reads only.
 *
 * Counterpart: io_uring/fdinfo.c, what /proc/PID/fdinfo/FD shows for a ring.
 */
import { loadAcquire } from '../../lib/barrier.js'
import type { IoRingCtx, Tctx } from './ctx.js'
import { RINGS } from './layout.js'

export interface Fdinfo {
  sqEntries: number
  cqEntries: number
  sqHead: number
  sqTail: number
  cqHead: number
  cqTail: number
  sqFlags: number
  sqDropped: number
  nrOverflowed: number
  nrInflight: number
  setupFlags: number
  /** Items queued in this thread's io-wq, its live workers by account, and workers ever made. */
  nrQueued: number
  workers: [bound: number, unbound: number]
  nrWorkersCreated: number
}

export function fdinfo(tctx: Tctx, ctx: IoRingCtx): Fdinfo {
  const word = (offset: number) => loadAcquire(ctx.words, offset >> 2) >>> 0
  const counts = tctx.wq.counts()
  return {
    sqEntries: ctx.sqEntries,
    cqEntries: ctx.cqEntries,
    sqHead: word(RINGS.at.sq_head),
    sqTail: word(RINGS.at.sq_tail),
    cqHead: word(RINGS.at.cq_head),
    cqTail: word(RINGS.at.cq_tail),
    sqFlags: word(RINGS.at.sq_flags),
    sqDropped: word(RINGS.at.sq_dropped),
    nrOverflowed: ctx.overflow.length / 4,
    nrInflight: ctx.nrInflight,
    setupFlags: ctx.setupFlags,
    nrQueued: counts.queued,
    workers: counts.workers,
    nrWorkersCreated: counts.created,
  }
}
