/**
 * A ring as in liburing: queueInit, submit, submitAndWait, queueExit. Runs on the app's thread, which is also the owner
 * of a ring that it enters itself.
 *
 * It uses Syscalls alone, so both backends run the same code. It never allocates per request and never waits unless
 * asked to. Counterpart: liburing's setup.c and queue.c.
 */
import {
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_REGISTERED_RING,
  IORING_ENTER_SQ_WAIT,
  IORING_ENTER_SQ_WAKEUP,
  IORING_REGISTER_CLOCK,
  IORING_REGISTER_RESIZE_RINGS,
  IORING_REGISTER_RING_FDS,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SQPOLL,
  IORING_SQ_NEED_WAKEUP,
} from '../abi/constants.js'
import { PARAMS } from '../abi/params.js'
import { CLOCK_REGISTER, RSRC_UPDATE } from '../abi/structs.js'
import type { Syscalls } from '../abi/syscalls.js'
import { EEXIST, EINVAL, errnoError } from '../lib/errno.js'
import { OptionTable } from '../lib/options.js'
import { dataViewOf } from '../lib/views.js'
import type { Mapping } from '../sys/memory.js'
import { Cq } from './cq.js'
import { Holding } from './holding.js'
import { ringIsClosed } from './misuse.js'
import { OwnMemory } from './own-memory.js'
import { Sq } from './sq.js'
import { checkTime, type Enter, Waits } from './wait.js'

export interface QueueInitOptions {
  /** IORING_SETUP_* bits. Default 0. */
  flags?: number
  /** The CQ size asked for; sets IORING_SETUP_CQSIZE. Default: twice the SQ. */
  cqEntries?: number
  /** Milliseconds until an idle SQPOLL thread sleeps. */
  sqThreadIdleMs?: number
  sqThreadCpu?: number
  /** The fd of a ring whose io-wq it shares, for IORING_SETUP_ATTACH_WQ. */
  wqFd?: number
}

/** A buffer ring on the side of its ring. */
export interface Group {
  readonly mapping: Mapping
  close(): void
}

const QUEUE_INIT_OPTIONS = new OptionTable<QueueInitOptions>('queueInit', () => ({
  flags: undefined,
  cqEntries: undefined,
  sqThreadIdleMs: undefined,
  sqThreadCpu: undefined,
  wqFd: undefined,
}))

/**
 * One submission and completion ring pair. Use it on the thread that made it. After queueExit every other call throws
 * ERR_INVALID_STATE. A dropped ring is closed when it is collected, with a process warning. `timeoutMs` is in
 * milliseconds; Infinity is no limit.
 */
export class Ring {
  readonly syscalls: Syscalls
  /** With IORING_SETUP_REGISTERED_FD_ONLY, the index of the registered ring: there is no fd. */
  readonly fd: number
  /** IORING_SETUP_* as asked. */
  readonly flags: number
  /** IORING_FEAT_* as reported. */
  readonly features: number
  #sq: Sq
  #cq: Cq
  readonly #waits: Waits
  /** enter's first argument: the fd, or a registered ring's index (a flag distinguishes them). */
  #enterFd: number
  #enterFlags = 0
  readonly #holding: Holding
  readonly #own: OwnMemory | undefined
  /** Its rings of buffers. */
  readonly #groups = new Set<Group>()
  #open = true

  /** `own` is the rings' memory if the app made it, for IORING_SETUP_NO_MMAP; queueExit frees it. */
  constructor(syscalls: Syscalls, fd: number, params: DataView, own?: OwnMemory) {
    this.syscalls = syscalls
    this.fd = fd
    this.flags = params.getUint32(PARAMS.at.flags, true)
    this.features = params.getUint32(PARAMS.at.features, true)
    this.#own = own
    this.#holding = new Holding(syscalls, fd, this.flags, own)
    const memory = own ?? syscalls.memory(fd)
    this.#enterFd = fd
    if (this.#isIndex()) this.#enterFlags = IORING_ENTER_REGISTERED_RING
    this.#sq = new Sq(memory, params)
    this.#cq = new Cq(memory, params, this.#fetch)
    this.#waits = new Waits(this, this.#enter)
    this.#holding.watch(this)
  }

  #isIndex(): boolean {
    return (this.flags & IORING_SETUP_REGISTERED_FD_ONLY) !== 0
  }

  /** The submission side. resizeRings makes another. */
  get sq(): Sq {
    return this.#sq
  }

  /** The completion side. resizeRings makes another. */
  get cq(): Cq {
    return this.#cq
  }

  /**
   * Submits every filled SQE. Returns the number consumed, or -errno. Runs no task work and does not flush an overflow
   * (liburing: io_uring_submit).
   */
  submit(): number {
    const toSubmit = this.#flush()
    const flags = this.#wakeup()
    // An awake polling thread takes them by itself.
    if (flags === 0 && (this.flags & IORING_SETUP_SQPOLL) !== 0) return toSubmit
    return toSubmit === 0 && flags === 0 ? 0 : this.#enter(toSubmit, 0, flags)
  }

  /**
   * Submits, then waits until `waitNr` completions are there. Returns the number consumed or, when nothing was
   * submitted, -errno of the wait (liburing: io_uring_submit_and_wait).
   */
  submitAndWait(waitNr: number): number {
    return this.#waits.enter(this.#flush(), waitNr, this.#wakeup())
  }

  /**
   * submitAndWait for at most `timeoutMs`; -ETIME if the time ends the wait and nothing had been submitted (liburing:
   * io_uring_submit_and_wait_timeout).
   */
  submitAndWaitTimeout(waitNr: number, timeoutMs: number): number {
    const ms = checkTime(timeoutMs)
    return this.#waits.enter(this.#flush(), waitNr, this.#wakeup(), ms)
  }

  /**
   * submitAndWait that waits `minWaitUs` microseconds for all `waitNr`, and then for one until `timeoutMs` have passed.
   * Without `timeoutMs` the wait ends with the minimum. -EINVAL before Linux 6.12 (liburing:
   * io_uring_submit_and_wait_min_timeout).
   */
  submitAndWaitMinTimeout(waitNr: number, timeoutMs: number | undefined, minWaitUs: number): number {
    const ms = timeoutMs === undefined ? undefined : checkTime(timeoutMs)
    const us = checkTime(minWaitUs)
    return this.#waits.enter(this.#flush(), waitNr, this.#wakeup(), ms, us)
  }

  /**
   * submitAndWait until the clock shows `untilNs` nanoseconds: CLOCK_MONOTONIC, as of process.hrtime.bigint(), or the
   * clock of registerClock. -EINVAL before Linux 6.12 (IORING_ENTER_ABS_TIMER).
   */
  submitAndWaitUntil(waitNr: number, untilNs: bigint): number {
    return this.#waits.enterUntil(this.#flush(), waitNr, this.#wakeup(), untilNs)
  }

  /** Submits and runs pending task work without waiting: completions that are ready become visible. */
  submitAndGetEvents(): number {
    return this.#enter(this.#flush(), 0, IORING_ENTER_GETEVENTS | this.#wakeup())
  }

  /** Runs task work and flushes an overflow, without submitting or waiting. Returns 0 or -errno. */
  getEvents(): number {
    return this.#enter(0, 0, IORING_ENTER_GETEVENTS)
  }

  /** Whether getEvents() would do anything: task work is pending, or completions overflowed. */
  cqNeedsEnter(): boolean {
    return this.#cq.needsEnter()
  }

  /**
   * Waits until the SQ of a ring with IORING_SETUP_SQPOLL has room, once its thread has taken submitted SQEs. Returns
   * the room, or -errno. Returns at once on other rings, where submit makes room (liburing: io_uring_sqring_wait).
   */
  sqRingWait(): number {
    const isPolled = (this.flags & IORING_SETUP_SQPOLL) !== 0
    // The kernel reads a head of its own, which moves before the visible one.
    while (isPolled && this.#sq.spaceLeft() === 0) {
      // A thread that sleeps would never make room.
      const wakeup = this.#sq.flags() & IORING_SQ_NEED_WAKEUP ? IORING_ENTER_SQ_WAKEUP : 0
      const res = this.#enter(0, 0, IORING_ENTER_SQ_WAIT | wakeup)
      if (res < 0) return res
    }
    return this.#sq.spaceLeft()
  }

  /** Publishes filled SQEs. Returns the SQEs to be taken, those of an earlier flush included. */
  #flush(): number {
    this.#waits.beforeFlush(this.#sq)
    return Math.max(this.#sq.flush(), this.#sq.pending())
  }

  /** The flag that wakes a sleeping polling thread. Call it after the flush. */
  #wakeup(): number {
    const isAsleep = (this.flags & IORING_SETUP_SQPOLL) !== 0 && (this.#sq.flags() & IORING_SQ_NEED_WAKEUP) !== 0
    return isAsleep ? IORING_ENTER_SQ_WAKEUP : 0
  }

  readonly #enter: Enter = (toSubmit, minComplete, flags, arg) => {
    this.#check()
    return this.syscalls.enter(this.#enterFd, toSubmit, minComplete, flags | this.#enterFlags, arg)
  }

  #check(): void {
    if (!this.#open) throw ringIsClosed()
  }

  readonly #fetch = (): number => this.getEvents()

  /**
   * Waits until a completion is there. Returns 0, or -errno: -EINTR, or -ETIME once `timeoutMs` have passed (liburing:
   * io_uring_wait_cqe_timeout).
   */
  waitCqe(timeoutMs?: number): number {
    return this.waitCqes(1, timeoutMs)
  }

  /**
   * Waits until `waitNr` completions are there, or the CQ is full. Returns 0, also for fewer but some, when `timeoutMs`
   * have passed, a TIMEOUT was up, or a signal came; else -errno as waitCqe (liburing: io_uring_wait_cqes).
   */
  waitCqes(waitNr: number, timeoutMs?: number): number {
    return this.#waits.waitFor(waitNr, timeoutMs === undefined ? undefined : checkTime(timeoutMs), 0)
  }

  /**
   * waitCqes that waits `minWaitUs` microseconds for all `waitNr`, and then for one. Without `timeoutMs` the wait ends
   * with the minimum: -ETIME. -EINVAL before Linux 6.12 (liburing: io_uring_wait_cqes_min_timeout).
   */
  waitCqesMinTimeout(waitNr: number, timeoutMs: number | undefined, minWaitUs: number): number {
    return this.#waits.waitFor(waitNr, timeoutMs === undefined ? undefined : checkTime(timeoutMs), checkTime(minWaitUs))
  }

  /** waitCqes until the clock shows `untilNs`; as submitAndWaitUntil. */
  waitCqesUntil(waitNr: number, untilNs: bigint): number {
    return this.#waits.waitUntil(waitNr, untilNs)
  }

  /** io_uring_register on this ring: 0 or more, or -errno. */
  register(opcode: number, arg: ArrayBufferView | null, nrArgs: number): number {
    this.#check()
    const res = this.#holding.register(opcode, arg, nrArgs)
    if (opcode === IORING_REGISTER_CLOCK && res === 0 && arg !== null) {
      this.#waits.clock = dataViewOf(arg).getUint32(CLOCK_REGISTER.at.clockid, true)
    }
    return res
  }

  /**
   * Registers the ring with this thread, which may have 16: enter then skips the look-up of its fd. Returns 1, or
   * -errno: -EEXIST if it is registered, -EBUSY if there is no room. Linux 5.18 (liburing: io_uring_register_ring_fd).
   */
  registerRingFd(): number {
    this.#check()
    if (this.#enterFlags !== 0) return -EEXIST
    const NEXT_FREE = -1
    const view = new DataView(new ArrayBuffer(RSRC_UPDATE.size))
    view.setInt32(RSRC_UPDATE.at.offset, NEXT_FREE, true)
    view.setBigUint64(RSRC_UPDATE.at.data, BigInt(this.fd), true)
    const res = this.register(IORING_REGISTER_RING_FDS, view, 1)
    if (res !== 1) return res
    this.#enterFd = this.#holding.index = view.getUint32(RSRC_UPDATE.at.offset, true)
    this.#enterFlags = IORING_ENTER_REGISTERED_RING
    return res
  }

  /** Undoes registerRingFd, as queueExit does too. Returns 1; -EINVAL if the ring is not registered, or has no fd. */
  unregisterRingFd(): number {
    this.#check()
    if (this.#isIndex() || !this.#holding.isRegistered()) return -EINVAL
    const res = this.#holding.unregister()
    if (res !== 1) return res
    this.#enterFd = this.fd
    this.#enterFlags = 0
    return res
  }

  /**
   * Makes the rings larger or smaller, and keeps their entries. Returns 0: `sq` and `cq` are new objects, and the old
   * ones must not be used any more. Or -errno: -EINVAL without IORING_SETUP_DEFER_TASKRUN and _NO_SQARRAY, with
   * _NO_MMAP, and for bad sizes; -EOVERFLOW if pending entries do not fit. Linux 6.13 (liburing:
   * io_uring_resize_rings).
   */
  resizeRings(entries: number, cqEntries?: number): number {
    this.#check()
    // The kernel does not report the offset of a new array.
    if ((this.flags & IORING_SETUP_NO_SQARRAY) === 0) return -EINVAL
    if (this.#own !== undefined) return -EINVAL
    // Filled SQEs that were not published would be lost.
    this.#sq.flush()
    const bytes = new Uint8Array(PARAMS.size)
    const params = new DataView(bytes.buffer)
    params.setUint32(PARAMS.at.sq_entries, entries, true)
    params.setUint32(PARAMS.at.cq_entries, cqEntries ?? 0, true)
    params.setUint32(PARAMS.at.flags, cqEntries === undefined ? 0 : IORING_SETUP_CQSIZE, true)
    const res = this.register(IORING_REGISTER_RESIZE_RINGS, bytes, 1)
    if (res < 0) return res
    const memory = this.syscalls.memory(this.fd)
    this.#sq = new Sq(memory, params)
    this.#cq = new Cq(memory, params, this.#fetch)
    return res
  }

  /**
   * Closes the ring; idempotent. Its memory is gone: an earlier `sq.words` no longer shows it (liburing:
   * io_uring_queue_exit).
   */
  queueExit(): void {
    if (!this.#open) return
    this.#open = false
    this.#sq.close()
    this.#cq.close()
    for (const group of this.#groups) group.close()
    this.#groups.clear()
    this.#holding.close()
  }

  /** Frees a group's memory with the ring. */
  addGroup(group: Group): void {
    this.#groups.add(group)
    this.#holding.mappings.add(group.mapping)
  }

  /** The group was freed before the ring. */
  dropGroup(group: Group): void {
    this.#groups.delete(group)
    this.#holding.mappings.delete(group.mapping)
  }

  get isOpen(): boolean {
    return this.#open
  }
}

/**
 * Makes a ring of at least `entries` SQEs (rounded up to a power of two). With IORING_SETUP_NO_MMAP (Linux 6.5) this
 * function maps its memory, instead of the kernel. Throws an Error with the errno's code: EINVAL for bad entries or
 * flags, ENOSYS or EPERM if the kernel's io_uring is missing or refused, EMFILE, ENOMEM; or with ERR_URING_NO_FFI if
 * FFI cannot load (liburing: io_uring_queue_init_params).
 */
export function queueInit(syscalls: Syscalls, entries: number, given: QueueInitOptions = {}): Ring {
  const options = QUEUE_INIT_OPTIONS.read(given)
  const bytes = new Uint8Array(PARAMS.size)
  const params = new DataView(bytes.buffer)
  let flags = options.flags ?? 0
  if (options.cqEntries !== undefined) flags |= IORING_SETUP_CQSIZE
  params.setUint32(PARAMS.at.flags, flags, true)
  params.setUint32(PARAMS.at.cq_entries, options.cqEntries ?? 0, true)
  params.setUint32(PARAMS.at.sq_thread_idle, options.sqThreadIdleMs ?? 0, true)
  params.setUint32(PARAMS.at.sq_thread_cpu, options.sqThreadCpu ?? 0, true)
  params.setUint32(PARAMS.at.wq_fd, options.wqFd ?? 0, true)
  const own = flags & IORING_SETUP_NO_MMAP ? new OwnMemory(entries, options.cqEntries, flags) : undefined
  own?.tell(params)
  const fd = syscalls.setup(entries, bytes)
  if (fd < 0) {
    own?.unmap()
    const error = errnoError(fd, 'io_uring_setup')
    if (syscalls.refusal !== undefined) error.message += `: ${syscalls.refusal}`
    throw error
  }
  return new Ring(syscalls, fd, params, own)
}
