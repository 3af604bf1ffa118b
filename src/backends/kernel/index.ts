/**
 * Syscalls by the kernel: the three system calls, and the mapped ring memory. Runs on the thread that owns the ring.
 *
 * Nothing is done here that the kernel can do. A ring's mappings are dropped by close(); views of them that somebody still
 * holds show memory of nobody's then. Counterpart: liburing's syscall.c and setup.c.
 */
import {
  IORING_OFF_SQ_RING,
  IORING_OFF_SQES,
  IORING_REGISTER_IOWQ_AFF,
  IORING_REGISTER_RESIZE_RINGS,
  IORING_SETUP_CQE32,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SQE128,
  IORING_UNREGISTER_IOWQ_AFF,
} from '../../abi/constants.js'
import { CQE } from '../../abi/cqe.js'
import { PARAMS } from '../../abi/params.js'
import { SQE } from '../../abi/sqe.js'
import type { RingMemory, Syscalls } from '../../abi/syscalls.js'
import { assert } from '../../lib/assert.js'
import { sleepMs } from '../../lib/barrier.js'
import { nowMs } from '../../lib/clock.js'
import { EBADF, EFAULT, ENOMEM } from '../../lib/errno.js'
import { dataViewOf, lengthOf } from '../../lib/views.js'
import { ioUringEnter, ioUringRegister, ioUringSetup } from '../../sys/libc.js'
import { addressOf, Mapping, ownView } from '../../sys/memory.js'
import { adoptFd, closeAdopted } from '../../sys/thread-fd.js'

/** How long after a close memory is waited for, and how long at a stretch. */
const COMES_BACK_MS = 300
const LONGEST_PAUSE_MS = 16

/** Longer arguments of register are the caller's memory. */
const GUARDED_BYTES = 64 << 10

interface MappedRing extends RingMemory {
  readonly ringsMapping: Mapping
  readonly sqesMapping: Mapping
  /** What was mapped before the rings were resized. Stays until close: a view of it must not become poison unawares. */
  readonly older: readonly Mapping[]
}

export class KernelSyscalls implements Syscalls {
  readonly name = 'kernel'
  readonly takesNullPath = false
  readonly #mapped = new Map<number, MappedRing>()
  /** Rings whose memory is the app's. */
  readonly #unmapped = new Set<number>()
  /** Memory that ends with a page which nobody may touch. */
  #guarded: Mapping | undefined
  /** When one was last closed. */
  #closedMs = Number.NEGATIVE_INFINITY
  /** The thread's workers have been told to leave. */
  #areLeaving = false

  setup(entries: number, given: Uint8Array): number {
    const params = ownView(given)
    // The kernel would write behind them.
    if (params.length < PARAMS.size) return -EFAULT
    const flags = dataViewOf(params).getUint32(PARAMS.at.flags, true)
    const made = this.#make(entries, params)
    // What has no fd is no file that close() could close.
    if (made < 0 || (flags & IORING_SETUP_REGISTERED_FD_ONLY) !== 0) return made
    const fd = adoptFd(made)
    if (fd < 0) return fd
    if (this.#areLeaving) this.#areLeaving = ioUringRegister(fd, IORING_UNREGISTER_IOWQ_AFF, 0, 0) < 0
    if ((flags & IORING_SETUP_NO_MMAP) !== 0) {
      this.#unmapped.add(fd)
      return fd
    }
    try {
      this.#mapped.set(fd, mapRing(fd, params))
    } catch (error) {
      closeAdopted(fd)
      return (error as { errno: number }).errno
    }
    return fd
  }

  /**
   * The memory that a ring locks counts as its user's for some 30 ms after it was closed, and an ordinary user may lock
   * enough for a few rings alone: short of it, it is asked for again until that of ours has come back.
   */
  #make(entries: number, params: Uint8Array): number {
    const asked = params.slice()
    for (let nr = 0; ; nr++) {
      const res = ioUringSetup(entries, addressOf(params))
      if (res !== -ENOMEM || nowMs() - this.#closedMs > COMES_BACK_MS) return res
      sleepMs(Math.min(LONGEST_PAUSE_MS, 2 ** nr))
      params.set(asked)
    }
  }

  enter(fd: number, toSubmit: number, minComplete: number, flags: number, arg?: Uint8Array): number {
    if (arg === undefined) return ioUringEnter(fd, toSubmit, minComplete, flags, 0, 0)
    return ioUringEnter(fd, toSubmit, minComplete, flags, addressOf(arg), lengthOf(arg))
  }

  register(fd: number, opcode: number, given: ArrayBufferView | null, nrArgs: number): number {
    const arg = given === null ? null : ownView(given)
    const res = arg === null ? ioUringRegister(fd, opcode, 0, nrArgs) : this.#withArg(fd, opcode, arg, nrArgs)
    if (opcode !== IORING_REGISTER_RESIZE_RINGS || res < 0 || arg === null) return res
    const { ringsMapping, sqesMapping, older } = this.#get(fd)
    try {
      this.#mapped.set(fd, { ...mapRing(fd, arg), older: [...older, ringsMapping, sqesMapping] })
    } catch (error) {
      return (error as { errno: number }).errno
    }
    return res
  }

  /**
   * How long a structure is the kernel knows by the opcode and the count alone. So that it neither reads nor writes beyond
   * the caller's, it gets a copy with nothing behind it, and answers -EFAULT for one that is too short.
   */
  #withArg(fd: number, opcode: number, arg: Uint8Array, nrArgs: number): number {
    const sizeBytes = arg.length
    if (sizeBytes === 0 || sizeBytes > GUARDED_BYTES) return ioUringRegister(fd, opcode, addressOf(arg), nrArgs)
    this.#guarded ??= new Mapping(GUARDED_BYTES, -1, 0, true).endWithThread()
    const copy = new Uint8Array(this.#guarded.buffer, GUARDED_BYTES - sizeBytes, sizeBytes)
    copy.set(arg)
    const res = ioUringRegister(fd, opcode, this.#guarded.address + GUARDED_BYTES - sizeBytes, nrArgs)
    arg.set(copy)
    return res
  }

  memory(fd: number): RingMemory {
    return this.#get(fd)
  }

  #get(fd: number): MappedRing {
    const mapped = this.#mapped.get(fd)
    assert(mapped !== undefined, `fd ${fd} is a ring of this thread`)
    return mapped
  }

  close(fd: number): number {
    const mapped = this.#mapped.get(fd)
    if (mapped === undefined && !this.#unmapped.has(fd)) return -EBADF
    if (this.#mapped.size + this.#unmapped.size === 1) this.#letWorkersGo(fd)
    this.#closedMs = nowMs()
    if (mapped === undefined) {
      this.#unmapped.delete(fd)
      return closeAdopted(fd)
    }
    this.#mapped.delete(fd)
    // The mappings hold references: with them gone, closing the fd tears the ring down.
    mapped.ringsMapping.retire()
    mapped.sqesMapping.retire()
    for (const mapping of mapped.older) mapping.retire()
    return closeAdopted(fd)
  }

  /**
   * The kernel ends a thread's idle workers when it closes its last ring. But from Node 22 on libuv has rings in every
   * thread with an event loop, and then the last worker would stay for good. One that finds itself on a processor that
   * it is not meant to be on leaves after five idle seconds, so none is allowed; the next ring takes that back.
   */
  #letWorkersGo(fd: number): void {
    this.#areLeaving = ioUringRegister(fd, IORING_REGISTER_IOWQ_AFF, addressOf(NO_CPUS), NO_CPUS.length) === 0
  }
}

/** No processor at all. */
const NO_CPUS = new Uint8Array(8)

function mapRing(fd: number, bytes: Uint8Array): MappedRing {
  const params = dataViewOf(bytes)
  const u32 = (offset: number) => params.getUint32(offset, true)
  const flags = u32(PARAMS.at.flags)
  const sqEntries = u32(PARAMS.at.sq_entries)
  const cqEntries = u32(PARAMS.at.cq_entries)
  const cqeBytes = CQE.size << (flags & IORING_SETUP_CQE32 ? 1 : 0)
  const sqeBytes = SQE.size << (flags & IORING_SETUP_SQE128 ? 1 : 0)
  const cqEnd = u32(PARAMS.at.cq_off_cqes) + cqEntries * cqeBytes
  const sqEnd = flags & IORING_SETUP_NO_SQARRAY ? 0 : u32(PARAMS.at.sq_off_array) + sqEntries * 4
  const ringsMapping = new Mapping(Math.max(cqEnd, sqEnd), fd, IORING_OFF_SQ_RING).endWithThread()
  const sqesMapping = new Mapping(sqEntries * sqeBytes, fd, IORING_OFF_SQES).endWithThread()
  return { rings: ringsMapping.buffer, sqes: sqesMapping.buffer, ringsMapping, sqesMapping, older: [] }
}
