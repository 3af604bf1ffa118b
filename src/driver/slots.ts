/**
 * Operations in flight: each slot has the promise's settlers and the memory that the other side may access. Runs on the
 * thread that made the ring.
 *
 * A slot is an index into parallel arrays; user_data is (slot, generation), so a completion finds its slot without a
 * search and a stale one is caught. A slot holds its call, and with it the buffers, until the last CQE: the kernel or a
 * worker writes to them until then, even if the caller has given up. Counterpart: struct io_kiocb, as far as an app has
 * one.
 */
import { IORING_CQE_F_MORE } from '../abi/constants.js'
import { assert } from '../lib/assert.js'
import { ECANCELED, EINTR, ERESTARTSYS, errnoError } from '../lib/errno.js'
import { withHidden } from '../lib/error-props.js'
import { captureStackTrace } from '../lib/globals.js'
import { abortError } from './errors.js'
import type { Call, Resolve } from './ops/call.js'
import type { Signals } from './signals.js'

/** The listener to operations that have a place in the order of a file. */
export interface PlaceListener {
  begin(call: Call): void
  end(call: Call, res: number): void
}

export const QUEUED = 1
export const SUBMITTED = 2
/** The caller's signal fired: an interrupted result is an AbortError. */
export const ABORTED = 4
/** The SQE was replaced by one that fails: any failure is an AbortError. */
export const REPLACED = 8
/** With QUEUED: it is not in the backlog, but waits for a file (order.ts). */
export const WAITING = 16

const GENERATION_MASK = 0x3fffffff

type CauseOf = (slot: number, generation: number) => Error | undefined

export class Slots {
  readonly #signals: Signals
  readonly #calls: (Call | undefined)[] = []
  readonly #generation: number[] = []
  readonly #state: number[] = []
  /** The SQE's position in the backlog, while QUEUED. */
  readonly #position: number[] = []
  readonly #free: number[] = []
  readonly #order: PlaceListener
  readonly #causeOf: CauseOf

  /**
   * `order` listens to operations that have a place. `causeOf` returns why an operation was cancelled that nobody asked
   * to cancel.
   */
  constructor(signals: Signals, order: PlaceListener, causeOf: CauseOf) {
    this.#signals = signals
    this.#order = order
    this.#causeOf = causeOf
  }

  /** Allocates a slot for a call whose SQE will be at `position` in the backlog. */
  alloc(call: Call, position: number): number {
    const slot = this.#free.pop() ?? this.#grow()
    call.slot = slot
    this.#calls[slot] = call
    this.#position[slot] = position
    this.#state[slot] = QUEUED
    if (call.signal !== undefined) this.#signals.add(call.signal, slot)
    return slot
  }

  #grow(): number {
    this.#generation.push(0)
    this.#calls.push(undefined)
    this.#position.push(0)
    return this.#state.push(0) - 1
  }

  /** The call in a slot that is not free. */
  call(slot: number): Call {
    return this.#calls[slot]!
  }

  /** Slots that are not free. */
  get nrTaken(): number {
    return this.#state.length - this.#free.length
  }

  /** Slots that have a call or a state, free or not. */
  get nrHeld(): number {
    return this.#state.filter((state, slot) => state !== 0 || this.#calls[slot] !== undefined).length
  }

  generation(slot: number): number {
    return this.#generation[slot]!
  }

  /** QUEUED or SUBMITTED, with ABORTED and REPLACED; 0 for a free slot. */
  state(slot: number): number {
    return this.#state[slot]!
  }

  position(slot: number): number {
    return this.#position[slot]!
  }

  /** It no longer waits, and is at `position` in the backlog. */
  requeue(slot: number, position: number): void {
    this.#position[slot] = position
    this.#state[slot] = this.#state[slot]! & ~WAITING
  }

  markSubmitted(slot: number): void {
    this.#state[slot] = (this.#state[slot]! & ~QUEUED) | SUBMITTED
    const call = this.#calls[slot]!
    if (call.group !== undefined) this.#order.begin(call)
  }

  mark(slot: number, bits: number): void {
    this.#state[slot] = this.#state[slot]! | bits
  }

  /** Every slot that the other side has. */
  submitted(): number[] {
    const slots: number[] = []
    for (let slot = 0; slot < this.#state.length; slot++) {
      if (this.#state[slot]! & SUBMITTED) slots.push(slot)
    }
    return slots
  }

  /**
   * A CQE of a slot has come. The last one, without IORING_CQE_F_MORE, frees the slot and settles the promise; true for
   * that one.
   */
  complete(slot: number, generation: number, res: number, flags: number): boolean {
    assert(this.#generation[slot] === generation, `completion for generation ${generation} of slot ${slot}`)
    const state = this.#state[slot]!
    assert((state & SUBMITTED) !== 0, `completion for slot ${slot} which was not submitted`)
    const call = this.#calls[slot]!
    assert((flags & IORING_CQE_F_MORE) === 0, `${call.syscall} has one completion`)
    const { resolve } = call
    if (call.group !== undefined) this.#order.end(call, res)
    this.#letGo(slot, call)
    if (res >= 0) settle(resolve!, call, res)
    else {
      // A caller that did not cancel it learns why no worker ran it.
      const cause = res === -ECANCELED ? this.#causeOf(slot, generation) : undefined
      resolve!(isAbort(state, res) ? failAborted(call.signal) : failErrno(res, call, cause))
    }
    call.release()
    return true
  }

  /** Ends an operation that was never submitted: with `error`, or as its signal requires. */
  drop(slot: number, error: (() => Error) | undefined): void {
    assert((this.#state[slot]! & QUEUED) !== 0, `slot ${slot} is dropped while queued`)
    const call = this.#calls[slot]!
    if (call.group !== undefined) this.#order.end(call, 0)
    this.#letGo(slot, call)
    call.resolve!(error === undefined ? failAborted(call.signal) : failWith(error))
    call.release()
  }

  /**
   * Rejects an operation in flight on an abandoned ring. Its memory stays held, because the ring may still write to it.
   */
  abandon(slot: number, error: () => Error): void {
    const { resolve, signal } = this.#calls[slot]!
    this.#state[slot] = 0
    if (signal !== undefined) this.#signals.remove(signal, slot)
    resolve!(failWith(error))
  }

  /** Frees a slot and all that its call holds. */
  #letGo(slot: number, call: Call): void {
    this.#calls[slot] = undefined
    this.#state[slot] = 0
    this.#generation[slot] = (this.#generation[slot]! + 1) & GENERATION_MASK
    this.#free.push(slot)
    if (call.signal !== undefined) this.#signals.remove(call.signal, slot)
  }
}

function isAbort(state: number, res: number): boolean {
  if (state & REPLACED) return true
  return (state & ABORTED) !== 0 && (res === -ECANCELED || res === -EINTR || res === -ERESTARTSYS)
}

function settle(resolve: Resolve, call: Call, res: number): void {
  try {
    resolve(call.result(res))
  } catch (error) {
    resolve(Promise.reject(error))
  }
}

/*
 * An Error made while the CQ is drained would show our own frames and nothing of the caller. So a failing operation's
 * promise is resolved with the promise of one of these functions. After two microtasks the chain of promises is
 * complete, and V8 walks it when a stack is captured: `at async` the functions that await the operation. It costs
 * nothing unless an operation fails. driver.test.ts checks it on each Node.
 */

async function failErrno(res: number, call: Call, cause: Error | undefined): Promise<never> {
  await undefined
  await undefined
  const error = errnoError(res, call.syscall, call.path, call.dest)
  if (cause !== undefined) withHidden(error, 'cause', cause)
  captureStackTrace(error, failErrno)
  throw error
}

async function failAborted(signal: AbortSignal | undefined): Promise<never> {
  await undefined
  await undefined
  const error = abortError(signal)
  captureStackTrace(error, failAborted)
  throw error
}

async function failWith(makeError: () => Error): Promise<never> {
  await undefined
  await undefined
  const error = makeError()
  captureStackTrace(error, failWith)
  throw error
}
