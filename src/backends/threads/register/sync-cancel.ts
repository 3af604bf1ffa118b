/**
 * IORING_REGISTER_SYNC_CANCEL: cancels without a request, and waits for the end of a running one. Owner thread only.
 *
 * It waits for a single request alone; with ALL or ANY it only notifies running ones. Counterpart: io_sync_cancel.
 */
import { SYNC_CANCEL_REG } from '../../../abi/structs.js'
import { loadAcquire } from '../../../lib/barrier.js'
import { nowMs } from '../../../lib/clock.js'
import { EALREADY, EFAULT, EINVAL, ENOENT, ETIME } from '../../../lib/errno.js'
import { dataViewOf } from '../../../lib/views.js'
import { ITEM_RUNNING, ITEM_STATE_MASK } from '../../../wq/layout.js'
import { STATE } from '../../../wq/words.js'
import { runTaskWork } from '../run/tw.js'
import { firstDueMs, hasTaskWork, runAll } from '../run/wait.js'
import { type IoRingCtx, isDeferred } from '../state/ctx.js'
import type { Tctx } from '../state/tctx.js'
import { CANCEL_FLAGS, cancelBy } from '../wait/cancel.js'

/** 0, or a count with ALL; -ENOENT, -ETIME, -EBADF, -EINVAL. With 0 the cancelled request has ended. */
export function syncCancel(tctx: Tctx, ctx: IoRingCtx, arg: Uint8Array | null, nrArgs: number): number {
  if (arg === null || nrArgs !== 1) return -EINVAL
  if (arg.length < SYNC_CANCEL_REG.size) return -EFAULT
  const view = dataViewOf(arg)
  const { at } = SYNC_CANCEL_REG
  const flags = view.getUint32(at.flags, true)
  const hasPads = arg.subarray(at.pad, SYNC_CANCEL_REG.size).some((b) => b !== 0)
  if (hasPads || (flags & ~CANCEL_FLAGS) !== 0) return -EINVAL
  const criteria = {
    flags,
    userDataLow: view.getInt32(at.addr, true),
    userDataHigh: view.getInt32(at.addr + 4, true),
    fd: view.getInt32(at.fd, true),
    opcode: view.getUint8(at.opcode),
  }
  const [seconds, ns] = [view.getBigInt64(at.timeout_tv_sec, true), view.getBigInt64(at.timeout_tv_nsec, true)]
  const endMs =
    seconds === -1n && ns === -1n ? Number.POSITIVE_INFINITY : nowMs() + Number(seconds) * 1000 + Number(ns) / 1e6
  const taken: number[] = []
  let res = cancelBy(tctx, ctx, criteria, taken)
  for (const item of taken) while (isRunning(tctx, item)) runWhatComesHome(tctx, ctx, Number.POSITIVE_INFINITY)
  while (res === -EALREADY) {
    const leftMs = endMs - nowMs()
    if (leftMs <= 0) return -ETIME
    runWhatComesHome(tctx, ctx, leftMs)
    res = cancelBy(tctx, ctx, criteria)
    if (res === -ENOENT) res = 0
  }
  if (!isDeferred(ctx)) runTaskWork(tctx, ctx, 0)
  return res
}

function runWhatComesHome(tctx: Tctx, ctx: IoRingCtx, timeoutMs: number): void {
  const untilUp = firstDueMs(tctx, ctx) - nowMs()
  tctx.wq.sleep(Math.max(0, Math.min(timeoutMs, untilUp)), 1, () => hasTaskWork(tctx, ctx))
  runAll(tctx, ctx, 0)
}

function isRunning(tctx: Tctx, item: number): boolean {
  const { mem } = tctx.wq
  return (loadAcquire(mem.words, mem.item(item) + STATE) & ITEM_STATE_MASK) === ITEM_RUNNING
}
