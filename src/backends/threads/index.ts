/**
 * Syscalls in user space: setup, enter, register. Runs on the owner thread, the one that made the ring; workers run what
 * would block it.
 *
 * One instance a thread: its rings share an io-wq, as the rings of a task do. SQEs carry native addresses, and an
 * operation is the plain system call. Counterpart: io_uring/io_uring.c.
 */
import * as abi from '../../abi/constants.js'
import { PARAMS } from '../../abi/params.js'
import type { RingMemory, Syscalls } from '../../abi/syscalls.js'
import { assert } from '../../lib/assert.js'
import { EBADF, EBADFD, EFAULT, EINVAL, EMFILE, ENXIO, EOPNOTSUPP } from '../../lib/errno.js'
import { setTimeout } from '../../lib/globals.js'
import { NONE } from '../../lib/mpscq.js'
import { dataViewOf } from '../../lib/views.js'
import { isOpenFd } from '../../sys/file.js'
import { libc } from '../../sys/libc.js'
import { ownView } from '../../sys/memory.js'
import { adoptFd, closeAdopted } from '../../sys/thread-fd.js'
import { registerOp } from './register/register.js'
import { cancelHeld } from './request/drain.js'
import { dropEventfd } from './request/eventfd.js'
import { endAllTimeouts } from './request/timeouts.js'
import { dropAlarm, setAlarms } from './run/alarm.js'
import { endCancelled, endDied, submitSqes } from './run/submit.js'
import { runTaskWork, tellAll } from './run/tw.js'
import { nrTimeoutEvents, parseWaitArg, waitCq } from './run/wait.js'
import { Causes } from './state/causes.js'
import { IoRingCtx, isDeferred } from './state/ctx.js'
import { MAX_RINGS, RINGS } from './state/layout.js'
import { Tctx } from './state/tctx.js'
import { cancelAll } from './wait/cancel.js'
import { expireFirst } from './wait/expiry.js'

const MAX_ENTRIES = 32768
const MAX_CQ_ENTRIES = 2 * MAX_ENTRIES
const EFD_CLOEXEC = 0o2000000
/** How often a closed ring with requests still running is looked at. */
const DYING_MS = 5

const SETUP_KNOWN =
  abi.IORING_SETUP_CQSIZE |
  abi.IORING_SETUP_CLAMP |
  abi.IORING_SETUP_ATTACH_WQ |
  abi.IORING_SETUP_R_DISABLED |
  abi.IORING_SETUP_SUBMIT_ALL |
  abi.IORING_SETUP_COOP_TASKRUN |
  abi.IORING_SETUP_TASKRUN_FLAG |
  abi.IORING_SETUP_SINGLE_ISSUER |
  abi.IORING_SETUP_DEFER_TASKRUN |
  abi.IORING_SETUP_NO_SQARRAY

const ENTER_KNOWN =
  abi.IORING_ENTER_GETEVENTS |
  abi.IORING_ENTER_SQ_WAKEUP |
  abi.IORING_ENTER_SQ_WAIT |
  abi.IORING_ENTER_EXT_ARG |
  abi.IORING_ENTER_REGISTERED_RING |
  abi.IORING_ENTER_ABS_TIMER |
  abi.IORING_ENTER_NO_IOWAIT

const FEATURES =
  abi.IORING_FEAT_SINGLE_MMAP |
  abi.IORING_FEAT_NODROP |
  abi.IORING_FEAT_SUBMIT_STABLE |
  abi.IORING_FEAT_RW_CUR_POS |
  abi.IORING_FEAT_EXT_ARG |
  abi.IORING_FEAT_NATIVE_WORKERS |
  abi.IORING_FEAT_CQE_SKIP |
  abi.IORING_FEAT_MIN_TIMEOUT |
  abi.IORING_FEAT_NO_IOWAIT

export class ThreadsSyscalls implements Syscalls {
  readonly name = 'threads'
  readonly takesNullPath = true
  refusal: string | undefined
  readonly #causes = new Causes()
  #tctx: Tctx | undefined

  #first(sqEntries: number): Tctx {
    this.#tctx ??= new Tctx(sqEntries, {
      onCancelled: (item, error) => {
        if (error !== undefined) this.#causes.note(this.#tctx!, item, error)
        endCancelled(this.#tctx!, item)
      },
      onDied: (item) => endDied(this.#tctx!, item),
      onRecovered: () => tellAll(this.#tctx!),
    })
    return this.#tctx
  }

  causeOf(fd: number, userDataLow: number, userDataHigh: number): Error | undefined {
    const ctx = this.#tctx?.rings.get(fd)
    return ctx === undefined ? undefined : this.#causes.take(ctx, userDataLow, userDataHigh)
  }

  setup(entries: number, given: Uint8Array): number {
    const bytes = ownView(given)
    if (bytes.length < PARAMS.size) return -EFAULT
    const params = dataViewOf(bytes)
    const sizes = checkParams(entries, params, (fd) => this.#tctx?.rings.has(fd) === true)
    if (typeof sizes === 'number') return sizes
    const tctx = this.#first(sizes.sq)
    const [id, generation] = tctx.claimId()
    if (id === NONE) {
      this.refusal = `a thread has ${MAX_RINGS} rings of the backend 'threads' at most; those that were closed count until their requests have ended`
      return -EMFILE
    }
    this.refusal = undefined
    // A number of the process's own, so that a ring's fd is never another file's.
    const made = libc('eventfd')(0, EFD_CLOEXEC)
    const fd = made < 0 ? made : adoptFd(made)
    if (fd < 0) return fd
    const ctx = new IoRingCtx(id, generation, fd, params.getUint32(PARAMS.at.flags, true), sizes.sq, sizes.cq)
    tctx.attach(ctx)
    fillParams(params, ctx)
    return fd
  }

  enter(fd: number, toSubmit: number, minComplete: number, flags: number, arg?: Uint8Array): number {
    if ((flags & ~ENTER_KNOWN) !== 0) return -EINVAL
    // No ring fd can be registered here, so an index in range is an empty slot.
    if ((flags & abi.IORING_ENTER_REGISTERED_RING) !== 0) return fd >>> 0 >= 16 ? -EINVAL : -EBADF
    const ctx = this.#ring(fd)
    if (typeof ctx === 'number') return ctx
    if (ctx.disabled) return -EBADFD
    const tctx = this.#tctx!
    const getEvents = (flags & abi.IORING_ENTER_GETEVENTS) !== 0
    // What is up by now was so before the batch, which may name it.
    if (tctx.hasTimers && (getEvents || !isDeferred(ctx))) expireFirst(tctx, ctx)
    // Of before the batch: to take it may last longer than a timeout in it.
    const nrEvents = nrTimeoutEvents(ctx)
    const submitted = toSubmit > 0 ? submitSqes(tctx, ctx, toSubmit) : 0
    if (!isDeferred(ctx)) for (const ring of tctx.rings.values()) if (!isDeferred(ring)) runTaskWork(tctx, ring, 0)
    let res = submitted
    if (getEvents && (toSubmit === 0 || submitted === toSubmit)) {
      const ends = parseWaitArg(flags, arg)
      const waited = typeof ends === 'number' ? ends : waitCq(tctx, ctx, minComplete, ends, nrEvents)
      if (submitted <= 0) res = waited
    }
    if (tctx.hasTimers) setAlarms(tctx)
    return res
  }

  register(fd: number, opcode: number, arg: ArrayBufferView | null, nrArgs: number): number {
    const ctx = this.#ring(fd)
    if (typeof ctx === 'number') return ctx
    const res = registerOp(this.#tctx!, ctx, opcode >>> 0, arg, nrArgs)
    if (this.#tctx!.hasTimers) setAlarms(this.#tctx!)
    return res
  }

  memory(fd: number): RingMemory {
    const ctx = this.#tctx?.rings.get(fd)
    assert(ctx !== undefined, `fd ${fd} is a ring of this thread`)
    return { rings: ctx.rings, sqes: ctx.sqeBuffer }
  }

  /**
   * Returns at once. What drains hold back, timeouts, and what is in io-wq are cancelled or told; the ring's record goes
   * when its last request has ended.
   */
  close(fd: number): number {
    const ctx = this.#tctx?.rings.get(fd)
    if (ctx === undefined) return -EBADF
    const tctx = this.#tctx!
    ctx.dying = true
    dropEventfd(tctx, ctx)
    cancelHeld(tctx, ctx)
    dropAlarm(ctx)
    endAllTimeouts(tctx, ctx)
    cancelAll(tctx, ctx)
    tctx.detach(ctx)
    closeAdopted(fd)
    reap(tctx, ctx)
    return 0
  }

  /** Resolves when no worker of this thread's rings is left. Only after the last ring was closed. */
  async workersGone(): Promise<void> {
    await this.#tctx?.wq.workersGone()
  }

  /** The ring of an fd; -EOPNOTSUPP for another file's, -EBADF for none. */
  #ring(fd: number): IoRingCtx | number {
    const ctx = this.#tctx?.rings.get(fd)
    if (ctx !== undefined) return ctx
    return isOpenFd(fd) ? -EOPNOTSUPP : -EBADF
  }
}

/** A closed ring keeps its index until its last request has ended. */
function reap(tctx: Tctx, ctx: IoRingCtx): void {
  runTaskWork(tctx, ctx, 0)
  if (ctx.nrInflight === 0) {
    tctx.byId[ctx.id] = undefined
    return
  }
  setTimeout(() => reap(tctx, ctx), DYING_MS).unref()
}

/** The sizes asked for, rounded as the kernel rounds them; -EINVAL for whatever it would refuse. */
function checkParams(
  entries: number,
  params: DataView,
  isRing: (fd: number) => boolean,
): { sq: number; cq: number } | number {
  const flags = params.getUint32(PARAMS.at.flags, true)
  const has = (bit: number) => (flags & bit) !== 0
  for (const at of [PARAMS.at.resv0, PARAMS.at.resv1, PARAMS.at.resv2]) {
    if (params.getUint32(at, true) !== 0) return -EINVAL
  }
  if ((flags & ~SETUP_KNOWN) !== 0) return -EINVAL
  if (has(abi.IORING_SETUP_DEFER_TASKRUN) && !has(abi.IORING_SETUP_SINGLE_ISSUER)) return -EINVAL
  const deferredOrCoop = has(abi.IORING_SETUP_COOP_TASKRUN) || has(abi.IORING_SETUP_DEFER_TASKRUN)
  if (has(abi.IORING_SETUP_TASKRUN_FLAG) && !deferredOrCoop) return -EINVAL
  const sqEntries = clampEntries(entries >>> 0, MAX_ENTRIES, has(abi.IORING_SETUP_CLAMP))
  if (sqEntries < 0) return sqEntries
  const sq = roundUpPow2(sqEntries)
  let cq = 2 * sq
  if (has(abi.IORING_SETUP_CQSIZE)) {
    const asked = clampEntries(
      params.getUint32(PARAMS.at.cq_entries, true),
      MAX_CQ_ENTRIES,
      has(abi.IORING_SETUP_CLAMP),
    )
    if (asked < 0) return asked
    cq = roundUpPow2(asked)
    if (cq < sq) return -EINVAL
  }
  if (has(abi.IORING_SETUP_ATTACH_WQ)) {
    const wqFd = params.getInt32(PARAMS.at.wq_fd, true)
    if (!isRing(wqFd)) return isOpenFd(wqFd) ? -EINVAL : -ENXIO
  }
  return { sq, cq }
}

function clampEntries(asked: number, most: number, clamp: boolean): number {
  if (asked === 0 || (asked > most && !clamp)) return -EINVAL
  return Math.min(asked, most)
}

function roundUpPow2(n: number): number {
  return 2 ** Math.ceil(Math.log2(n))
}

function fillParams(params: DataView, ctx: IoRingCtx): void {
  const { at } = PARAMS
  const set = (offset: number, value: number) => params.setUint32(offset, value, true)
  set(at.sq_entries, ctx.sqEntries)
  set(at.cq_entries, ctx.cqEntries)
  set(at.features, FEATURES)
  set(at.sq_off_head, RINGS.at.sq_head)
  set(at.sq_off_tail, RINGS.at.sq_tail)
  set(at.sq_off_ring_mask, RINGS.at.sq_ring_mask)
  set(at.sq_off_ring_entries, RINGS.at.sq_ring_entries)
  set(at.sq_off_flags, RINGS.at.sq_flags)
  set(at.sq_off_dropped, RINGS.at.sq_dropped)
  set(at.sq_off_array, ctx.arrayWord === NONE ? 0 : ctx.arrayWord * 4)
  set(at.cq_off_head, RINGS.at.cq_head)
  set(at.cq_off_tail, RINGS.at.cq_tail)
  set(at.cq_off_ring_mask, RINGS.at.cq_ring_mask)
  set(at.cq_off_ring_entries, RINGS.at.cq_ring_entries)
  set(at.cq_off_overflow, RINGS.at.cq_overflow)
  set(at.cq_off_cqes, ctx.cqesWord * 4)
  set(at.cq_off_flags, RINGS.at.cq_flags)
}
