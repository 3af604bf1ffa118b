/**
 * io_uring_register: probe, eventfds, io-wq limits and affinity, sync cancel, enable. Owner thread only.
 *
 * An opcode not there is refused as the kernel refuses an unknown one. Counterpart: io_uring/register.c.
 */
import { readlinkSync } from 'node:fs'
import * as abi from '../../../abi/constants.js'
import { PROBE, PROBE_OP } from '../../../abi/structs.js'
import { EBADF, EBADFD, EBUSY, EFAULT, EINVAL, ENXIO } from '../../../lib/errno.js'
import { dataViewOf } from '../../../lib/views.js'
import { cpusOfMask, mayRunOn, possibleOf } from '../../../sys/affinity.js'
import { duplicateFd, isOpenFd } from '../../../sys/file.js'
import { ownView } from '../../../sys/memory.js'
import { adoptFd } from '../../../sys/thread-fd.js'
import { opdef } from '../ops/opdef.js'
import { dropEventfd } from '../request/eventfd.js'
import type { IoRingCtx } from '../state/ctx.js'
import type { Tctx } from '../state/tctx.js'
import { syncCancel } from './sync-cancel.js'

const MAX_PROBE_OPS = 256
const FD_BYTES = 4
/** Two limits. */
const LIMITS_BYTES = 8
/** The smallest mask of processors. */
const MASK_BYTES = 8

/** `given` shorter than what the opcode takes is as memory that ends there: -EFAULT. An empty view has no address. */
export function registerOp(
  tctx: Tctx,
  ctx: IoRingCtx,
  opcode: number,
  given: ArrayBufferView | null,
  nrArgs: number,
): number {
  const bytes = given === null ? null : ownView(given)
  const arg = bytes?.length === 0 ? null : bytes
  switch (opcode) {
    case abi.IORING_REGISTER_EVENTFD:
    case abi.IORING_REGISTER_EVENTFD_ASYNC:
      return registerEventfd(ctx, arg, nrArgs, opcode === abi.IORING_REGISTER_EVENTFD_ASYNC)
    case abi.IORING_UNREGISTER_EVENTFD:
      return unregisterEventfd(tctx, ctx, arg, nrArgs)
    case abi.IORING_REGISTER_PROBE:
      return probe(arg, nrArgs)
    case abi.IORING_REGISTER_ENABLE_RINGS:
      return enableRings(ctx, arg, nrArgs)
    case abi.IORING_REGISTER_IOWQ_MAX_WORKERS:
      return maxWorkers(tctx, arg, nrArgs)
    case abi.IORING_REGISTER_SYNC_CANCEL:
      return syncCancel(tctx, ctx, arg, nrArgs)
    case abi.IORING_REGISTER_IOWQ_AFF:
      return arg === null || nrArgs === 0 ? -EINVAL : setAffinity(tctx, arg, nrArgs)
    case abi.IORING_UNREGISTER_IOWQ_AFF:
      if (arg !== null || nrArgs !== 0) return -EINVAL
      tctx.wq.setAffinity(undefined)
      return 0
    default:
      return -EINVAL
  }
}

function registerEventfd(ctx: IoRingCtx, arg: Uint8Array | null, nrArgs: number, asyncOnly: boolean): number {
  if (nrArgs !== 1) return -EINVAL
  if (ctx.eventfd >= 0) return -EBUSY
  if (arg === null || arg.length < FD_BYTES) return -EFAULT
  const fd = dataViewOf(arg).getInt32(0, true)
  if (!isOpenFd(fd)) return -EBADF
  if (!isEventfd(fd)) return -EINVAL
  // The ring keeps the file, whatever the app does with its fd.
  const copy = duplicateFd(fd)
  const own = copy < 0 ? copy : adoptFd(copy)
  if (own < 0) return own
  ctx.setEventfd(own, asyncOnly)
  return 0
}

/** True too where /proc is not there to tell. */
function isEventfd(fd: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:[eventfd]'
  } catch {
    return true
  }
}

function unregisterEventfd(tctx: Tctx, ctx: IoRingCtx, arg: Uint8Array | null, nrArgs: number): number {
  if (arg !== null || nrArgs !== 0) return -EINVAL
  if (ctx.eventfd < 0) return -ENXIO
  dropEventfd(tctx, ctx)
  return 0
}

function probe(arg: Uint8Array | null, nrArgs: number): number {
  if (arg === null || nrArgs > MAX_PROBE_OPS) return -EINVAL
  const nrOps = Math.min(nrArgs, abi.IORING_OP_LAST)
  const sizeBytes = PROBE.size + nrOps * PROBE_OP.size
  if (arg.length < sizeBytes) return -EFAULT
  const bytes = arg.subarray(0, sizeBytes)
  if (bytes.some((b) => b !== 0)) return -EINVAL
  let last = 0
  for (let opcode = 0; opcode < abi.IORING_OP_LAST; opcode++) if (opdef(opcode) !== undefined) last = opcode
  bytes[PROBE.at.last_op] = last
  bytes[PROBE.at.ops_len] = nrOps
  for (let opcode = 0; opcode < nrOps; opcode++) {
    const at = PROBE.size + opcode * PROBE_OP.size
    bytes[at + PROBE_OP.at.op] = opcode
    dataViewOf(bytes).setUint16(
      at + PROBE_OP.at.flags,
      opdef(opcode) === undefined ? 0 : abi.IO_URING_OP_SUPPORTED,
      true,
    )
  }
  return 0
}

function enableRings(ctx: IoRingCtx, arg: Uint8Array | null, nrArgs: number): number {
  if (arg !== null || nrArgs !== 0) return -EINVAL
  if (!ctx.disabled) return -EBADFD
  ctx.disabled = false
  return 0
}

function maxWorkers(tctx: Tctx, arg: Uint8Array | null, nrArgs: number): number {
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

/** The mask has `sizeBytes` bytes. What is no processor of this machine is ignored, and an empty mask no restriction. */
function setAffinity(tctx: Tctx, arg: Uint8Array, sizeBytes: number): number {
  // A mask has eight bytes at least; how many more of a long one are read is the machine's affair.
  if (arg.length < Math.min(sizeBytes, MASK_BYTES)) return -EFAULT
  const bytes = arg.subarray(0, sizeBytes)
  const cpus = possibleOf(cpusOfMask(bytes))
  if (cpus.length > 0 && !mayRunOn(cpus)) return -EINVAL
  tctx.wq.setAffinity(cpus.length > 0 ? cpus : undefined)
  return 0
}
