/**
 * Sleeping for min_complete: enter with GETEVENTS. Owner thread; it sleeps in a futex that workers wake.
 *
 * The answer is 0 whenever the CQ has something to read at the end, even after a timeout. Counterpart:
 * io_uring/wait.c.
 */
import { IORING_ENTER_ABS_TIMER, IORING_ENTER_EXT_ARG } from '../../abi/constants.js'
import { GETEVENTS_ARG } from '../../abi/structs.js'
import { nowMs } from '../../lib/clock.js'
import { EFAULT, EINVAL, ETIME } from '../../lib/errno.js'
import { CLOCK_MONOTONIC, clockMs } from '../../sys/clock.js'
import { copyIn, fromWords } from '../../sys/memory.js'
import { flushOverflow, nrReady } from './complete.js'
import type { IoRingCtx, Tctx } from './ctx.js'
import { runTaskWork } from './tw.js'

const timespec = new Uint8Array(16)
const timespecView = new DataView(timespec.buffer)

/** When a wait ends, by nowMs(); Infinity without a timeout. `error` is -errno. */
export function parseWaitArg(flags: number, arg: Uint8Array | undefined): number | { error: number } {
  if ((flags & IORING_ENTER_EXT_ARG) === 0 || arg === undefined) return Number.POSITIVE_INFINITY
  if (arg.byteLength !== GETEVENTS_ARG.size) return { error: -EINVAL }
  const view = new DataView(arg.buffer, arg.byteOffset, arg.byteLength)
  const word = (at: number) => view.getInt32(at, true)
  // DIFFERS: no signal is delivered to JavaScript while it waits, and the minimum wait is not there yet.
  const { sigmask, min_wait_usec: minWait, ts } = GETEVENTS_ARG.at
  if (word(sigmask) !== 0 || word(sigmask + 4) !== 0 || word(minWait) !== 0) return { error: -EINVAL }
  const address = fromWords(word(ts), word(ts + 4))
  if (address === 0) return Number.POSITIVE_INFINITY
  if (copyIn(address, timespec) !== timespec.byteLength) return { error: -EFAULT }
  const ms = Number(timespecView.getBigInt64(0, true)) * 1000 + Number(timespecView.getBigInt64(8, true)) / 1e6
  return nowMs() + ms - ((flags & IORING_ENTER_ABS_TIMER) !== 0 ? clockMs(CLOCK_MONOTONIC) : 0)
}

/**
 * Waits until `min` completions are there, the end has come, or a timeout was up or met its count since there were
 * `nrEvents` of these. 0, or -ETIME with nothing to read.
 */
export function waitCq(tctx: Tctx, ctx: IoRingCtx, min: number, endMs: number, nrEvents: number): number {
  const wanted = Math.min(min, ctx.cqEntries)
  for (;;) {
    const nrRun = runTaskWork(tctx, ctx, wanted)
    flushOverflow(ctx)
    const ready = nrReady(ctx)
    if (ready >= wanted || nrTimeoutEvents(ctx) !== nrEvents) return 0
    // A pass that ran something may have queued more; only an empty queue is a reason to sleep.
    if (nrRun > 0 && !tctx.wq.isQueueEmpty(ctx.id)) continue
    const left = endMs === Number.POSITIVE_INFINITY ? endMs : endMs - nowMs()
    if (left <= 0) return ready > 0 ? 0 : -ETIME
    const untilUp = (ctx.timers?.firstDueMs ?? Number.POSITIVE_INFINITY) - nowMs()
    if (untilUp <= 0) continue
    tctx.wq.sleep(Math.min(left, untilUp), wanted - ready, () => !tctx.wq.isQueueEmpty(ctx.id))
  }
}

/** Timeouts of a ring that were up, or met their count. */
export function nrTimeoutEvents(ctx: IoRingCtx): number {
  return ctx.timers?.nrEvents ?? 0
}
