/**
 * Operations in flight: one slot each, holding what settles the promise and the memory that the other side may touch.
 * Runs on the thread that made the ring.
 *
 * A slot is an index into parallel arrays; user_data is (slot, generation), so a completion finds its slot without a
 * search and a stale one is caught. A slot holds its buffers by reference until the terminal CQE: the kernel or a worker
 * writes to them until then, whatever the caller has given up. Counterpart: struct io_kiocb, as far as an app has one.
 */
import { assert } from '../lib/assert.js'
import { ECANCELED, EINTR, errnoError } from '../lib/errno.js'
import { withHidden } from '../lib/error-props.js'
import { captureStackTrace } from '../lib/globals.js'
import { abortError } from './errors.js'
import type { Place } from './order.js'
import type { Signals } from './signals.js'

/** What few operations need, made only for those that do. */
export interface OpExtra {
  /** The path to name in an error. */
  path?: string | Buffer
  /** The second path to name in an error. */
  dest?: string | Buffer
  /** Turns a result of 0 or more into what the promise resolves to. */
  finish?: (res: number) => unknown
  /** Gives back what was taken for the operation: runs once it has ended, however it did. */
  release?: () => void
  /** The signal to follow. */
  signal?: AbortSignal
}

/** Who is told of operations that have a place in the order of a file. */
export interface PlaceListener {
  begin(place: Place): void
  end(place: Place, res: number): void
}

export type Resolve = (value: unknown) => void

export const QUEUED = 1
export const SUBMITTED = 2
/** The caller's signal fired: an interrupted result is an AbortError. */
export const ABORTED = 4
/** The SQE was replaced by one that fails: any failure is an AbortError. */
export const REPLACED = 8
/** With QUEUED: it stands in no backlog, but waits for a file (order.ts). */
export const WAITING = 16

/** Some operations leak the kernel's restart code when they are cancelled. */
const ERESTARTSYS = 512
const GENERATION_MASK = 0x3fffffff

type CauseOf = (slot: number, generation: number) => Error | undefined

export class OpTable {
  readonly #signals: Signals
  readonly #resolve: (Resolve | undefined)[] = []
  readonly #keep: unknown[] = []
  readonly #syscall: string[] = []
  readonly #extra: (OpExtra | undefined)[] = []
  readonly #generation: number[] = []
  readonly #state: number[] = []
  /** Where the SQE stands in the backlog, while QUEUED. */
  readonly #position: number[] = []
  /** Its part in the order of a file, for the few that have one. */
  readonly #place: (Place | undefined)[] = []
  readonly #free: number[] = []
  readonly #order: PlaceListener
  readonly #causeOf: CauseOf

  /**
   * `order` is told of operations that have a place. `causeOf` tells why an operation was cancelled that nobody
   * asked to cancel.
   */
  constructor(signals: Signals, order: PlaceListener, causeOf: CauseOf) {
    this.#signals = signals
    this.#order = order
    this.#causeOf = causeOf
  }

  /** Takes a slot for an operation that stands in the backlog at `position`. */
  alloc(resolve: Resolve, syscall: string, keep: unknown, extra: OpExtra | undefined, position: number): number {
    const slot = this.#free.pop() ?? this.#grow()
    this.#resolve[slot] = resolve
    this.#syscall[slot] = syscall
    this.#keep[slot] = keep
    this.#extra[slot] = extra
    this.#position[slot] = position
    this.#state[slot] = QUEUED
    return slot
  }

  #grow(): number {
    this.#generation.push(0)
    this.#place.push(undefined)
    return this.#state.push(0) - 1
  }

  generation(slot: number): number {
    return this.#generation[slot]!
  }

  /** QUEUED or SUBMITTED, with ABORTED and REPLACED; 0 for a slot that is free. */
  state(slot: number): number {
    return this.#state[slot]!
  }

  position(slot: number): number {
    return this.#position[slot]!
  }

  place(slot: number): Place | undefined {
    return this.#place[slot]
  }

  setPlace(slot: number, place: Place): void {
    this.#place[slot] = place
  }

  /** It waits no longer, and stands in the backlog at `position`. */
  requeue(slot: number, position: number): void {
    this.#position[slot] = position
    this.#state[slot] = this.#state[slot]! & ~WAITING
  }

  markSubmitted(slot: number): void {
    this.#state[slot] = (this.#state[slot]! & ~QUEUED) | SUBMITTED
    const place = this.#place[slot]
    if (place !== undefined) this.#order.begin(place)
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

  /** The terminal CQE is here: frees the slot, then settles its promise. */
  complete(slot: number, generation: number, res: number): void {
    assert(this.#generation[slot] === generation, `completion for generation ${generation} of slot ${slot}`)
    const state = this.#state[slot]!
    assert((state & SUBMITTED) !== 0, `completion for slot ${slot} which was not submitted`)
    const extra = this.#extra[slot]
    const resolve = this.#resolve[slot]!
    if (this.#place[slot] !== undefined) this.#leave(slot, res)
    if (res >= 0 && extra === undefined) {
      this.#release(slot)
      resolve(res)
      return
    }
    const syscall = this.#syscall[slot]!
    const signal = this.#release(slot)
    if (res < 0) {
      // Who asked for no end of it is told why there was nobody to run it.
      const cause = res === -ECANCELED ? this.#causeOf(slot, generation) : undefined
      resolve(isAbort(state, res) ? failAborted(signal) : failErrno(res, syscall, extra, cause))
    } else if (extra?.finish === undefined) resolve(res)
    else finish(resolve, extra.finish, res)
    extra?.release?.()
  }

  /** Ends an operation that was never submitted: with `error`, or as its signal says. */
  drop(slot: number, error: (() => Error) | undefined): void {
    assert((this.#state[slot]! & QUEUED) !== 0, `slot ${slot} is dropped while queued`)
    const resolve = this.#resolve[slot]!
    const extra = this.#extra[slot]
    if (this.#place[slot] !== undefined) this.#leave(slot, 0)
    const signal = this.#release(slot)
    resolve(error === undefined ? failAborted(signal) : failWith(error))
    extra?.release?.()
  }

  #leave(slot: number, res: number): void {
    const place = this.#place[slot]!
    this.#place[slot] = undefined
    this.#order.end(place, res)
  }

  /** Rejects an operation that is in flight on a ring which is given up. Its memory stays held: it may be written to yet. */
  abandon(slot: number, error: () => Error): void {
    const resolve = this.#resolve[slot]!
    const signal = this.#extra[slot]?.signal
    this.#state[slot] = 0
    this.#resolve[slot] = undefined
    if (signal !== undefined) this.#signals.remove(signal, slot)
    resolve(failWith(error))
  }

  syscall(slot: number): string {
    return this.#syscall[slot]!
  }

  /** Lets go of everything the slot holds; returns its signal. */
  #release(slot: number): AbortSignal | undefined {
    const extra = this.#extra[slot]
    this.#resolve[slot] = undefined
    this.#keep[slot] = undefined
    this.#extra[slot] = undefined
    this.#state[slot] = 0
    this.#generation[slot] = (this.#generation[slot]! + 1) & GENERATION_MASK
    this.#free.push(slot)
    const signal = extra?.signal
    if (signal !== undefined) this.#signals.remove(signal, slot)
    return signal
  }
}

function isAbort(state: number, res: number): boolean {
  if (state & REPLACED) return true
  return (state & ABORTED) !== 0 && (res === -ECANCELED || res === -EINTR || res === -ERESTARTSYS)
}

function finish(resolve: Resolve, how: (res: number) => unknown, res: number): void {
  try {
    resolve(how(res))
  } catch (error) {
    resolve(Promise.reject(error))
  }
}

/*
 * An Error made while the CQ is drained would show our own frames and nothing of the caller. So a failing operation's
 * promise is resolved with the promise of one of these functions. After two microtasks that chain is tied together, and
 * V8 walks it when a stack is captured: it is `at async` the functions that await the operation. It costs nothing where
 * nothing fails. driver.test.ts checks it on each Node.
 */

async function failErrno(
  res: number,
  syscall: string,
  extra: OpExtra | undefined,
  cause: Error | undefined,
): Promise<never> {
  await undefined
  await undefined
  const error = errnoError(res, syscall, extra?.path, extra?.dest)
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
