/**
 * What the registration of files and of buffers has in common. Runs on the thread of the ring; register.ts has the
 * rules for every call.
 *
 * Counterpart: struct io_uring_rsrc_register and _update2 of liburing.
 */
import { IORING_RSRC_REGISTER_SPARSE } from '../../abi/constants.js'
import { RSRC_REGISTER, RSRC_UPDATE2 } from '../../abi/structs.js'
import { invalidArgValue } from '../../lib/arg-errors.js'
import { lengthOf } from '../../lib/views.js'
import { addressOf } from '../../sys/memory.js'
import type { Ring } from '../ring.js'
import { Fields } from './fields.js'

export function registerSparse(ring: Ring, opcode: number, nr: number): number {
  const arg = new Fields(RSRC_REGISTER)
  arg.u32('nr', nr)
  arg.u32('flags', IORING_RSRC_REGISTER_SPARSE)
  return ring.register(opcode, arg.bytes, RSRC_REGISTER.size)
}

export function registerTagged(
  ring: Ring,
  opcode: number,
  data: ArrayBufferView,
  nr: number,
  tags: BigUint64Array,
): number {
  checkTags(tags, nr)
  const arg = new Fields(RSRC_REGISTER)
  arg.u32('nr', nr)
  arg.u64('data', addressOf(data))
  arg.u64('tags', addressOf(tags))
  return ring.register(opcode, arg.bytes, RSRC_REGISTER.size)
}

export function updateTagged(
  ring: Ring,
  opcode: number,
  off: number,
  data: ArrayBufferView,
  nr: number,
  tags: BigUint64Array | null,
): number {
  if (tags !== null) checkTags(tags, nr)
  const arg = new Fields(RSRC_UPDATE2)
  arg.u32('offset', off)
  arg.u64('data', addressOf(data))
  arg.u64('tags', tags === null ? 0 : addressOf(tags))
  arg.u32('nr', nr)
  return ring.register(opcode, arg.bytes, RSRC_UPDATE2.size)
}

function checkTags(tags: BigUint64Array, nr: number): void {
  if (lengthOf(tags) >> 3 !== nr) throw invalidArgValue('tags', tags, `must have one for each of ${nr}`)
}
