/**
 * The workers of a ring's thread: their processors, their number, and the end of their work. Runs on the thread of the
 * ring; register.ts has the rules for every call.
 *
 * Counterpart: io_uring_register_iowq_aff, _iowq_max_workers and _sync_cancel of liburing.
 */
import * as abi from '../../abi/constants.js'
import { SYNC_CANCEL_REG } from '../../abi/structs.js'
import { nowMs } from '../../lib/clock.js'
import { ENOENT, ETIME } from '../../lib/errno.js'
import { lengthOf } from '../../lib/views.js'
import type { Ring } from '../ring.js'
import { sliceMs } from '../wait.js'
import { Fields } from './fields.js'

/**
 * Sets the processors of this thread's workers: bit n of `mask` is processor n. It applies to workers made later, until
 * the thread's last ring is closed.
 *
 * -EINVAL for processors that this thread may not use. Since Linux 5.14.
 */
export function registerIowqAff(ring: Ring, mask: Uint8Array): number {
  return ring.register(abi.IORING_REGISTER_IOWQ_AFF, mask, lengthOf(mask))
}

/** Back to all processors. Since Linux 5.14. */
export function unregisterIowqAff(ring: Ring): number {
  return ring.register(abi.IORING_UNREGISTER_IOWQ_AFF, null, 0)
}

/**
 * Limits the workers of this thread, bounded (files) and unbounded (the rest). 0 keeps a limit. The previous limits are
 * written to `limits`; they apply to all rings of the thread. Since Linux 5.15.
 */
export function registerIowqMaxWorkers(ring: Ring, limits: Uint32Array): number {
  return ring.register(abi.IORING_REGISTER_IOWQ_MAX_WORKERS, limits, lengthOf(limits) >> 2)
}

/** Which requests to cancel, and how long to wait for those that are running. */
export interface SyncCancelOptions {
  /** user_data, 64 bits. Default 0. */
  readonly userData?: bigint
  /** With IORING_ASYNC_CANCEL_FD: the file. Default -1. */
  readonly fd?: number
  /** With IORING_ASYNC_CANCEL_OP: the operation. */
  readonly opcode?: number
  /** IORING_ASYNC_CANCEL_*. Default 0: one request, by user_data. */
  readonly flags?: number
  /** Milliseconds to wait until interrupted requests have completed. Default: no limit. */
  readonly timeoutMs?: number
}

/**
 * Cancels without a request: when it returns 0, the completion of the cancelled request is posted. It blocks the
 * thread, but not the thread's end: in a Worker it looks up now and then, as the waits do.
 *
 * Returns 0, or with ALL or ANY how many; -ENOENT if there is none; -ETIME if it did not end in time; -EINTR; -EINVAL
 * for an unknown flag; -EBADF. Since Linux 6.0.
 */
export function registerSyncCancel(ring: Ring, options: SyncCancelOptions): number {
  const { userData = 0n, fd = -1, opcode = 0, flags = 0, timeoutMs } = options
  const arg = new Fields(SYNC_CANCEL_REG)
  arg.view.setBigUint64(SYNC_CANCEL_REG.at.addr, BigInt.asUintN(64, userData), true)
  arg.u32('fd', fd)
  arg.u32('flags', flags)
  arg.view.setUint8(SYNC_CANCEL_REG.at.opcode, opcode)
  const call = (ms: number | undefined) => {
    arg.u64('timeout_tv_sec', ms === undefined ? -1 : Math.floor(ms / 1000))
    arg.u64('timeout_tv_nsec', ms === undefined ? -1 : Math.floor((ms % 1000) * 1e6))
    return ring.register(abi.IORING_REGISTER_SYNC_CANCEL, arg.bytes, 1)
  }
  const slice = sliceMs(ring)
  if (slice === undefined || (timeoutMs !== undefined && timeoutMs <= slice)) return call(timeoutMs)
  const endMs = nowMs() + (timeoutMs ?? Number.POSITIVE_INFINITY)
  let res = call(slice)
  while (res === -ETIME) {
    const leftMs = endMs - nowMs()
    if (leftMs <= 0) return res
    res = call(Math.min(slice, leftMs))
    // The request was there, and has ended meanwhile.
    if (res === -ENOENT) return 0
  }
  return res
}
