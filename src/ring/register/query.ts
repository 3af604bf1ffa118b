/**
 * Queries, and calls that require no ring. Runs on the thread of the ring; register.ts has the rules for every call.
 *
 * Counterpart: io_uring_get_probe_ring, io_uring_register_query and _sync_msg of liburing.
 */
import * as abi from '../../abi/constants.js'
import { SQE } from '../../abi/sqe.js'
import { PROBE, PROBE_OP, QUERY_HDR, QUERY_OPCODE } from '../../abi/structs.js'
import type { Syscalls } from '../../abi/syscalls.js'
import { addressOf } from '../../sys/memory.js'
import type { Ring } from '../ring.js'
import { Fields } from './fields.js'

/** What the other side can do. */
export interface Probe {
  /** The highest operation known. */
  readonly lastOp: number
  /** IORING_OP_* that are supported. */
  readonly opcodes: ReadonlySet<number>
}

/** Lists the operations, or returns why they cannot be listed (liburing: io_uring_get_probe_ring). Since Linux 5.6. */
export function registerProbe(ring: Ring): Probe | number {
  const MAX_OPS = 256
  const bytes = new Uint8Array(PROBE.size + MAX_OPS * PROBE_OP.size)
  const res = ring.register(abi.IORING_REGISTER_PROBE, bytes, MAX_OPS)
  if (res < 0) return res
  const opcodes = new Set<number>()
  const nrOps = bytes[PROBE.at.ops_len] ?? 0
  for (let i = 0; i < nrOps; i++) {
    const at = PROBE.size + i * PROBE_OP.size
    const isSupported = ((bytes[at + PROBE_OP.at.flags] ?? 0) & abi.IO_URING_OP_SUPPORTED) !== 0
    if (isSupported) opcodes.add(bytes[at + PROBE_OP.at.op] ?? 0)
  }
  return { lastOp: bytes[PROBE.at.last_op] ?? 0, opcodes }
}

/**
 * Sends a message without a ring of one's own: `fill` writes the SQE, as prepMsgRing does.
 *
 * Returns the request's result; -EINVAL for another operation, for flags, and for SEND_FD. Since Linux 6.13.
 */
export function registerSyncMsg(syscalls: Syscalls, fill: (words: Int32Array, at: number) => void): number {
  const sqe = new Int32Array(SQE.size >> 2)
  fill(sqe, 0)
  return syscalls.register(-1, abi.IORING_REGISTER_SEND_MSG_RING, sqe, 1)
}

/** The kernel's io_uring, in its own numbers. */
export interface OpcodeQuery {
  readonly nrRequestOpcodes: number
  readonly nrRegisterOpcodes: number
  /** IORING_FEAT_* */
  readonly features: bigint
  /** IORING_SETUP_* */
  readonly setupFlags: bigint
  /** IORING_ENTER_* */
  readonly enterFlags: bigint
  /** IOSQE_* */
  readonly sqeFlags: bigint
}

/** Asks the kernel, without a ring; -EINVAL before Linux 6.18. */
export function registerQuery(syscalls: Syscalls): OpcodeQuery | number {
  const answer = new Fields(QUERY_OPCODE)
  const header = new Fields(QUERY_HDR)
  header.u64('query_data', addressOf(answer.bytes))
  header.u32('query_op', abi.IO_URING_QUERY_OPCODES)
  header.u32('size', QUERY_OPCODE.size)
  const res = syscalls.register(-1, abi.IORING_REGISTER_QUERY, header.bytes, 0)
  if (res < 0) return res
  const result = header.view.getInt32(QUERY_HDR.at.result, true)
  if (result < 0) return result
  const { at } = QUERY_OPCODE
  return {
    nrRequestOpcodes: answer.view.getUint32(at.nr_request_opcodes, true),
    nrRegisterOpcodes: answer.view.getUint32(at.nr_register_opcodes, true),
    features: answer.view.getBigUint64(at.feature_flags, true),
    setupFlags: answer.view.getBigUint64(at.ring_setup_flags, true),
    enterFlags: answer.view.getBigUint64(at.enter_flags, true),
    sqeFlags: answer.view.getBigUint64(at.sqe_flags, true),
  }
}
