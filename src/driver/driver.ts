/**
 * The driver: operations become SQEs, CQEs settle promises, on Node's event loop. Runs on the thread that made the ring.
 *
 * All SQEs written in one turn enter the kernel (or the threads) by one call, made from process.nextTick: after the
 * turn's microtasks, so that every loop resumed by the last batch has its next operation in the new one. What completes
 * inline is drained in the same call. Then the loop sleeps on an eventfd, and only while something is in flight.
 *
 *      issue -> backlog -> (tick) -> SQ -> enter -> CQ -> drain -> promises -> microtasks -> issue -> ...
 *                       \____________ bounded by maxTurnMs, then by way of setImmediate ______/
 *
 * No user code runs inside. It never blocks, and never touches ring memory once closed.
 */
import { IORING_SETUP_SQPOLL, IORING_SQ_NEED_WAKEUP, IOSQE_ASYNC } from '../abi/constants.js'
import { SQE } from '../abi/sqe.js'
import { ECANCELED, errnoError } from '../lib/errno.js'
import { nextTick, setImmediate, setTimeout } from '../lib/globals.js'
import type { Ring } from '../ring/ring.js'
import { isCachedFile } from '../sys/file.js'
import { Backlog } from './backlog.js'
import { CANCEL_TAG, Cancels } from './cancel.js'
import { chainTooLong, invalidState } from './errors.js'
import { Lender } from './lend.js'
import { type OpExtra, OpTable, type PlaceListener, QUEUED, REPLACED, type Resolve, WAITING } from './op.js'
import type { DriverSettings } from './open-options.js'
import { mayBeLinked, type OpOptions, sqeFlags } from './options.js'
import { Order, USES_NOTHING } from './order.js'
import { Pieces } from './pieces.js'
import { Signals } from './signals.js'
import { Trouble } from './trouble.js'
import { Turn } from './turn.js'
import { Wakeup } from './wakeup.js'

export interface DriverStats {
  enters: number
  sqes: number
  cqes: number
  wakes: number
}

/** CQ entries kept for cancel requests, so that they never wait for what they are to cancel. */
const CANCEL_ROOM = 64
const FLAGS_SHIFT = SQE.at.flags * 8
const FD = SQE.at.fd >> 2
/** Buffers that one system call takes. */
const IOV_MAX = 1024
const OPEN = 0
const CLOSING = 1
const CLOSED = 2

/** What rings that were given up may still write to, for good. */
const abandoned: object[] = []

let captured: Resolve
const capture = (resolve: Resolve) => {
  captured = resolve
}

export class Driver {
  readonly ring: Ring
  readonly stats: DriverStats = { enters: 0, sqes: 0, cqes: 0, wakes: 0 }
  readonly pieces: Pieces
  /** Set where operations get copies of the caller's memory. */
  readonly lender: Lender | undefined
  /** Where only an operation of very many buffers does. */
  #gatherer: Lender | undefined
  readonly #ops: OpTable
  readonly #signals: Signals
  readonly #backlog: Backlog
  readonly #order: Order
  readonly #cancels: Cancels
  readonly #wakeup: Wakeup
  readonly #turn: Turn
  /** Operations in flight at most: with the cancel requests they fill the CQ and never overflow it. */
  readonly #maxInflight: number
  readonly #maxChain: number
  readonly #asyncBytes: number
  /** A thread of the kernel takes the SQEs by itself. */
  readonly #isPolled: boolean
  readonly #trouble: Trouble
  /** What enter answered when it last took nothing. */
  #refused = 0
  #nrInflight = 0
  /** The signal that is listened to for the operation which is staged. */
  #listened: AbortSignal | undefined
  /** What the staged SQE is to move. */
  #stagedBytes = 0
  /** Why the rest of a chain is refused, while its end is still to come. */
  #refusal: (() => Error) | undefined
  /** What stage() threw for a chain that is too long, on its way to refuse(). */
  #tooLong: Error | undefined
  #isScheduled = false
  #isDraining = false
  #state = OPEN
  #isDestroying = false
  #closed: Promise<void> | undefined
  #onClosed: (() => void) | undefined

  constructor(ring: Ring, { maxTurnMs, asyncBytes, lend }: DriverSettings) {
    this.ring = ring
    this.#asyncBytes = asyncBytes
    this.#isPolled = (ring.flags & IORING_SETUP_SQPOLL) !== 0
    // Where workers are this thread's, they have ended by then.
    this.pieces = new Pieces(ring.syscalls.name === 'threads')
    if (lend) this.lender = new Lender(this.pieces)
    this.#turn = new Turn(maxTurnMs)
    this.#trouble = new Trouble(ring.syscalls.name)
    const cancelRoom = Math.max(1, Math.min(CANCEL_ROOM, ring.cq.entries >> 2))
    this.#maxInflight = ring.cq.entries - cancelRoom
    this.#maxChain = Math.min(ring.sq.entries, this.#maxInflight)
    const places: PlaceListener = {
      begin: (place) => this.#order.begin(place),
      end: (place, res) => this.#order.end(place, res),
    }
    this.#signals = new Signals(this.#onAbort)
    this.#ops = new OpTable(this.#signals, places, (slot, generation) =>
      this.ring.syscalls.causeOf?.(this.ring.fd, slot, generation),
    )
    this.#backlog = new Backlog(ring.sq.entries, this.#ops)
    this.#order = new Order(this.#ops, this.#backlog, ring.syscalls.name === 'kernel')
    this.#cancels = new Cancels(this.#ops, cancelRoom, this.#schedule)
    this.#wakeup = new Wakeup(ring, this.#onWake)
  }

  get nrInflight(): number {
    return this.#nrInflight
  }

  get nrQueued(): number {
    return this.#backlog.length + this.#order.nrWaiting
  }

  /** See Syscalls. */
  get takesNullPath(): boolean {
    return this.ring.syscalls.takesNullPath
  }

  /** Operations submitted, by opcode. */
  get nrByOpcode(): Float64Array {
    return this.#backlog.nrByOpcode
  }

  /** The SQEs being staged. Valid until the next stage(). */
  get words(): Int32Array {
    return this.#backlog.words
  }

  /** What lends memory to an operation of so many buffers; undefined where it gets the caller's. */
  lenderOf(nrBuffers: number): Lender | undefined {
    if (this.lender !== undefined || nrBuffers <= IOV_MAX) return this.lender
    this.#gatherer ??= new Lender(this.pieces)
    return this.#gatherer
  }

  /**
   * The word where the next SQE is to be prepared, zeroed; nothing is queued until issue(). Throws for a closed ring, bad
   * options, an aborted signal, or a chain that was refused. The last step that may throw: issue() does not.
   */
  stage(options?: OpOptions): number {
    const signal = options?.signal
    // The caller's code may run here, and do anything; none does from here until the operation is queued.
    if (signal !== undefined) this.#signals.listen(signal)
    this.#listened = signal
    if (this.#state !== OPEN) throw invalidState('the ring is closed')
    if (this.#refusal !== undefined) throw this.#refusal()
    if (this.#backlog.openChainLength === this.#maxChain) {
      this.#tooLong = chainTooLong(this.#maxChain)
      throw this.#tooLong
    }
    return this.#backlog.stage()
  }

  /**
   * Says how many bytes the staged SQE moves from or to the page cache, if it is a file's. Inline they are copied by this
   * thread, inside enter: many are a worker's, and the rest enters a portion at a time, so that a turn can end.
   */
  weigh(at: number, fd: number, sizeBytes: number, options?: OpOptions): void {
    this.#stagedBytes = sizeBytes
    const async = options?.async
    if (async === undefined && sizeBytes >= this.#asyncBytes && isCachedFile(fd)) {
      this.words[at] = this.words[at]! | (IOSQE_ASYNC << FLAGS_SHIFT)
    } else if (async !== true) {
      this.#backlog.weigh(sizeBytes)
    }
  }

  /**
   * Queues the staged SQE. `keep` is whatever must stay alive until the operation has ended; `syscall` names it in
   * errors; `uses` is how it uses its file's position (order.ts).
   */
  issue<T>(
    at: number,
    syscall: string,
    keep: unknown,
    options?: OpOptions,
    extra?: OpExtra,
    uses = USES_NOTHING,
  ): Promise<T> {
    const backlog = this.#backlog
    const order = this.#order
    const signal = options?.signal
    if (options !== undefined) backlog.words[at] = backlog.words[at]! | (sqeFlags(options) << FLAGS_SHIFT)
    if (signal !== undefined) {
      extra ??= {}
      extra.signal = signal
      this.#listened = undefined
    }
    const promise = new Promise<T>(capture as (resolve: (value: T) => void) => void)
    const slot = this.#ops.alloc(captured, syscall, keep, extra, backlog.position)
    if (signal !== undefined) this.#signals.add(signal, slot)
    backlog.push(at, slot, this.#ops.generation(slot))
    if (uses !== USES_NOTHING) order.add(slot, backlog.words[at + FD]!, uses, this.#stagedBytes)
    if (backlog.openChainLength === 1) nextTick(this.#endChain)
    if (order.isOpen && backlog.openChainLength === 0) order.settle()
    const { entries } = this.ring.sq
    const isFull = backlog.length >= entries && backlog.isLight
    if (isFull && this.#nrInflight + entries <= this.#maxInflight && !this.#isDraining) {
      this.#enter()
      order.learn()
    }
    this.#schedule()
    return promise
  }

  /**
   * A rejected promise for an operation that could not be queued. A chain that it belongs to cannot run without it: the
   * members already issued are taken back and those still to come refused, with ECANCELED, as the kernel does it.
   * The promise of a member that others are to follow rejects after the turn, in which they must be issued.
   */
  refuse(error: unknown, options: unknown): Promise<never> {
    const listened = this.#listened
    this.#listened = undefined
    if (listened !== undefined) this.#signals.drop(listened)
    const isTooLong = error === this.#tooLong
    this.#tooLong = undefined
    // A proxy's code may run here, and the caller's nowhere below.
    const isFollowed = mayBeLinked(options)
    this.#order.forget()
    const chain = this.#backlog.takeOpenChain()
    for (const slot of chain) {
      const syscall = this.#ops.syscall(slot)
      this.#ops.drop(slot, isTooLong ? () => chainTooLong(this.#maxChain) : () => errnoError(ECANCELED, syscall))
    }
    if (!isFollowed) this.#refusal = undefined
    else if (isTooLong) this.#refusal = () => chainTooLong(this.#maxChain)
    else this.#refusal ??= () => errnoError(ECANCELED, 'io_uring_enter')
    if (!isFollowed) return Promise.reject(error)
    return new Promise((_, reject) => {
      nextTick(() => {
        this.#endChain()
        reject(error)
      })
    })
  }

  /** Whether close() or destroy() was called, or the ring given up. */
  get isClosed(): boolean {
    return this.#state !== OPEN
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
      // Those that wait first: what they wait for has no business to let them go.
      const waiting = this.#order.takeAll()
      this.#order.forget()
      for (const slot of [...this.#backlog.takeAll(), ...waiting]) this.#ops.drop(slot, undefined)
      for (const slot of this.#ops.submitted()) this.#cancels.add(slot)
      this.#schedule()
    }
    return closed
  }

  readonly #onAbort = (slot: number): void => {
    const ops = this.#ops
    const state = ops.state(slot)
    if ((state & QUEUED) === 0) {
      this.#cancels.add(slot)
      this.#schedule()
    } else if ((state & WAITING) === 0 ? this.#backlog.drop(ops.position(slot)) : this.#order.takeBack(slot)) {
      ops.drop(slot, undefined)
      // Who came behind it may be ready.
      this.#schedule()
    } else {
      ops.mark(slot, REPLACED)
    }
  }

  readonly #schedule = (): void => {
    if (this.#isScheduled) return
    this.#isScheduled = true
    nextTick(this.#onTick)
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
    if (this.#order.isOpen) this.#order.settle()
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
      if (this.#backlog.openChainLength === 0) this.#order.moveReady()
      const isAccepted = this.#enter()
      this.#drain()
      this.#order.learn()
      if (isAccepted && !this.#hasWork() && this.#rest()) return
      if (!isAccepted) this.#comeAgain()
      else if (!this.#turn.takeRound()) this.#later()
      else continue
      return
    }
  }

  /** enter took nothing: it is asked again, for some time. */
  #comeAgain(): void {
    const delayMs = this.#trouble.meet(this.#refused)
    if (delayMs === undefined) this.#giveUp(this.#refused)
    else if (delayMs === 0) this.#later()
    else if (!this.#isScheduled) {
      this.#isScheduled = true
      setTimeout(this.#onTurn, delayMs)
    }
  }

  /** Closes a ring that takes nothing any more. What waits rejects; what is in flight too, and its memory stays held. */
  #giveUp(res: number): void {
    this.#state = CLOSED
    const fail = () => errnoError(res, 'io_uring_enter')
    const waiting = this.#order.takeAll()
    this.#order.forget()
    for (const slot of [...this.#backlog.takeAll(), ...waiting]) this.#ops.drop(slot, fail)
    for (const slot of this.#ops.submitted()) this.#ops.abandon(slot, fail)
    this.#cancels.close()
    this.#wakeup.close()
    this.ring.queueExit()
    abandoned.push(this.#ops, this.pieces)
    this.#onClosed?.()
    this.#closed ??= Promise.resolve()
  }

  #hasWork(): boolean {
    const { ring } = this
    return (
      ring.cq.ready() > 0 ||
      ring.cqNeedsEnter() ||
      this.#isStalled() ||
      this.#backlog.isMovable(this.#maxInflight - this.#nrInflight) ||
      this.#cancels.isMovable ||
      this.#order.hasReady
    )
  }

  /** Whether SQEs wait for a call of enter. Those of a polled ring do only if its thread has gone to sleep. */
  #isStalled(): boolean {
    const { sq } = this.ring
    return sq.ready() > 0 && (!this.#isPolled || (sq.flags() & IORING_SQ_NEED_WAKEUP) !== 0)
  }

  /** Lets the loop sleep, or exits the ring. False when something came in just then. */
  #rest(): boolean {
    if (this.#nrInflight + this.#cancels.nrInflight > 0) {
      return this.#wakeup.arm(this.#order.hasCounters) && this.#wakeup.hold()
    }
    this.#wakeup.letGo()
    if (this.#state === CLOSING && this.nrQueued === 0) this.#exit()
    return true
  }

  #exit(): void {
    this.#state = CLOSED
    this.#cancels.close()
    this.#wakeup.close()
    this.ring.queueExit()
    this.pieces.close()
    this.#onClosed?.()
  }

  /** Moves what fits into the SQ and enters. False when the other side asks to come back later. */
  #enter(): boolean {
    const { ring, stats } = this
    this.#wakeup.mute()
    if (this.#cancels.isMovable) {
      // Task work first: it may start, or end, what is to be cancelled.
      if (ring.cqNeedsEnter()) ring.getEvents()
      this.#cancels.moveTo(ring.sq)
    }
    this.#nrInflight += this.#backlog.moveTo(ring.sq, this.#maxInflight - this.#nrInflight)
    const needsEvents = ring.cqNeedsEnter()
    const isSubmitting = ring.sq.ready() > 0
    if (!needsEvents && !isSubmitting) return true
    if (this.#isPolled) {
      stats.sqes += ring.sq.flush()
      // After the flush: its thread looks at the tail once more after it has said that it sleeps.
      if (!needsEvents && !this.#isStalled()) return true
    }
    const res = !isSubmitting ? ring.getEvents() : needsEvents ? ring.submitAndGetEvents() : ring.submit()
    stats.enters++
    if (res < 0) {
      // Nothing was consumed, and the SQ keeps it.
      this.#refused = res
      return false
    }
    this.#trouble.end()
    if (isSubmitting && !this.#isPolled) stats.sqes += res
    return true
  }

  /** Settles an operation for each CQE. */
  #drain(): void {
    const { cq } = this.ring
    const nr = cq.ready()
    if (nr === 0) return
    this.#isDraining = true
    let nrOps = 0
    for (let i = 0; i < nr; i++) {
      const generation = cq.userDataHigh(i)
      if (generation === CANCEL_TAG) {
        this.#cancels.complete(cq.userData(i), cq.res(i))
      } else {
        this.#ops.complete(cq.userData(i), generation, cq.res(i))
        nrOps++
      }
    }
    cq.advance(nr)
    this.#isDraining = false
    this.stats.cqes += nr
    this.#nrInflight -= nrOps
  }
}
