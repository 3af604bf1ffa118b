/**
 * IORING_REGISTER_PROBE: which operations are there. Owner thread only.
 *
 * Counterpart: io_probe.
 */
import * as abi from '../../../abi/constants.js'
import { PROBE, PROBE_OP } from '../../../abi/structs.js'
import { EFAULT, EINVAL } from '../../../lib/errno.js'
import { dataViewOf } from '../../../lib/views.js'
import { opdef } from '../ops/opdef.js'
import type { IoRingCtx } from '../state/ctx.js'
import type { Tctx } from '../state/tctx.js'

const MAX_PROBE_OPS = 256

export function probe(_tctx: Tctx, _ctx: IoRingCtx, arg: Uint8Array | null, nrArgs: number): number {
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
