/**
 * The waits of a ring: for how many completions, until when, and in slices that let its thread end. App's thread.
 *
 * A thread that sleeps in the kernel does not notice that it is terminated, and the caller of worker.terminate(), or
 * the end of the process, waits for it. So in a Worker a long wait is several short ones: between two of them
 * JavaScript runs, and ends if it must. Backends that sleep in a futex require no slices. This file must wait for
 * completions alone. Counterpart: _io_uring_get_cqe of liburing.
 */
import {
  IORING_ENTER_ABS_TIMER,
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_SQ_WAKEUP,
  IORING_FEAT_EXT_ARG,
  IORING_OP_TIMEOUT,
} from '../abi/constants.js'
import { CLOCK_MONOTONIC } from '../abi/process.js'
import { GETEVENTS_ARG, KERNEL_TIMESPEC } from '../abi/structs.js'
import type { Syscalls } from '../abi/syscalls.js'
import { nowMs } from '../lib/clock.js'
import { ETIME } from '../lib/errno.js'
import { clockNs } from '../sys/clock.js'
import { isMainThread } from '../sys/libc.js'
import { addressOf, high32, low32 } from '../sys/memory.js'
import type { Cq } from './cq.js'
import { noTime } from './misuse.js'
import type { Sq } from './sq.js'

/** The longest time in the kernel of a thread that may be ended. */
const SLICE_MS = 50
const EXT = IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG
const NS_PER_S = 1_000_000_000

/** The end of a wait: by nowMs(), or in nanoseconds by the clock of the ring. */
type End = number | bigint

/** What a wait has to know of its ring. */
interface Waited {
  readonly syscalls: Syscalls
  readonly features: number
  readonly cq: Cq
}

export type Enter = (toSubmit: number, minComplete: number, flags: number, arg?: Uint8Array) => number

/** The slice of a wait that a thread may spend in the kernel; undefined if it may stay there. */
export function sliceMs(ring: Waited): number | undefined {
  return ring.syscalls.name === 'kernel' && !isMainThread() ? SLICE_MS : undefined
}

export class Waits {
  readonly #ring: Waited
  readonly #enter: Enter
  readonly #isSliced: boolean
  readonly #arg = new WaitArg()
  #sliceArg: Uint8Array | undefined
  /** Whether a TIMEOUT was ever submitted: its end also ends a wait for several. */
  #hasTimeouts = false
  /** The clock of absolute times; registerClock changes it. */
  clock = CLOCK_MONOTONIC

  constructor(ring: Waited, enter: Enter) {
    this.#ring = ring
    this.#enter = enter
    // Without the feature a wait has no timeout: Linux before 5.11.
    this.#isSliced = (ring.features & IORING_FEAT_EXT_ARG) !== 0 && sliceMs(ring) !== undefined
  }

  /** Call it before SQEs are published: an SQE must not be read afterwards. */
  beforeFlush(sq: Sq): void {
    if (this.#isSliced && !this.#hasTimeouts) this.#hasTimeouts = sq.hasUnflushed(IORING_OP_TIMEOUT)
  }

  /**
   * Submits, and waits for `waitNr` completions: for all of them at least `minWaitUs`, then for one until `timeoutMs`
   * have passed. Both are optional. Returns enter's result.
   */
  enter(toSubmit: number, waitNr: number, flags: number, timeoutMs?: number, minWaitUs = 0): number {
    if (this.#isSliced && waitNr > 0) {
      const longest = timeoutMs ?? (minWaitUs > 0 ? 0 : Number.POSITIVE_INFINITY)
      if (Math.max(longest, minWaitUs / 1000) > SLICE_MS) {
        const now = timeoutMs === undefined && minWaitUs === 0 ? 0 : nowMs()
        const minEnd = minWaitUs > 0 ? now + minWaitUs / 1000 : undefined
        return this.#inSlices(toSubmit, waitNr, flags, now + (timeoutMs ?? Number.POSITIVE_INFINITY), minEnd)
      }
    }
    if (timeoutMs === undefined && minWaitUs === 0) return this.#enter(toSubmit, waitNr, flags | IORING_ENTER_GETEVENTS)
    return this.#enter(toSubmit, waitNr, flags | EXT, this.#arg.set(timeoutMs, minWaitUs))
  }

  /** enter() until the ring's clock shows `untilNs` nanoseconds. */
  enterUntil(toSubmit: number, waitNr: number, flags: number, untilNs: bigint): number {
    if (this.#isSliced && waitNr > 0 && this.#leftMs(untilNs) > SLICE_MS) {
      return this.#inSlices(toSubmit, waitNr, flags, untilNs, undefined)
    }
    return this.#enter(toSubmit, waitNr, flags | EXT | IORING_ENTER_ABS_TIMER, this.#arg.setUntil(untilNs))
  }

  /** Waits for completions without submitting, with one deadline, however often it is woken. Returns 0 or -errno. */
  waitFor(waitNr: number, timeoutMs: number | undefined, minWaitUs: number): number {
    const { cq } = this.#ring
    const wanted = Math.min(waitNr, cq.entries)
    if (cq.ready() >= wanted) return 0
    const isBounded = timeoutMs !== undefined || minWaitUs > 0
    const now = isBounded ? nowMs() : 0
    let leftMs = timeoutMs
    let minLeftUs = minWaitUs
    for (;;) {
      const res = this.enter(0, wanted, 0, leftMs, minLeftUs)
      if (cq.ready() > 0) return 0
      if (res < 0) return res
      // It was woken but nothing came: the task work had no completion.
      if (!isBounded) continue
      const passedMs = nowMs() - now
      minLeftUs = Math.max(0, Math.ceil(minWaitUs - passedMs * 1000))
      if (timeoutMs !== undefined) leftMs = Math.max(0, timeoutMs - passedMs)
      else if (minLeftUs === 0) return -ETIME
    }
  }

  /** waitFor() until the ring's clock shows `untilNs`. */
  waitUntil(waitNr: number, untilNs: bigint): number {
    const { cq } = this.#ring
    const wanted = Math.min(waitNr, cq.entries)
    if (cq.ready() >= wanted) return 0
    for (;;) {
      const res = this.enterUntil(0, wanted, 0, untilNs)
      if (cq.ready() > 0) return 0
      if (res < 0) return res
    }
  }

  /** One wait in several slices. It returns what the one wait would have returned: each branch is one way of ending. */
  #inSlices(toSubmit: number, waitNr: number, flags: number, end: End, minEnd: number | undefined): number {
    const { cq } = this.#ring
    let wanted = Math.min(waitNr, cq.entries)
    let stop = minEnd ?? end
    let offered = toSubmit
    for (;;) {
      const leftMs = stop === Number.POSITIVE_INFINITY ? stop : this.#leftMs(stop)
      const isLast = leftMs <= SLICE_MS
      const nrBefore = cq.ready()
      const beganMs = wanted > 1 ? nowMs() : 0
      const arg = isLast ? this.#arg.set(Math.max(0, leftMs), 0) : this.#slice()
      const res = this.#enter(offered, wanted, flags | EXT, arg)
      const isFirst = offered > 0 || toSubmit === 0
      if (offered > 0 ? res !== offered : res < 0 && res !== -ETIME) return isFirst ? res : toSubmit
      const nr = cq.ready()
      if (nr >= wanted) return toSubmit
      if (isLast) {
        // Either the end, or an earlier event.
        if (nr > 0) return toSubmit
        // The minimum is over without a completion: from here on one is enough. If there is no other end, the wait is
        // over.
        const isOver = stop === end || end === Number.POSITIVE_INFINITY || this.#leftMs(end) <= 0
        if (isOver) return toSubmit > 0 ? toSubmit : -ETIME
        stop = end
        wanted = 1
      } else if (nr > 0 && (nowMs() - beganMs < SLICE_MS || (this.#hasTimeouts && mayBeTimeout(cq, nrBefore, nr)))) {
        // Not the slice but a TIMEOUT or a signal ended it, or both at once.
        return toSubmit
      }
      offered = 0
      flags &= ~IORING_ENTER_SQ_WAKEUP
    }
  }

  #leftMs(end: End): number {
    return typeof end === 'number' ? end - nowMs() : Number(end - clockNs(this.clock)) / 1e6
  }

  #slice(): Uint8Array {
    this.#sliceArg ??= new WaitArg().set(SLICE_MS, 0)
    return this.#sliceArg
  }
}

/**
 * Whether one of the completions from the `from`th on may be the end of a TIMEOUT: by its time, or by its count, which
 * looks like the success of any other operation.
 */
function mayBeTimeout(cq: Cq, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (cq.res(i) === -ETIME || cq.res(i) === 0) return true
  return false
}

/** Checks a number of milliseconds or microseconds to wait. A negative time has passed. */
export function checkTime(time: number): number {
  if (typeof time !== 'number' || Number.isNaN(time)) throw noTime(time)
  return Math.max(0, time)
}

/** io_uring_getevents_arg with its timespec, filled anew for each wait. */
class WaitArg {
  readonly #arg = new Uint8Array(GETEVENTS_ARG.size)
  readonly #words = new Int32Array(this.#arg.buffer)
  readonly #timespec = new Int32Array(KERNEL_TIMESPEC.size >> 2)
  readonly #address = addressOf(this.#timespec)

  /** Without a time there is no limit. */
  set(timeoutMs: number | undefined, minWaitUs: number): Uint8Array {
    const hasEnd = timeoutMs !== undefined && timeoutMs !== Number.POSITIVE_INFINITY
    if (hasEnd) {
      const seconds = Math.floor(timeoutMs / 1000)
      this.#put(seconds, Math.round((timeoutMs - seconds * 1000) * 1e6))
    }
    return this.#finish(hasEnd ? this.#address : 0, minWaitUs)
  }

  setUntil(untilNs: bigint): Uint8Array {
    const seconds = untilNs / BigInt(NS_PER_S)
    this.#put(Number(seconds), Number(untilNs - seconds * BigInt(NS_PER_S)))
    return this.#finish(this.#address, 0)
  }

  #put(seconds: number, ns: number): void {
    // It may round up to a whole second, or exceed what the kernel can count, which then uses its maximum.
    const most = Math.min(ns === NS_PER_S ? seconds + 1 : seconds, Number.MAX_SAFE_INTEGER)
    this.#timespec[0] = low32(most)
    this.#timespec[1] = high32(most)
    this.#timespec[2] = ns === NS_PER_S ? 0 : ns
    this.#timespec[3] = 0
  }

  #finish(address: number, minWaitUs: number): Uint8Array {
    this.#words[GETEVENTS_ARG.at.min_wait_usec >> 2] = Math.min(minWaitUs, 0xffff_ffff)
    this.#words[GETEVENTS_ARG.at.ts >> 2] = low32(address)
    this.#words[(GETEVENTS_ARG.at.ts >> 2) + 1] = high32(address)
    return this.#arg
  }
}
