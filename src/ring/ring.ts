/**
 * A ring as liburing gives it: queueInit, submit, submitAndWait, queueExit. Runs on the app's thread, which is also the
 * owner of a ring that it enters itself.
 *
 * Written against Syscalls alone, so both backends run the same code. It never allocates per request and never waits
 * unless told to. Counterpart: liburing's setup.c and queue.c.
 */
import {
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_REGISTERED_RING,
  IORING_ENTER_SQ_WAIT,
  IORING_ENTER_SQ_WAKEUP,
  IORING_REGISTER_RESIZE_RINGS,
  IORING_REGISTER_RING_FDS,
  IORING_REGISTER_USE_REGISTERED_RING,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_SQPOLL,
  IORING_SQ_CQ_OVERFLOW,
  IORING_SQ_NEED_WAKEUP,
  IORING_SQ_TASKRUN,
  IORING_UNREGISTER_RING_FDS,
} from '../abi/constants.js'
import { PARAMS } from '../abi/params.js'
import { GETEVENTS_ARG, KERNEL_TIMESPEC, RSRC_UPDATE } from '../abi/structs.js'
import type { Syscalls } from '../abi/syscalls.js'
import { EEXIST, EINVAL, errnoError } from '../lib/errno.js'
import { OptionTable } from '../lib/options.js'
import { addressOf, high32, low32 } from '../sys/memory.js'
import { Cq } from './cq.js'
import { OwnMemory } from './own-memory.js'
import { Sq } from './sq.js'

export interface QueueInitOptions {
  /** IORING_SETUP_* bits. Default 0. */
  flags?: number
  /** Asked CQ size; sets IORING_SETUP_CQSIZE. Default: twice the SQ. */
  cqEntries?: number
  /** Milliseconds until an idle SQPOLL thread sleeps. */
  sqThreadIdleMs?: number
  sqThreadCpu?: number
  /** The fd of a ring to share io-wq with, for IORING_SETUP_ATTACH_WQ. */
  wqFd?: number
}

const QUEUE_INIT_OPTIONS = new OptionTable<QueueInitOptions>('queueInit', {
  flags: undefined,
  cqEntries: undefined,
  sqThreadIdleMs: undefined,
  sqThreadCpu: undefined,
  wqFd: undefined,
})

/** One submission and completion ring pair. Use it on the thread that made it. */
export class Ring {
  readonly syscalls: Syscalls
  /** With IORING_SETUP_REGISTERED_FD_ONLY the index of the registered ring: there is no fd. */
  readonly fd: number
  /** IORING_SETUP_* as asked. */
  readonly flags: number
  /** IORING_FEAT_* as reported. */
  readonly features: number
  #sq: Sq
  #cq: Cq
  readonly #waitArg = new WaitArg()
  /** What enter is told: the fd, or the index of the registered one and the flag that says so. */
  #enterFd: number
  #enterFlags = 0
  readonly #own: OwnMemory | undefined
  #open = true

  /** `own` is the rings' memory if the app made it, for IORING_SETUP_NO_MMAP; queueExit frees it. */
  constructor(syscalls: Syscalls, fd: number, params: DataView, own?: OwnMemory) {
    this.syscalls = syscalls
    this.fd = fd
    this.flags = params.getUint32(PARAMS.at.flags, true)
    this.features = params.getUint32(PARAMS.at.features, true)
    this.#own = own
    const memory = own ?? syscalls.memory(fd)
    this.#enterFd = fd
    if (this.#isIndex()) this.#enterFlags = IORING_ENTER_REGISTERED_RING
    this.#sq = new Sq(memory, params)
    this.#cq = new Cq(memory, params)
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
   * Hands every filled SQE to the other side. Returns the number consumed, or -errno. Runs no task work and does not
   * flush an overflow (liburing: io_uring_submit).
   */
  submit(): number {
    return this.#submit(0, 0)
  }

  /**
   * Submits, then waits until `waitNr` completions are there. Returns the number consumed or, when nothing was
   * submitted, -errno of the wait (liburing: io_uring_submit_and_wait).
   */
  submitAndWait(waitNr: number): number {
    return this.#submit(waitNr, IORING_ENTER_GETEVENTS)
  }

  /** submitAndWait for at most `timeoutMs`; -ETIME when it ends the wait and nothing had been submitted. */
  submitAndWaitTimeout(waitNr: number, timeoutMs: number): number {
    return this.#submit(waitNr, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, this.#waitArg.set(timeoutMs))
  }

  /** Submits and runs pending task work without waiting: completions that are ready become visible. */
  submitAndGetEvents(): number {
    return this.#submit(0, IORING_ENTER_GETEVENTS)
  }

  /** Runs task work and flushes an overflow, without submitting or waiting. Returns 0 or -errno. */
  getEvents(): number {
    return this.#enter(0, 0, IORING_ENTER_GETEVENTS)
  }

  /** Whether getEvents() has something to do: task work is pending, or completions overflowed. */
  cqNeedsEnter(): boolean {
    return (this.#sq.flags() & (IORING_SQ_CQ_OVERFLOW | IORING_SQ_TASKRUN)) !== 0
  }

  /**
   * Waits until the SQ of a ring with IORING_SETUP_SQPOLL has room, once its thread has taken what was submitted. Returns
   * the room, or -errno; at once on other rings, where submit makes room (liburing: io_uring_sqring_wait).
   */
  sqRingWait(): number {
    const isPolled = (this.flags & IORING_SETUP_SQPOLL) !== 0
    // The kernel looks at a head of its own, which moves before the one that can be seen here.
    while (isPolled && this.#sq.spaceLeft() === 0) {
      // A thread that sleeps would never make room.
      const wakeup = this.#sq.flags() & IORING_SQ_NEED_WAKEUP ? IORING_ENTER_SQ_WAKEUP : 0
      const res = this.#enter(0, 0, IORING_ENTER_SQ_WAIT | wakeup)
      if (res < 0) return res
    }
    return this.#sq.spaceLeft()
  }

  #submit(waitNr: number, flags: number, arg?: Uint8Array): number {
    let toSubmit = this.#sq.flush()
    if (this.flags & IORING_SETUP_SQPOLL) {
      if (this.#sq.flags() & IORING_SQ_NEED_WAKEUP) flags |= IORING_ENTER_SQ_WAKEUP
      else if (flags === 0) return toSubmit
    }
    // What the other side left of an earlier flush counts too.
    const pending = this.#sq.pending()
    if (pending > toSubmit) toSubmit = pending
    if (toSubmit === 0 && flags === 0) return 0
    return this.#enter(toSubmit, waitNr, flags, arg)
  }

  #enter(toSubmit: number, minComplete: number, flags: number, arg?: Uint8Array): number {
    return this.syscalls.enter(this.#enterFd, toSubmit, minComplete, flags | this.#enterFlags, arg)
  }

  /**
   * Waits until a completion is there. Returns its position for the cq accessors, or -errno: -EINTR, or -ETIME after
   * `timeoutMs` (liburing: io_uring_wait_cqe_timeout).
   */
  waitCqe(timeoutMs?: number): number {
    for (;;) {
      if (this.#cq.ready() > 0) return 0
      const res =
        timeoutMs === undefined
          ? this.#enter(0, 1, IORING_ENTER_GETEVENTS)
          : this.#enter(0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, this.#waitArg.set(timeoutMs))
      if (res < 0) return this.#cq.ready() > 0 ? 0 : res
    }
  }

  /** io_uring_register on this ring: 0 or more, or -errno. */
  register(opcode: number, arg: ArrayBufferView | null, nrArgs: number): number {
    // Unsigned: bit 31 says that the fd is an index.
    const call = this.#isIndex() ? (opcode | IORING_REGISTER_USE_REGISTERED_RING) >>> 0 : opcode
    return this.syscalls.register(this.fd, call, arg, nrArgs)
  }

  /**
   * Registers the ring with this thread, which may have 16: enter then need not look its fd up. Returns 1, or -errno:
   * -EEXIST when it is already, -EBUSY when there is no room. Linux 5.18 (liburing: io_uring_register_ring_fd).
   */
  registerRingFd(): number {
    if (this.#enterFlags !== 0) return -EEXIST
    const NEXT_FREE = -1
    const view = new DataView(new ArrayBuffer(RSRC_UPDATE.size))
    view.setInt32(RSRC_UPDATE.at.offset, NEXT_FREE, true)
    view.setBigUint64(RSRC_UPDATE.at.data, BigInt(this.fd), true)
    const res = this.register(IORING_REGISTER_RING_FDS, view, 1)
    if (res !== 1) return res
    this.#enterFd = view.getUint32(RSRC_UPDATE.at.offset, true)
    this.#enterFlags = IORING_ENTER_REGISTERED_RING
    return res
  }

  /** Undoes it, as queueExit does too. Returns 1; -EINVAL when the ring is not registered, or has no fd besides. */
  unregisterRingFd(): number {
    return this.#isIndex() ? -EINVAL : this.#unregister()
  }

  #unregister(): number {
    if (this.#enterFlags === 0) return -EINVAL
    const view = new DataView(new ArrayBuffer(RSRC_UPDATE.size))
    view.setUint32(RSRC_UPDATE.at.offset, this.#enterFd, true)
    const res = this.register(IORING_UNREGISTER_RING_FDS, view, 1)
    if (res !== 1) return res
    this.#enterFd = this.fd
    this.#enterFlags = 0
    return res
  }

  /**
   * Makes the rings larger or smaller, with what is in them. Returns 0, and `sq` and `cq` are others: what was taken from
   * the old ones is not to be used any more. Or -errno: -EINVAL without IORING_SETUP_DEFER_TASKRUN and _NO_SQARRAY, with
   * _NO_MMAP, and for bad sizes; -EOVERFLOW when what is pending does not fit. Linux 6.13 (liburing:
   * io_uring_resize_rings).
   */
  resizeRings(entries: number, cqEntries?: number): number {
    // The kernel does not say where a new array would be.
    if ((this.flags & IORING_SETUP_NO_SQARRAY) === 0) return -EINVAL
    if (this.#own !== undefined) return -EINVAL
    // SQEs that were filled but not made visible would stay behind.
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
    this.#cq = new Cq(memory, params)
    return res
  }

  /** Closes the ring; idempotent. The rings' memory must not be touched afterwards (liburing: io_uring_queue_exit). */
  queueExit(): void {
    if (!this.#open) return
    // A registered ring would live on.
    this.#unregister()
    this.#open = false
    if (!this.#isIndex()) this.syscalls.close(this.fd)
    // The kernel holds the pages itself, for what is still in flight.
    this.#own?.unmap()
  }

  get isOpen(): boolean {
    return this.#open
  }
}

/** io_uring_getevents_arg with its timespec, filled anew for each wait. */
class WaitArg {
  readonly #arg = new Uint8Array(GETEVENTS_ARG.size)
  readonly #words = new Int32Array(this.#arg.buffer)
  readonly #timespec = new BigInt64Array(KERNEL_TIMESPEC.size >> 3)

  set(timeoutMs: number): Uint8Array {
    const seconds = Math.floor(timeoutMs / 1000)
    this.#timespec[0] = BigInt(seconds)
    this.#timespec[1] = BigInt(Math.round((timeoutMs - seconds * 1000) * 1e6))
    const address = addressOf(this.#timespec)
    this.#words[GETEVENTS_ARG.at.ts >> 2] = low32(address)
    this.#words[(GETEVENTS_ARG.at.ts >> 2) + 1] = high32(address)
    return this.#arg
  }
}

/**
 * Makes a ring of at least `entries` SQEs (rounded up to a power of two). With IORING_SETUP_NO_MMAP (Linux 6.5) its memory
 * is mapped here and handed over, instead of by the kernel. Throws an Error with the errno's code:
 * EINVAL for bad entries or flags, ENOSYS or EPERM where the kernel's io_uring is missing or refused, EMFILE, ENOMEM;
 * or with ERR_URING_NO_FFI where FFI cannot load (liburing: io_uring_queue_init_params).
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
    throw errnoError(fd, 'io_uring_setup')
  }
  return new Ring(syscalls, fd, params, own)
}
