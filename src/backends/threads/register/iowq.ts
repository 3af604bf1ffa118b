/**
 * IORING_REGISTER_IOWQ_MAX_WORKERS, _IOWQ_AFF, IORING_UNREGISTER_IOWQ_AFF: the io-wq of the thread's rings. Owner thread
 * only.
 *
 * Counterpart: io_register_iowq_max_workers, io_register_iowq_aff, io_unregister_iowq_aff.
 */
import { EFAULT, EINVAL } from '../../../lib/errno.js'
import { dataViewOf } from '../../../lib/views.js'
import { cpusOfMask, mayRunOn, possibleOf } from '../../../sys/affinity.js'
import type { IoRingCtx } from '../state/ctx.js'
import type { Tctx } from '../state/tctx.js'

/** Two limits. */
const LIMITS_BYTES = 8
/** The smallest mask of processors. */
const MASK_BYTES = 8

export function maxWorkers(tctx: Tctx, _ctx: IoRingCtx, arg: Uint8Array | null, nrArgs: number): number {
  if (arg === null || nrArgs !== 2) return -EINVAL
  if (arg.length < LIMITS_BYTES) return -EFAULT
  const view = dataViewOf(arg)
  const bound = view.getUint32(0, true)
  const unbound = view.getUint32(4, true)
  if (bound > 0x7fffffff || unbound > 0x7fffffff) return -EINVAL
  const before = tctx.wq.maxWorkers(bound, unbound)
  view.setUint32(0, before[0], true)
  view.setUint32(4, before[1], true)
  return 0
}

/** The mask has `sizeBytes` bytes. Processors that this machine lacks are ignored; an empty mask restricts nothing. */
export function setAffinity(tctx: Tctx, _ctx: IoRingCtx, arg: Uint8Array | null, sizeBytes: number): number {
  if (arg === null || sizeBytes === 0) return -EINVAL
  // A mask has at least eight bytes; how many more are read depends on the machine.
  if (arg.length < Math.min(sizeBytes, MASK_BYTES)) return -EFAULT
  const bytes = arg.subarray(0, sizeBytes)
  const cpus = possibleOf(cpusOfMask(bytes))
  if (cpus.length > 0 && !mayRunOn(cpus)) return -EINVAL
  tctx.wq.setAffinity(cpus.length > 0 ? cpus : undefined)
  return 0
}

export function clearAffinity(tctx: Tctx, _ctx: IoRingCtx, arg: Uint8Array | null, nrArgs: number): number {
  if (arg !== null || nrArgs !== 0) return -EINVAL
  tctx.wq.setAffinity(undefined)
  return 0
}
