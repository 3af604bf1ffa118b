/**
 * Registering files: fds that requests name by a slot. Runs on the thread of the ring; register.ts says what holds for
 * every call.
 *
 * Counterpart: io_uring_register_files* and _file_alloc_range of liburing.
 */
import * as abi from '../../abi/constants.js'
import { FILE_INDEX_RANGE, RSRC_UPDATE } from '../../abi/structs.js'
import { lengthOf } from '../../lib/views.js'
import { addressOf } from '../../sys/memory.js'
import type { Ring } from '../ring.js'
import { Fields } from './fields.js'
import { registerSparse, registerTagged, updateTagged } from './resources.js'

/**
 * Registers files: an operation with IOSQE_FIXED_FILE has a slot in place of its fd. -1 is an empty slot.
 *
 * -EBUSY when there are some already; -EBADF for a bad fd and for a ring's; -EINVAL for none; -EMFILE beyond
 * RLIMIT_NOFILE. The fds may be closed afterwards. Since Linux 5.1.
 */
export function registerFiles(ring: Ring, fds: Int32Array): number {
  return ring.register(abi.IORING_REGISTER_FILES, fds, nrOf(fds))
}

/** registerFiles with one tag each, as registerBuffersTags. Since Linux 5.13. */
export function registerFilesTags(ring: Ring, fds: Int32Array, tags: BigUint64Array): number {
  return registerTagged(ring, abi.IORING_REGISTER_FILES2, fds, nrOf(fds), tags)
}

/** `nr` empty slots. Since Linux 5.19. */
export function registerFilesSparse(ring: Ring, nr: number): number {
  return registerSparse(ring, abi.IORING_REGISTER_FILES2, nr)
}

/**
 * Puts fds into the slots from `off` on; -1 empties a slot, IORING_REGISTER_FILES_SKIP leaves it (5.12).
 *
 * Returns the slots done, or what the first one failed with: -EBADF, which still empties that slot; -ENXIO without a
 * table; -EINVAL beyond it. Since Linux 5.5.
 */
export function registerFilesUpdate(ring: Ring, off: number, fds: Int32Array): number {
  const arg = new Fields(RSRC_UPDATE)
  arg.u32('offset', off)
  arg.u64('data', addressOf(fds))
  return ring.register(abi.IORING_REGISTER_FILES_UPDATE, arg.bytes, nrOf(fds))
}

/** registerFilesUpdate with one tag each: -EINVAL for the tag of a slot emptied or left. Since Linux 5.13. */
export function registerFilesUpdateTag(
  ring: Ring,
  off: number,
  fds: Int32Array,
  tags: BigUint64Array | null = null,
): number {
  return updateTagged(ring, abi.IORING_REGISTER_FILES_UPDATE2, off, fds, nrOf(fds), tags)
}

/** -ENXIO when there are none. Requests on them go on. Since Linux 5.1. */
export function unregisterFiles(ring: Ring): number {
  return ring.register(abi.IORING_UNREGISTER_FILES, null, 0)
}

/**
 * The slots that IORING_FILE_INDEX_ALLOC may choose: `len` of them from `off` on. Others can still be named.
 *
 * -EINVAL beyond the table; -EOVERFLOW. Since Linux 6.0.
 */
export function registerFileAllocRange(ring: Ring, off: number, len: number): number {
  const arg = new Fields(FILE_INDEX_RANGE)
  arg.u32('off', off)
  arg.u32('len', len)
  return ring.register(abi.IORING_REGISTER_FILE_ALLOC_RANGE, arg.bytes, 0)
}

function nrOf(fds: Int32Array): number {
  return lengthOf(fds) >> 2
}
