/**
 * Ring memory that the app makes itself, for IORING_SETUP_NO_MMAP. Runs on the app's thread.
 *
 * The app passes the kernel two addresses, where the kernel lays the rings out as in memory of its own; params then
 * have the offsets. The memory must not be unmapped before the ring is closed. Counterpart: io_uring_queue_init_mem of
 * liburing.
 */
import { IORING_SETUP_CQE_MIXED, IORING_SETUP_CQE32, IORING_SETUP_SQE128 } from '../abi/constants.js'
import { CQE } from '../abi/cqe.js'
import { IORING_MAX_CQ_ENTRIES, IORING_MAX_ENTRIES } from '../abi/limits.js'
import { PARAMS } from '../abi/params.js'
import { SQE } from '../abi/sqe.js'
import type { RingMemory } from '../abi/syscalls.js'
import { roundUpPow2 } from '../lib/power-of-2.js'
import { Mapping } from '../sys/memory.js'

const PAGE_BYTES = 4096
/** Heads, tails and counts, before the CQEs; the kernel uses two cache lines at most. */
const HEADER_BYTES = 256

export class OwnMemory implements RingMemory {
  readonly #rings: Mapping
  readonly #sqes: Mapping

  /** Room for these entries as setup rounds and clamps them. Sizes that setup refuses get some memory too. */
  constructor(entries: number, cqEntries: number | undefined, flags: number) {
    const sq = roundUp(entries, IORING_MAX_ENTRIES)
    const cq = cqEntries === undefined ? 2 * sq : roundUp(cqEntries, IORING_MAX_CQ_ENTRIES)
    const cqeBytes = flags & IORING_SETUP_CQE32 ? 2 * CQE.size : CQE.size
    const sqeBytes = flags & IORING_SETUP_SQE128 ? 2 * SQE.size : SQE.size
    const INDEX_BYTES = 4
    // With large completions the header doubles too.
    const headerBytes = flags & (IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED) ? 2 * HEADER_BYTES : HEADER_BYTES
    this.#rings = new Mapping(wholePages(headerBytes + cq * cqeBytes + sq * INDEX_BYTES)).endWithThread()
    this.#sqes = new Mapping(wholePages(sq * sqeBytes)).endWithThread()
  }

  get rings(): ArrayBuffer {
    return this.#rings.buffer
  }

  get sqes(): ArrayBuffer {
    return this.#sqes.buffer
  }

  /** Writes the addresses into the params. */
  tell(params: DataView): void {
    params.setBigUint64(PARAMS.at.sq_off_user_addr, BigInt(this.#sqes.address), true)
    params.setBigUint64(PARAMS.at.cq_off_user_addr, BigInt(this.#rings.address), true)
  }

  unmap(): void {
    this.#rings.retire()
    this.#sqes.retire()
  }
}

function roundUp(entries: number, most: number): number {
  return roundUpPow2(Math.min(entries >>> 0, most))
}

function wholePages(sizeBytes: number): number {
  return Math.ceil(sizeBytes / PAGE_BYTES) * PAGE_BYTES
}
