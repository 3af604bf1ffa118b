/**
 * The credentials of requests, and restrictions of a ring. Runs on the thread of the ring; register.ts has the rules
 * for every call.
 *
 * Counterpart: io_uring_register_personality, _restrictions and io_uring_enable_rings of liburing.
 */
import * as abi from '../../abi/constants.js'
import { RESTRICTION } from '../../abi/structs.js'
import type { Ring } from '../ring.js'

/** Keeps this thread's credentials. Returns their id, for setPersonality. Since Linux 5.6. */
export function registerPersonality(ring: Ring): number {
  return ring.register(abi.IORING_REGISTER_PERSONALITY, null, 0)
}

/** -EINVAL for an unknown id. Requests under it go on. Since Linux 5.6. */
export function unregisterPersonality(ring: Ring, id: number): number {
  return ring.register(abi.IORING_UNREGISTER_PERSONALITY, null, id)
}

/** One entry of what a restricted ring allows or requires. */
export type Restriction =
  | { readonly registerOp: number }
  | { readonly sqeOp: number }
  | { readonly sqeFlagsAllowed: number }
  | { readonly sqeFlagsRequired: number }

/**
 * Restricts a ring that is still disabled (IORING_SETUP_R_DISABLED): from enableRings on, it accepts only the
 * operations, SQE flags and register calls of this list; others get -EACCES.
 *
 * -EBADFD for an enabled ring; -EBUSY a second time; -EINVAL for a bad entry, and for an empty list, which then
 * restricts nothing. (Given an address, the kernel would accept the empty list and refuse everything.) Since Linux
 * 5.10.
 */
export function registerRestrictions(ring: Ring, restrictions: readonly Restriction[]): number {
  // An empty view has no address of its own, so that the kernel refuses it.
  const bytes = new Uint8Array(restrictions.length * RESTRICTION.size)
  const view = new DataView(bytes.buffer)
  restrictions.forEach((restriction, i) => {
    const [kind, value] = kindOf(restriction)
    view.setUint16(i * RESTRICTION.size + RESTRICTION.at.opcode, kind, true)
    view.setUint8(i * RESTRICTION.size + RESTRICTION.at.sqe_op, value)
  })
  return ring.register(abi.IORING_REGISTER_RESTRICTIONS, bytes, restrictions.length)
}

function kindOf(restriction: Restriction): readonly [kind: number, value: number] {
  if ('registerOp' in restriction) return [abi.IORING_RESTRICTION_REGISTER_OP, restriction.registerOp]
  if ('sqeOp' in restriction) return [abi.IORING_RESTRICTION_SQE_OP, restriction.sqeOp]
  if ('sqeFlagsAllowed' in restriction) {
    return [abi.IORING_RESTRICTION_SQE_FLAGS_ALLOWED, restriction.sqeFlagsAllowed]
  }
  return [abi.IORING_RESTRICTION_SQE_FLAGS_REQUIRED, restriction.sqeFlagsRequired]
}

/**
 * Enables a ring made with IORING_SETUP_R_DISABLED. With SINGLE_ISSUER it belongs to the calling thread from now on.
 *
 * -EBADFD for an enabled ring. Since Linux 5.10.
 */
export function enableRings(ring: Ring): number {
  return ring.register(abi.IORING_REGISTER_ENABLE_RINGS, null, 0)
}
