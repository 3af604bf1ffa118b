/**
 * Syscalls in user space: setup, enter, register. Runs on the owner thread, the one that made the ring; workers run
 * requests that would block it.
 *
 * One instance a thread: its rings share an io-wq, as the rings of a task do. SQEs carry native addresses, and an
 * operation is the plain system call. Counterpart: io_uring/io_uring.c.
 */
import { EFD_CLOEXEC } from '../../abi/calls.js'
import * as abi from '../../abi/constants.js'
import { PARAMS } from '../../abi/params.js'
import type { RingMemory, Syscalls } from '../../abi/syscalls.js'
import { assert } from '../../lib/assert.js'
import { EBADF, EBADFD, EFAULT, EINVAL, EMFILE, EOPNOTSUPP } from '../../lib/errno.js'
import { NONE } from '../../lib/mpscq.js'
import { dataViewOf } from '../../lib/views.js'
import { isOpenFd } from '../../sys/file.js'
import { libc } from '../../sys/libc.js'
import { ownView } from '../../sys/memory.js'
import { adoptFd } from '../../sys/thread-fd.js'
import { registerOp } from './register/register.js'
import { setAlarms } from './run/alarm.js'
import { closeRing } from './run/close.js'
import { endCancelled, endDied } from './run/end.js'
import { submitSqes } from './run/submit.js'
import { runTaskWork, tellAll } from './run/tw.js'
import { nrTimeoutEvents, parseWaitArg, waitCq } from './run/wait.js'
import { checkParams, fillParams } from './setup.js'
import { Causes } from './state/causes.js'
import { IoRingCtx, isDeferred } from './state/ctx.js'
import { MAX_RINGS } from './state/layout.js'
import { Tctx } from './state/tctx.js'
import { expireFirst } from './wait/expiry.js'

const ENTER_KNOWN =
  abi.IORING_ENTER_GETEVENTS |
  abi.IORING_ENTER_SQ_WAKEUP |
  abi.IORING_ENTER_SQ_WAIT |
  abi.IORING_ENTER_EXT_ARG |
  abi.IORING_ENTER_REGISTERED_RING |
  abi.IORING_ENTER_ABS_TIMER |
  abi.IORING_ENTER_NO_IOWAIT

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
    // The fd is a real descriptor of the process, so no other file ever has its number.
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
    // Timeouts that are up were so before the batch, which may name them.
    if (tctx.hasTimers && (getEvents || !isDeferred(ctx))) expireFirst(tctx, ctx)
    // Counted before the batch: submitting it may last longer than a timeout in it.
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

  close(fd: number): number {
    const ctx = this.#tctx?.rings.get(fd)
    if (ctx === undefined) return -EBADF
    closeRing(this.#tctx!, ctx)
    return 0
  }

  /** Resolves when no worker of this thread's rings is left. Call it only after the last ring was closed. */
  async workersGone(): Promise<void> {
    await this.#tctx?.wq.workersGone()
  }

  /** The ring of an fd; -EOPNOTSUPP for another file, -EBADF for none. */
  #ring(fd: number): IoRingCtx | number {
    const ctx = this.#tctx?.rings.get(fd)
    if (ctx !== undefined) return ctx
    return isOpenFd(fd) ? -EOPNOTSUPP : -EBADF
  }
}
