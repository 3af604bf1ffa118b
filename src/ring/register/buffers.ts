/**
 * Registers buffers, and shares them between rings. Runs on the thread of the ring; register.ts has the rules for every
 * call.
 *
 * Counterpart: io_uring_register_buffers* and io_uring_clone_buffers* of liburing.
 */
import * as abi from '../../abi/constants.js'
import { CLONE_BUFFERS, IOVEC } from '../../abi/structs.js'
import { lengthOf } from '../../lib/views.js'
import { addressOf } from '../../sys/memory.js'
import type { Ring } from '../ring.js'
import { Fields } from './fields.js'
import { registerSparse, registerTagged, updateTagged } from './resources.js'

/** IOVECs over these views, for registerBuffers and the vectored operations; undefined is an empty one: a hole. */
export function iovecsOf(views: readonly (ArrayBufferView | undefined)[]): BigUint64Array {
  const words = IOVEC.size >> 3
  // Each element is read once, and all are read before any is used: an accessor may change another.
  const all: (ArrayBufferView | undefined)[] = []
  for (let i = 0; i < views.length; i++) all.push(views[i])
  const vecs = new BigUint64Array(all.length * words)
  all.forEach((view, i) => {
    if (view === undefined) return
    vecs[i * words] = BigInt(addressOf(view))
    vecs[i * words + 1] = BigInt(lengthOf(view))
  })
  return vecs
}

/**
 * Registers the buffers of `iovecs` (iovecsOf): they are pinned once, not at each request. An empty one is a hole (5.13).
 *
 * -EBUSY when there are some already; -EFAULT for a bad address; -EINVAL for none or more than 16384, and for one larger
 * than 1 GiB; -ENOMEM beyond RLIMIT_MEMLOCK. Since Linux 5.1.
 */
export function registerBuffers(ring: Ring, iovecs: BigUint64Array): number {
  return ring.register(abi.IORING_REGISTER_BUFFERS, iovecs, nrOf(iovecs))
}

/**
 * registerBuffers with one tag each. After a buffer was replaced or unregistered and its last request has ended, a
 * completion with the tag as user_data and res 0 is posted. 0 is no tag; -EINVAL for the tag of a hole. Since Linux
 * 5.13.
 */
export function registerBuffersTags(ring: Ring, iovecs: BigUint64Array, tags: BigUint64Array): number {
  return registerTagged(ring, abi.IORING_REGISTER_BUFFERS2, iovecs, nrOf(iovecs), tags)
}

/** `nr` holes, for registerBuffersUpdateTag to fill. Since Linux 5.19. */
export function registerBuffersSparse(ring: Ring, nr: number): number {
  return registerSparse(ring, abi.IORING_REGISTER_BUFFERS2, nr)
}

/**
 * Replaces the buffers from slot `off` on. Requests on the old ones go on with those.
 *
 * Returns how many were replaced; -ENXIO without buffers; -EINVAL beyond the table; -EFAULT. Since Linux 5.13.
 */
export function registerBuffersUpdateTag(
  ring: Ring,
  off: number,
  iovecs: BigUint64Array,
  tags: BigUint64Array | null = null,
): number {
  return updateTagged(ring, abi.IORING_REGISTER_BUFFERS_UPDATE, off, iovecs, nrOf(iovecs), tags)
}

/** -ENXIO when there are none. Requests on them go on. Since Linux 5.1. */
export function unregisterBuffers(ring: Ring): number {
  return ring.register(abi.IORING_UNREGISTER_BUFFERS, null, 0)
}

/** The `src` ring's buffers, all of them, on `dst` too: cloneBuffersOffset without offsets. Since Linux 6.12. */
export function cloneBuffers(dst: Ring, src: Ring): number {
  return cloneBuffersOffset(dst, src, 0, 0, 0, 0)
}

/**
 * Puts `nr` buffers of `src`, from `srcOff` on, into the table of `dst` at `dstOff`. They are shared, not pinned again.
 *
 * `flags`: IORING_REGISTER_DST_REPLACE if `dst` has some already. `nr` 0 means all of them. -EBUSY if `dst` has some
 * and REPLACE is missing; -ENXIO if `src` has none; -EINVAL, -EOVERFLOW for a range outside `src`. Since Linux 6.13.
 */
export function cloneBuffersOffset(
  dst: Ring,
  src: Ring,
  dstOff: number,
  srcOff: number,
  nr: number,
  flags: number,
): number {
  const arg = new Fields(CLONE_BUFFERS)
  arg.u32('src_fd', src.fd)
  arg.u32('flags', flags)
  arg.u32('src_off', srcOff)
  arg.u32('dst_off', dstOff)
  arg.u32('nr', nr)
  return dst.register(abi.IORING_REGISTER_CLONE_BUFFERS, arg.bytes, 1)
}

function nrOf(iovecs: BigUint64Array): number {
  return Math.floor(lengthOf(iovecs) / IOVEC.size)
}
