/**
 * io_uring_register: the table of its opcodes. Owner thread only.
 *
 * An opcode without an entry is refused as the kernel refuses an unknown one. Counterpart: io_uring/register.c.
 */
import * as abi from '../../../abi/constants.js'
import { EBADFD, EINVAL } from '../../../lib/errno.js'
import { ownView } from '../../../sys/memory.js'
import type { IoRingCtx } from '../state/ctx.js'
import type { Tctx } from '../state/tctx.js'
import { registerEventfd, registerEventfdAsync, unregisterEventfd } from './eventfd.js'
import { clearAffinity, maxWorkers, setAffinity } from './iowq.js'
import { probe } from './probe.js'
import { syncCancel } from './sync-cancel.js'

/** 0 or a count, or -errno. `arg` is null for memory without a byte. */
type Register = (tctx: Tctx, ctx: IoRingCtx, arg: Uint8Array | null, nrArgs: number) => number

// biome-ignore format: table
const TABLE: ReadonlyMap<number, Register> = new Map<number, Register>([
  [abi.IORING_REGISTER_EVENTFD,          registerEventfd],
  [abi.IORING_UNREGISTER_EVENTFD,        unregisterEventfd],
  [abi.IORING_REGISTER_EVENTFD_ASYNC,    registerEventfdAsync],
  [abi.IORING_REGISTER_PROBE,            probe],
  [abi.IORING_REGISTER_ENABLE_RINGS,     enableRings],
  [abi.IORING_REGISTER_IOWQ_AFF,         setAffinity],
  [abi.IORING_UNREGISTER_IOWQ_AFF,       clearAffinity],
  [abi.IORING_REGISTER_IOWQ_MAX_WORKERS, maxWorkers],
  [abi.IORING_REGISTER_SYNC_CANCEL,      syncCancel],
])

/** If `given` is shorter than the opcode's argument, its memory ends there: -EFAULT. An empty view has no address. */
export function registerOp(
  tctx: Tctx,
  ctx: IoRingCtx,
  opcode: number,
  given: ArrayBufferView | null,
  nrArgs: number,
): number {
  const bytes = given === null ? null : ownView(given)
  const arg = bytes?.length === 0 ? null : bytes
  return TABLE.get(opcode)?.(tctx, ctx, arg, nrArgs) ?? -EINVAL
}

function enableRings(_tctx: Tctx, ctx: IoRingCtx, arg: Uint8Array | null, nrArgs: number): number {
  if (arg !== null || nrArgs !== 0) return -EINVAL
  if (!ctx.disabled) return -EBADFD
  ctx.disabled = false
  return 0
}
