/**
 * The driver: operations become SQEs, CQEs settle promises, on Node's event loop. Runs on the thread that made the ring.
 *
 * All SQEs written in one turn enter the kernel (or the threads) by one call, made from process.nextTick: after the
 * turn's microtasks, so that every loop resumed by the last batch has its next operation in the new one. What completes
 * inline is drained in the same call. Then the loop sleeps on an eventfd, and only while something is in flight.
 *
 *      issue -> backlog -> (tick) -> SQ -> enter -> CQ -> drain -> promises -> microtasks -> issue -> ...
 *                             \\____________ bounded by maxTurnMs, then by way of setImmediate ______/
 *
 * No user code runs inside. It never blocks, and never touches ring memory once closed.
 */
import * as abi from '../abi/constants.js'
import { SQE } from '../abi/sqe.js'
import { assert } from '../lib/assert.js'
import { EAGAIN, EBUSY, ECANCELED, EINTR, ENOMEM, errnoError } from '../lib/errno.js'
import { prepCancel64, setUserData } from '../ring/prep.js'
import type { Ring } from '../ring/ring.js'
import { SQ_FULL } from '../ring/sq.js'
import { Backlog } from './backlog.js'
import { abortError, codeError, invalidArgType, invalidState } from './errors.js'
import { ABORTED, type OpExtra, OpTable, QUEUED, REPLACED, type Resolve } from './op.js'
import { Turn } from './turn.js'
import { Wakeup } from './wakeup.js'

/** What every operation takes. */
export interface OpOptions {
  /** Cancels the operation. Once it has started it may still succeed, and then its promise resolves. */
  signal?: AbortSignal | undefined
  /**
   * The next operation issued on this ring in the same turn (no `await` in between) starts after this one has succeeded,
   * and fails with ECANCELED if this one fails; a short read or write is a failure here (IOSQE_IO_LINK).
   */
  link?: boolean | undefined
  /** Like `link`, but the next operation starts even if this one fails (IOSQE_IO_HARDLINK). */
  hardlink?: boolean | undefined
  /** Does not try the operation inline but hands it to a worker at once (IOSQE_ASYNC). */
  async?: boolean | undefined
}

export interface DriverStats {
  enters: number
  sqes: number
  cqes: number
  wakes: number
}

/** CQ entries kept for cancel requests, so that they never wait for what they are to cancel. */
const CANCEL_ROOM = 64
/** user_data's high word of cancel requests; generations never get there. */
const CANCEL_TAG = 0xffffffff
const FLAGS_SHIFT = SQE.at.flags * 8
const OPEN = 0
const CLOSING = 1
const CLOSED = 2

let captured: Resolve
const capture = (resolve: Resolve) => {
  captured = resolve
}

export class Driver {
  readonly ring: Ring
  readonly stats: DriverStats = { enters: 0, sqes: 0, cqes: 0, wakes: 0 }
  readonly #ops = new OpTable()
  readonly #backlog: Backlog
  readonly #wakeup: Wakeup
  readonly #turn: Turn
  readonly #cancelRoom: number
  /** Operations in flight at most: with the cancel requests they fill the CQ and never overflow it. */
  readonly #maxInflight: number
  readonly #maxChain: number
  #nrInflight = 0
  #nrCancelling = 0
  /** Cancel requests to be made: slot, generation, slot, generation... */
  #cancels: number[] = []
  /** Why the rest of a chain is refused, while its end is still to come. */
  #refusal: (() => Error) | undefined
  #isScheduled = false
  #isDraining = false
  #state = OPEN
  #isDestroying = false
  #needsSweep = false
  #closed: Promise<void> | undefined
  #onClosed: (() => void) | undefined

  constructor(ring: Ring, maxTurnMs: number) {
    this.ring = ring
    this.#turn = new Turn(maxTurnMs)
    this.#cancelRoom = Math.max(1, Math.min(CANCEL_ROOM, ring.cq.entries >> 2))
    this.#maxInflight = ring.cq.entries - this.#cancelRoom
    this.#maxChain = Math.min(ring.sq.entries, this.#maxInflight)
    this.#backlog = new Backlog(ring.sq.entries, this.#ops)
    this.#wakeup = new Wakeup(ring, this.#onWake)
  }

  get nrInflight(): number {
    return this.#nrInflight
  }

  get nrQueued(): number {
    return this.#backlog.length
  }

  /** Operations submitted, by opcode. */
  get nrByOpcode(): Float64Array {
    return this.#backlog.nrByOpcode
  }

  /** The SQEs being staged. Valid until the next stage(). */
  get words(): Int32Array {
    return this.#backlog.words
  }

  /** The word where the next SQE is to be prepared, zeroed. Nothing is queued until issue(). */
  stage(): number {
    if (this.#state !== OPEN) throw invalidState('the ring is closed')
    return this.#backlog.stage()
  }

  /**
   * Queues the staged SQE. `keep` is whatever must stay alive until the operation has ended; `syscall` names it in
   * errors. Throws, with nothing queued, for bad options, an aborted signal, or a chain that was refused.
   */
  issue<T>(at: number, syscall: string, keep: unknown, options?: OpOptions, extra?: OpExtra): Promise<T> {
    const backlog = this.#backlog
    let signal: AbortSignal | undefined
    if (options !== undefined) {
      signal = checkOptions(options)
      backlog.words[at] = backlog.words[at]! | (sqeFlags(options) << FLAGS_SHIFT)
      if (signal !== undefined) {
        extra ??= {}
        extra.signal = signal
      }
    }
    if (this.#refusal !== undefined) throw this.#refusal()
    if (backlog.openChainLength === this.#maxChain) throw chainTooLong(this.#maxChain)

    const promise = new Promise<T>(capture as (resolve: (value: T) => void) => void)
    const slot = this.#ops.alloc(captured, syscall, keep, extra, backlog.position)
    if (signal !== undefined) this.#listen(slot, signal, extra!)
    backlog.push(at, slot, this.#ops.generation(slot))
    if (backlog.openChainLength === 1) process.nextTick(this.#endChain)
    const { entries } = this.ring.sq
    if (backlog.length >= entries && this.#nrInflight + entries <= this.#maxInflight && !this.#isDraining) this.#enter()
    this.#schedule()
    return promise
  }

  /**
   * A rejected promise for an operation that could not be queued. A chain that it belongs to cannot run without it: the
   * members already issued are taken back and those still to come refused, with ECANCELED, as the kernel does it.
   * The promise of a member that others are to follow rejects after the turn, in which they must be issued.
   */
  refuse(error: unknown, options?: OpOptions): Promise<never> {
    const isTooLong = (error as { code?: string }).code === 'ERR_URING_CHAIN_TOO_LONG'
    const chain = this.#backlog.takeOpenChain()
    for (const slot of chain) {
      const syscall = this.#ops.syscall(slot)
      this.#ops.drop(slot, isTooLong ? () => chainTooLong(this.#maxChain) : () => errnoError(ECANCELED, syscall))
    }
    const isLinked = options?.link === true || options?.hardlink === true
    if (!isLinked) this.#refusal = undefined
    else if (isTooLong) this.#refusal = () => chainTooLong(this.#maxChain)
    else this.#refusal ??= () => errnoError(ECANCELED, 'io_uring_enter')
    if (!isLinked) return Promise.reject(error)
    return new Promise((_, reject) => {
      process.nextTick(() => {
        this.#endChain()
        reject(error)
      })
    })
  }

  /** Refuses new operations, ends when all issued ones have. Idempotent. */
  close(): Promise<void> {
    if (this.#closed === undefined) {
      this.#state = CLOSING
      this.#closed = new Promise((resolve) => {
        this.#onClosed = resolve
      })
      this.#schedule()
    }
    return this.#closed
  }

  /** close(), but cancels what was issued first. Idempotent. */
  destroy(): Promise<void> {
    const closed = this.close()
    if (this.#state === CLOSING && !this.#isDestroying) {
      this.#isDestroying = true
      for (const slot of this.#backlog.takeAll()) this.#ops.drop(slot, undefined)
      this.#cancelAll()
      this.#schedule()
    }
    return closed
  }

  #listen(slot: number, signal: AbortSignal, extra: OpExtra): void {
    const generation = this.#ops.generation(slot)
    extra.onAbort = () => this.#abort(slot, generation)
    signal.addEventListener('abort', extra.onAbort, { once: true })
  }

  #abort(slot: number, generation: number): void {
    const ops = this.#ops
    if (ops.generation(slot) !== generation) return
    if ((ops.state(slot) & QUEUED) === 0) {
      ops.mark(slot, ABORTED)
      this.#cancels.push(slot, generation)
      this.#schedule()
    } else if (this.#backlog.drop(ops.position(slot))) {
      ops.drop(slot, undefined)
    } else {
      ops.mark(slot, REPLACED)
    }
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    process.nextTick(this.#onTick)
  }

  /** Goes on in the next turn of the event loop, after whatever else is due. */
  #later(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#onTurn)
  }

  /** A chain ends with the turn it was issued in, even when its submission waits for the next. */
  readonly #endChain = (): void => {
    this.#refusal = undefined
    this.#backlog.endChain()
  }

  readonly #onTick = (): void => {
    this.#isScheduled = false
    this.#endChain()
    if (this.#turn.takeRound()) this.#run()
    else this.#later()
  }

  readonly #onTurn = (): void => {
    this.#isScheduled = false
    this.#turn.begin()
    this.#run()
  }

  readonly #onWake = (): void => {
    this.stats.wakes++
    this.#turn.begin()
    this.#run()
  }

  /** Submits and drains until nothing is left to do but to wait, or the turn has lasted long enough. */
  #run(): void {
    if (this.#state === CLOSED) return
    for (;;) {
      const isAccepted = this.#enter()
      this.#drain()
      if (isAccepted && !this.#hasWork() && this.#rest()) return
      if (!isAccepted || !this.#turn.takeRound()) {
        this.#later()
        return
      }
    }
  }

  #hasWork(): boolean {
    const { ring } = this
    return (
      ring.cq.ready() > 0 ||
      ring.cqNeedsEnter() ||
      ring.sq.ready() > 0 ||
      this.#backlog.isMovable(this.#maxInflight - this.#nrInflight) ||
      (this.#cancels.length > 0 && this.#nrCancelling < this.#cancelRoom)
    )
  }

  /** Lets the loop sleep, or exits the ring. False when something came in just then. */
  #rest(): boolean {
    if (this.#nrInflight + this.#nrCancelling > 0) {
      if (!this.#wakeup.arm()) return false
      this.#wakeup.hold(true)
      return true
    }
    this.#wakeup.hold(false)
    if (this.#state === CLOSING && this.#backlog.length === 0) this.#exit()
    return true
  }

  #exit(): void {
    this.#state = CLOSED
    this.#wakeup.close()
    this.ring.queueExit()
    this.#onClosed?.()
  }

  /** Moves what fits into the SQ and enters. False when the other side asks to come back later. */
  #enter(): boolean {
    const { ring, stats } = this
    this.#wakeup.mute()
    if (this.#cancels.length > 0) {
      // Task work first: it may start, or end, what is to be cancelled.
      if (ring.cqNeedsEnter()) ring.getEvents()
      this.#moveCancels()
    }
    this.#nrInflight += this.#backlog.moveTo(ring.sq, this.#maxInflight - this.#nrInflight)
    const needsEvents = ring.cqNeedsEnter()
    const isSubmitting = ring.sq.ready() > 0
    if (!needsEvents && !isSubmitting) return true
    const res = !isSubmitting ? ring.getEvents() : needsEvents ? ring.submitAndGetEvents() : ring.submit()
    stats.enters++
    if (res < 0) {
      // Short of memory, or interrupted: nothing was consumed, and the SQ keeps it.
      const isTransient = res === -EAGAIN || res === -EBUSY || res === -EINTR || res === -ENOMEM
      assert(isTransient, `io_uring_enter answers ${res}`)
      return false
    }
    if (isSubmitting) stats.sqes += res
    return true
  }

  #moveCancels(): void {
    const { sq } = this.ring
    let i = 0
    for (; i < this.#cancels.length && this.#nrCancelling < this.#cancelRoom; i += 2) {
      const slot = this.#cancels[i]!
      const generation = this.#cancels[i + 1]!
      if (this.#ops.generation(slot) !== generation) continue
      const at = sq.getSqe()
      if (at === SQ_FULL) break
      prepCancel64(sq.words, at, slot, generation)
      setUserData(sq.words, at, slot, CANCEL_TAG)
      this.#nrCancelling++
    }
    this.#cancels.splice(0, i)
  }

  #cancelAll(): void {
    for (const slot of this.#ops.submitted()) {
      this.#ops.mark(slot, ABORTED)
      this.#cancels.push(slot, this.#ops.generation(slot))
    }
  }

  /** Settles an operation for each CQE. */
  #drain(): void {
    const { cq } = this.ring
    const nr = cq.ready()
    if (nr === 0) return
    this.#isDraining = true
    let nrCancels = 0
    for (let i = 0; i < nr; i++) {
      const generation = cq.userDataHigh(i)
      if (generation === CANCEL_TAG) nrCancels++
      else this.#ops.complete(cq.userData(i), generation, cq.res(i))
    }
    cq.advance(nr)
    this.#isDraining = false
    this.stats.cqes += nr
    this.#nrCancelling -= nrCancels
    this.#nrInflight -= nr - nrCancels
    if (this.#isDestroying) this.#sweepAgain(nr > nrCancels)
  }

  /** After something ended: a link that the last sweep did not find, for it had not started, may have started now. */
  #sweepAgain(hasEnded: boolean): void {
    this.#needsSweep ||= hasEnded
    if (!this.#needsSweep || this.#cancels.length > 0 || this.#nrCancelling > 0) return
    this.#needsSweep = false
    this.#cancelAll()
  }
}

function sqeFlags(options: OpOptions): number {
  return (
    (options.link === true ? abi.IOSQE_IO_LINK : 0) |
    (options.hardlink === true ? abi.IOSQE_IO_HARDLINK : 0) |
    (options.async === true ? abi.IOSQE_ASYNC : 0)
  )
}

/** The signal, if there is one. Throws its AbortError if it has fired. */
function checkOptions(options: OpOptions): AbortSignal | undefined {
  if (typeof options !== 'object' || options === null) throw invalidArgType('options', 'of type object', options)
  const { signal } = options
  if (signal === undefined) return undefined
  if (signal === null || typeof signal !== 'object' || !('aborted' in signal)) {
    throw invalidArgType('options.signal', 'an instance of AbortSignal', signal)
  }
  if (signal.aborted) throw abortError(signal)
  return signal
}

function chainTooLong(max: number): Error {
  return codeError(
    RangeError,
    'ERR_URING_CHAIN_TOO_LONG',
    `A chain of linked operations holds at most ${max}: open the ring with more entries`,
  )
}
