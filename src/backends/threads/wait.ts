/**
 * Sleeping for min_complete: enter with GETEVENTS. Owner thread; it sleeps in a futex that workers wake.
 *
 * The answer is 0 whenever the CQ has something to read at the end, even after a timeout. Counterpart:
 * io_uring/wait.c.
 */
import { IORING_ENTER_ABS_TIMER, IORING_ENTER_EXT_ARG } from '../../abi/constants.js'
import { GETEVENTS_ARG } from '../../abi/structs.js'
import { EFAULT, EINVAL, ETIME } from '../../lib/errno.js'
import { copyIn, fromWords } from '../../sys/memory.js'
import { flushOverflow, nrReady } from './complete.js'
import type { IoRingCtx, Tctx } from './ctx.js'
import { runTaskWork } from './tw.js'

const timespec = new Uint8Array(16)
const timespecView = new DataView(timespec.buffer)

/** When a wait ends, in milliseconds of CLOCK_MONOTONIC; Infinity without a timeout. `error` is -errno. */
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
  return (flags & IORING_ENTER_ABS_TIMER) !== 0 ? ms : monotonicMs() + ms
}

/** CLOCK_MONOTONIC, the clock that absolute timeouts are in. */
function monotonicMs(): number {
  const [seconds, ns] = process.hrtime()
  return seconds * 1000 + ns / 1e6
}

/** Waits until `min` completions are there or the end has come. 0, or -ETIME with nothing to read. */
export function waitCq(tctx: Tctx, ctx: IoRingCtx, min: number, endMs: number): number {
  const wanted = Math.min(min, ctx.cqEntries)
  for (;;) {
    const nrRun = runTaskWork(tctx, ctx, wanted)
    flushOverflow(ctx)
    const ready = nrReady(ctx)
    if (ready >= wanted) return 0
    // A pass that ran something may have queued more; only an empty queue is a reason to sleep.
    if (nrRun > 0 && !tctx.wq.isQueueEmpty(ctx.id)) continue
    const left = endMs === Number.POSITIVE_INFINITY ? endMs : endMs - monotonicMs()
    if (left <= 0) return ready > 0 ? 0 : -ETIME
    tctx.wq.sleep(left, wanted - ready, () => !tctx.wq.isQueueEmpty(ctx.id))
  }
}
