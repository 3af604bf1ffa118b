/**
 * Sleeping for min_complete: enter with GETEVENTS. Owner thread; it sleeps in a futex that workers wake.
 *
 * The result is 0 whenever the CQ has a completion at the end, even after a timeout. Counterpart: io_uring/wait.c.
 */
import { IORING_ENTER_ABS_TIMER, IORING_ENTER_EXT_ARG } from '../../../abi/constants.js'
import { CLOCK_MONOTONIC } from '../../../abi/process.js'
import { GETEVENTS_ARG } from '../../../abi/structs.js'
import { assert, VERIFY } from '../../../lib/assert.js'
import { nowMs } from '../../../lib/clock.js'
import { EFAULT, EINVAL, ETIME } from '../../../lib/errno.js'
import { dataViewOf, lengthOf } from '../../../lib/views.js'
import { clockMs } from '../../../sys/clock.js'
import { copyIn, fromWords } from '../../../sys/memory.js'
import { committedTail, flushOverflow, nrReady } from '../request/cqring.js'
import { flushCompletions } from '../request/flush.js'
import { type IoRingCtx, isDeferred } from '../state/ctx.js'
import type { Tctx } from '../state/tctx.js'
import { runTaskWork } from './tw.js'

const timespec = new Uint8Array(16)
const timespecView = new DataView(timespec.buffer)

/** The ends of a wait, by nowMs(). */
export interface WaitEnds {
  /** Infinity without a timeout. */
  readonly endMs: number
  /** Until then the wait is for all completions, and then for one; undefined: for all to the end. */
  readonly minEndMs: number | undefined
}

const NEVER: WaitEnds = { endMs: Number.POSITIVE_INFINITY, minEndMs: undefined }

/** The ends of the wait from enter's argument, or -errno. */
export function parseWaitArg(flags: number, arg: Uint8Array | undefined): WaitEnds | number {
  if ((flags & IORING_ENTER_EXT_ARG) === 0 || arg === undefined) return NEVER
  if (lengthOf(arg) !== GETEVENTS_ARG.size) return -EINVAL
  const view = dataViewOf(arg)
  const word = (at: number) => view.getInt32(at, true)
  const { sigmask, min_wait_usec: minWait, ts } = GETEVENTS_ARG.at
  // DIFFERS: JavaScript receives no signal while it waits, so a signal mask is refused.
  if (word(sigmask) !== 0 || word(sigmask + 4) !== 0) return -EINVAL
  const now = nowMs()
  const minEndMs = word(minWait) === 0 ? undefined : now + view.getUint32(minWait, true) / 1000
  const address = fromWords(word(ts), word(ts + 4))
  if (address === 0) return { endMs: Number.POSITIVE_INFINITY, minEndMs }
  if (copyIn(address, timespec) !== timespec.length) return -EFAULT
  const ms = Number(timespecView.getBigInt64(0, true)) * 1000 + Number(timespecView.getBigInt64(8, true)) / 1e6
  return { endMs: now + ms - ((flags & IORING_ENTER_ABS_TIMER) !== 0 ? clockMs(CLOCK_MONOTONIC) : 0), minEndMs }
}

/**
 * Waits until `min` completions are there, the end has come, or more than `nrEvents` timeouts of this ring were up or
 * met their count. 0, or -ETIME if there is no completion.
 */
export function waitCq(tctx: Tctx, ctx: IoRingCtx, min: number, ends: WaitEnds, nrEvents: number): number {
  let wanted = Math.min(min, ctx.cqEntries)
  let endMs = ends.minEndMs ?? ends.endMs
  let sleptOn = false
  for (;;) {
    const nrRun = sleptOn && VERIFY ? runVerified(tctx, ctx, wanted) : runAll(tctx, ctx, wanted)
    sleptOn = false
    flushOverflow(ctx)
    // The flush may have met a count: that is task work now.
    if (flushCompletions(tctx, ctx)) continue
    const ready = nrReady(ctx)
    if (ready >= wanted || nrTimeoutEvents(ctx) !== nrEvents) return 0
    // A pass that ran something may have queued more; only an empty queue is a reason to sleep.
    if (nrRun > 0 && hasTaskWork(tctx, ctx)) continue
    const now = nowMs()
    if (endMs <= now) {
      if (ready > 0) return 0
      // The minimum is over without a completion. If there is no other end, the wait is over.
      if (ends.endMs === Number.POSITIVE_INFINITY || ends.endMs <= now) return -ETIME
      endMs = ends.endMs
      wanted = 1
      continue
    }
    const untilUp = firstDueMs(tctx, ctx) - now
    if (untilUp <= 0) continue
    const nrToWake = Math.min(wanted - ready, nrToAwait(tctx, ctx))
    sleptOn = tctx.wq.sleep(Math.min(endMs - now, untilUp), nrToWake, () => hasTaskWork(tctx, ctx))
  }
}

/**
 * How many more items, at least, must become task work before anything else goes on: a deferred request, a timeout with
 * a count, or another ring, whose next completion this one may wait for. Members of chains wake by themselves.
 */
function nrToAwait(tctx: Tctx, ctx: IoRingCtx): number {
  let nr = Number.POSITIVE_INFINITY
  if (ctx.drain.nrDeferred > 0) nr = Math.max(1, ctx.nrInflight - ctx.drain.nrDeferred)
  if (ctx.timers !== undefined) nr = Math.min(nr, ctx.timers.nrToMeet(committedTail(ctx)))
  if (tctx.rings.size === 1 || nr === 1) return nr
  for (const ring of tctx.rings.values()) if (ring !== ctx && !isDeferred(ring) && ring.nrInflight > 0) return 1
  return nr
}

/** runAll after a sleep beside task work. All of it must be completions for this ring. */
function runVerified(tctx: Tctx, ctx: IoRingCtx, wanted: number): number {
  const { nrPushed } = tctx
  const dueMs = firstDueMs(tctx, ctx)
  const nrRun = runTaskWork(tctx, ctx, wanted)
  const nrElsewhere = runOthers(tctx, ctx)
  // A timeout that was up just now may have queued anything.
  const isQuiet = nowMs() < dueMs
  assert(
    !isQuiet || (nrElsewhere === 0 && tctx.nrPushed === nrPushed),
    'no wait sleeps on when what is at home lets something go',
  )
  return nrRun + nrElsewhere
}

/**
 * Runs the task work of the ring, and of the thread's other rings that require no enter for it. Returns the entries
 * run.
 */
export function runAll(tctx: Tctx, ctx: IoRingCtx, wanted: number): number {
  const nrRun = runTaskWork(tctx, ctx, wanted)
  return nrRun + runOthers(tctx, ctx)
}

function runOthers(tctx: Tctx, ctx: IoRingCtx): number {
  if (tctx.rings.size === 1) return 0
  let nrRun = 0
  for (const ring of tctx.rings.values()) if (ring !== ctx && !isDeferred(ring)) nrRun += runTaskWork(tctx, ring, 0)
  return nrRun
}

export function hasTaskWork(tctx: Tctx, ctx: IoRingCtx): boolean {
  if (!tctx.wq.isQueueEmpty(ctx.id)) return true
  if (tctx.rings.size === 1) return false
  for (const ring of tctx.rings.values()) if (!isDeferred(ring) && !tctx.wq.isQueueEmpty(ring.id)) return true
  return false
}

/** When the first timeout is up that a wait must end for. Infinity for none. */
export function firstDueMs(tctx: Tctx, ctx: IoRingCtx): number {
  let first = ctx.timers?.firstDueMs ?? Number.POSITIVE_INFINITY
  if (tctx.rings.size === 1) return first
  for (const ring of tctx.rings.values()) {
    if (!isDeferred(ring)) first = Math.min(first, ring.timers?.firstDueMs ?? Number.POSITIVE_INFINITY)
  }
  return first
}

/** Timeouts of a ring that were up, or met their count. */
export function nrTimeoutEvents(ctx: IoRingCtx): number {
  return ctx.timers?.nrEvents ?? 0
}
