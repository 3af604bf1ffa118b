/**
 * The driver: operations become SQEs, CQEs settle promises, on Node's event loop. Runs on the thread that made the ring.
 *
 * One call submits all SQEs written in one turn to the kernel (or the threads). It is made from process.nextTick, after
 * the turn's microtasks, so every loop resumed by the last batch has its next operation in the new one. The same call
 * drains inline completions. Then the loop sleeps on an eventfd, and only while something is in flight.
 *
 *      issue -> backlog -> (tick) -> SQ -> enter -> CQ -> drain -> promises -> microtasks -> issue -> ...
 *                       \____________ bounded by maxTurnMs, then by way of setImmediate ______/
 *
 * No user code runs inside. It never blocks, and never touches ring memory once closed.
 */
import { IOSQE_ASYNC } from '../abi/constants.js'
import { SQE } from '../abi/sqe.js'
import { ECANCELED, errnoError } from '../lib/errno.js'
import { nextTick, setImmediate, setTimeout } from '../lib/globals.js'
import type { Given } from '../lib/options.js'
import type { Ring } from '../ring/ring.js'
import { isCachedFile } from '../sys/file.js'
import { verifyAtRest } from './at-rest.js'
import { Backlog } from './backlog.js'
import { Cancels } from './cancel.js'
import { chainTooLong, invalidState } from './errors.js'
import { type DriverStats, Flow } from './flow.js'
import { USES_NOTHING } from './lanes.js'
import type { DriverSettings } from './open-options.js'
import type { Call, Operation } from './ops/call.js'
import { mayBeLinked, type OpOptions, sqeFlags } from './options.js'
import { Order } from './order.js'
import { Signals } from './signals.js'
import { type PlaceListener, QUEUED, REPLACED, Slots, WAITING } from './slots.js'
import { Supplies } from './supplies.js'
import { FLAGS_SHIFT } from './taken.js'
import { Trouble } from './trouble.js'
import { Turn } from './turn.js'
import { Wakeup } from './wakeup.js'

/** CQ entries kept for cancel requests, so that they never wait for what they are to cancel. */
const CANCEL_ROOM = 64
const FD = SQE.at.fd >> 2
const OPEN = 0
const CLOSING = 1
const CLOSED = 2

/** Memory that abandoned rings may still write to, for good. */
const abandoned: object[] = []

export class Driver {
  readonly ring: Ring
  readonly #supplies: Supplies
  readonly #slots: Slots
  readonly #signals: Signals
  readonly #backlog: Backlog
  readonly #order: Order
  readonly #cancels: Cancels
  readonly #flow: Flow
  readonly #wakeup: Wakeup
  readonly #turn: Turn
  readonly #trouble: Trouble
  readonly #maxChain: number
  readonly #asyncBytes: number
  /** The error of a chain that was refused before its end came. */
  #refusal: (() => Error) | undefined
  #isScheduled = false
  #state = OPEN
  #isDestroying = false
  #closed: Promise<void> | undefined
  #onClosed: (() => void) | undefined

  constructor(ring: Ring, { maxTurnMs, asyncBytes, lend }: DriverSettings) {
    this.ring = ring
    this.#asyncBytes = asyncBytes
    this.#supplies = new Supplies(ring.syscalls, lend)
    this.#turn = new Turn(maxTurnMs)
    this.#trouble = new Trouble(ring.syscalls.name)
    const places: PlaceListener = {
      begin: (call) => this.#order.begin(call),
      end: (call, res) => this.#order.end(call, res),
    }
    this.#signals = new Signals(this.#onAbort)
    this.#slots = new Slots(this.#signals, places, (slot, generation) =>
      this.ring.syscalls.causeOf?.(this.ring.fd, slot, generation),
    )
    const cancelRoom = Math.max(1, Math.min(CANCEL_ROOM, ring.cq.entries >> 2))
    const maxInflight = ring.cq.entries - cancelRoom
    this.#maxChain = Math.min(ring.sq.entries, maxInflight)
    this.#backlog = new Backlog(ring.sq.entries, this.#slots)
    this.#order = new Order(this.#slots, this.#backlog, ring.syscalls.name === 'kernel')
    this.#cancels = new Cancels(this.#slots, cancelRoom, this.#schedule)
    this.#flow = new Flow(ring, this.#slots, this.#backlog, this.#cancels, maxInflight)
    this.#wakeup = new Wakeup(ring, this.#onWake)
  }

  get stats(): DriverStats {
    return this.#flow.stats
  }

  get nrInflight(): number {
    return this.#flow.nrInflight
  }

  get nrQueued(): number {
    return this.#backlog.length + this.#order.nrWaiting
  }

  /** Operations submitted, by opcode. */
  get nrByOpcode(): Float64Array {
    return this.#backlog.nrByOpcode
  }

  /**
   * Makes a call of an operation and queues it: a promise of its result. It rejects, and nothing is queued, for bad options or
   * arguments, an aborted signal, a closed ring, or a chain that was refused (ops/call.ts has the order of all this).
   */
  run<Args extends readonly unknown[], Options extends OpOptions, Value>(
    operation: Operation<Args, Options, Value>,
    given: Options | undefined,
    ...args: Args
  ): Promise<Value> {
    let options: Given<Options> | undefined
    let followed: AbortSignal | undefined
    let isTooLong = false
    try {
      if (given !== undefined) options = operation.options.read(given)
      const call = new operation(this.#supplies, options, ...args)
      const signal = options?.signal
      if (signal !== undefined) followed = this.#signals.listen(signal)
      // The caller's code ran up to here, and may have done anything; none runs until the operation is queued.
      if (this.#state !== OPEN) throw invalidState('the ring is closed')
      if (this.#refusal !== undefined) throw this.#refusal()
      isTooLong = this.#backlog.openChainLength === this.#maxChain
      if (isTooLong) throw chainTooLong(this.#maxChain)
      call.signal = followed
      return this.#issue(call, options)
    } catch (error) {
      if (followed !== undefined) this.#signals.drop(followed)
      return this.#refuse(error, options ?? given, isTooLong)
    }
  }

  /** Queues a call. Nothing throws here but its prep. */
  #issue<Value>(call: Call<Value>, options: OpOptions | undefined): Promise<Value> {
    const backlog = this.#backlog
    const order = this.#order
    const at = backlog.stage()
    const { words } = backlog
    call.prep(words, at)
    const weight = this.#weigh(call, words, at, options?.async)
    if (options !== undefined) words[at] = words[at]! | (sqeFlags(options) << FLAGS_SHIFT)
    const promise = new Promise<Value>((resolve) => {
      call.resolve = resolve as (value: unknown) => void
    })
    const slot = this.#slots.alloc(call, backlog.position)
    backlog.push(at, slot, this.#slots.generation(slot), weight)
    const { uses } = call
    if (uses !== USES_NOTHING) order.add(call, words[at + FD]!, uses)
    if (backlog.openChainLength === 1) nextTick(this.#endChain)
    if (order.isOpen && backlog.openChainLength === 0) order.settle()
    if (this.#flow.hasFullBatch) {
      this.#enter()
      order.learn()
    }
    this.#schedule()
    return promise
  }

  /**
   * How many bytes the staged SQE moves from or to the page cache, if its file has one. Inline, this thread copies them
   * inside enter: a worker copies long ones, and the rest enters a portion at a time, so that a turn can end.
   */
  #weigh({ bytes }: Call, words: Int32Array, at: number, async: boolean | undefined): number {
    if (bytes === undefined || async === true) return 0
    if (async !== undefined || bytes < this.#asyncBytes || !isCachedFile(words[at + FD]!)) return bytes
    words[at] = words[at]! | (IOSQE_ASYNC << FLAGS_SHIFT)
    return 0
  }

  /**
   * A rejected promise for an operation that could not be queued. Its chain cannot run without it: members already
   * issued are withdrawn and those still to come refused, with ECANCELED, as in the kernel. The promise of a member
   * with others to follow rejects after the turn, in which they must be issued.
   */
  #refuse(error: unknown, options: unknown, isTooLong: boolean): Promise<never> {
    // A proxy's code may run here, and the caller's nowhere below.
    const isFollowed = mayBeLinked(options)
    this.#order.forget()
    const tooLong = () => chainTooLong(this.#maxChain)
    for (const slot of this.#backlog.takeOpenChain()) {
      const { syscall } = this.#slots.call(slot)
      this.#slots.drop(slot, isTooLong ? tooLong : () => errnoError(ECANCELED, syscall))
    }
    if (!isFollowed) this.#refusal = undefined
    else if (isTooLong) this.#refusal = tooLong
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

  /** Refuses new operations, and resolves when all issued ones have ended. Idempotent. */
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
      // Waiting operations go first: otherwise the end of the ones ahead would release them.
      const waiting = this.#order.takeAll()
      this.#order.forget()
      for (const slot of [...this.#backlog.takeAll(), ...waiting]) this.#slots.drop(slot, undefined)
      for (const slot of this.#slots.submitted()) this.#cancels.add(slot)
      this.#schedule()
    }
    return closed
  }

  readonly #onAbort = (slot: number): void => {
    const slots = this.#slots
    const state = slots.state(slot)
    if ((state & QUEUED) === 0) {
      this.#cancels.add(slot)
      this.#schedule()
    } else if ((state & WAITING) === 0 ? this.#backlog.drop(slots.position(slot)) : this.#order.takeBack(slot)) {
      slots.drop(slot, undefined)
      // Operations behind it may be ready.
      this.#schedule()
    } else {
      slots.mark(slot, REPLACED)
    }
  }

  readonly #schedule = (): void => {
    if (this.#isScheduled) return
    this.#isScheduled = true
    nextTick(this.#onTick)
  }

  /** Continues in the next turn of the event loop, after whatever else is due. */
  #later(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(this.#onTurn)
  }

  /** A chain ends with the turn in which it was issued, even when its submission waits for the next. */
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
    this.#flow.stats.wakes++
    this.#turn.begin()
    this.#run()
  }

  /** Submits and drains until it can only wait, or the turn has lasted long enough. */
  #run(): void {
    if (this.#state === CLOSED) return
    for (;;) {
      if (this.#backlog.openChainLength === 0) this.#order.moveReady()
      const res = this.#enter()
      this.#flow.drain()
      this.#order.learn()
      if (res >= 0 && !this.#hasWork() && this.#rest()) return
      if (res < 0) this.#comeAgain(res)
      else if (!this.#turn.takeRound()) this.#later()
      else continue
      return
    }
  }

  /** enter took nothing, and returned `res`: the driver retries for some time. */
  #comeAgain(res: number): void {
    const delayMs = this.#trouble.meet(res)
    if (delayMs === undefined) this.#giveUp(res)
    else if (delayMs === 0) this.#later()
    else if (!this.#isScheduled) {
      this.#isScheduled = true
      setTimeout(this.#onTurn, delayMs)
    }
  }

  /**
   * Closes a ring that takes nothing any more. Waiting operations and those in flight reject; memory in flight stays
   * held.
   */
  #giveUp(res: number): void {
    this.#state = CLOSED
    const fail = () => errnoError(res, 'io_uring_enter')
    const waiting = this.#order.takeAll()
    this.#order.forget()
    for (const slot of [...this.#backlog.takeAll(), ...waiting]) this.#slots.drop(slot, fail)
    for (const slot of this.#slots.submitted()) this.#slots.abandon(slot, fail)
    this.#cancels.close()
    this.#wakeup.close()
    this.ring.queueExit()
    abandoned.push(this.#slots, this.#supplies)
    this.#onClosed?.()
    this.#closed ??= Promise.resolve()
  }

  #hasWork(): boolean {
    return this.#flow.hasWork || this.#order.hasReady
  }

  /** Lets the loop sleep, or exits the ring. False if a completion came just then. */
  #rest(): boolean {
    if (this.#flow.hasInflight) return this.#wakeup.arm(this.#order.hasCounters) && this.#wakeup.hold()
    this.#wakeup.letGo()
    if (this.#state === CLOSING && this.nrQueued === 0) this.#exit()
    return true
  }

  #exit(): void {
    this.#state = CLOSED
    this.#cancels.close()
    this.#wakeup.close()
    this.ring.queueExit()
    const { pieces } = this.#supplies
    const { nrInflight, nrQueued } = this
    verifyAtRest({ slots: this.#slots, order: this.#order, pieces, nrInflight, nrQueued })
    pieces.close()
    this.#onClosed?.()
  }

  /** Submits, and fetches completions. Returns enter's result. */
  #enter(): number {
    this.#wakeup.mute()
    const res = this.#flow.enter()
    if (res >= 0) this.#trouble.end()
    return res
  }
}
