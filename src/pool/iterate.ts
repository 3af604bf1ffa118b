/**
 * What iterate() returns: the values that a job yields, in order, with room for so many on their way. Owner thread only:
 * the counterpart of JobStream.
 *
 * The iterator is the caller's alone: whoever keeps the job keeps the values behind it, so that one which the caller has
 * dropped is collected, and its generator ended.
 */
import { Fifo } from '../lib/fifo.js'
import { AbortController } from '../lib/globals.js'
import type { StreamEnd } from './between/messages.js'
import { follow, leaving, unfollow } from './jobs/aborts.js'
import { inCallersContext } from './jobs/callers-context.js'
import type { Listener } from './jobs/waiting.js'
import { abortError } from './values/failure.js'

interface Waiter {
  /** Kept here: who waits for a value has not dropped it. */
  readonly iterator: JobIterator | undefined
  readonly resolve: (result: IteratorResult<unknown>) => void
  readonly reject: (error: unknown) => void
}

export interface IterateParts {
  /** Values that may be on their way. */
  readonly window: number
  /** The caller's signal. */
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((value: unknown) => void) | undefined
  /** Gives the job; the signal ends it. */
  readonly start: (listener: Listener, signal: AbortSignal) => Promise<unknown>
  /** Tells the worker in a slot that the generator may yield so many more. */
  readonly giveRoom: (slot: number, room: number) => void
  /** From now on, or no longer: the generator has no room, and nobody waits for a value. */
  readonly onPaused: (isPaused: boolean) => void
}

const END: IteratorResult<unknown> = { done: true, value: undefined }

/** Iterators of which the caller may let go before their end. */
const dropped = new FinalizationRegistry<Values>((values) => values.leave())

export class JobIterator implements AsyncIterableIterator<unknown>, AsyncDisposable {
  readonly #values: Values

  constructor(parts: IterateParts) {
    this.#values = new Values(parts)
    dropped.register(this, this.#values)
  }

  next(): Promise<IteratorResult<unknown>> {
    return this.#values.next(this)
  }

  /** Ends the generator, whose `finally` runs, and waits for that. Rejects with what it throws meanwhile. */
  return(value?: unknown): Promise<IteratorResult<unknown>> {
    return this.#values.return(value)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }
}

/** All there is to an iterator but itself. */
class Values implements Listener {
  readonly onProgress: ((value: unknown) => void) | undefined
  readonly #parts: IterateParts
  /** Ends the job, for the caller's signal or because the caller has had enough. */
  readonly #stop = new AbortController()
  readonly #ended: Promise<void>
  readonly #values = new Fifo<unknown>()
  readonly #waiters = new Fifo<Waiter>()
  /** Values that the generator may yield before it has to wait. */
  #room: number
  #isPaused = false
  /** Taken, and not yet told to the worker. */
  #nrTaken = 0
  #slot = 0
  #isOver = false
  #isLeft = false
  /** What next() still has to say when the values are gone: the generator's return value, or why it ended. */
  #last: { readonly value: unknown } | { readonly error: unknown } | undefined

  constructor(parts: IterateParts) {
    this.#parts = parts
    this.#room = parts.window
    this.onProgress = parts.onProgress && inCallersContext(parts.onProgress)
    const { signal } = parts
    const follower = { handleEvent: () => this.#abort(signal?.reason) }
    if (signal?.aborted === true) follower.handleEvent()
    else if (signal !== undefined) follow(signal, follower)
    this.#ended = parts
      .start(this, this.#stop.signal)
      .then(
        (end) => this.#onEnd(end as StreamEnd),
        (error: unknown) => this.#onFailure(error),
      )
      .finally(() => {
        if (signal !== undefined) unfollow(signal, follower)
      })
  }

  /** Listener: values came. */
  onValues(values: readonly unknown[], slot: number): void {
    this.#slot = slot
    this.#room -= values.length
    if (this.#isLeft) return
    for (const value of values) {
      const waiter = this.#waiters.shift()
      if (waiter === undefined) this.#values.push(value)
      else {
        this.#took()
        waiter.resolve({ done: false, value })
      }
    }
    this.#look()
  }

  /** Whether anything goes on. */
  #look(): void {
    const goesOn = this.#isOver || this.#stop.signal.aborted || this.#waiters.size > 0 || this.#room > 0
    if (this.#isPaused !== goesOn) return
    this.#isPaused = !goesOn
    this.#parts.onPaused(this.#isPaused)
  }

  #abort(reason: unknown): void {
    this.#stop.abort(reason)
    this.#look()
  }

  #onEnd([isWhole, value]: StreamEnd): void {
    if (isWhole || this.#isLeft) this.#over({ value })
    else this.#onFailure(abortError(this.#stop.signal.reason))
  }

  #onFailure(error: unknown): void {
    // Whoever aborts does not wait for what is on its way.
    if (this.#stop.signal.aborted) this.#values.clear()
    this.#over(this.#isLeft && isAbort(error) ? { value: undefined } : { error })
  }

  #over(last: { readonly value: unknown } | { readonly error: unknown }): void {
    this.#isOver = true
    this.#last = last
    const waiters = this.#waiters.clear()
    this.#look()
    for (const { resolve, reject } of waiters) this.next(undefined).then(resolve, reject)
  }

  next(iterator: JobIterator | undefined): Promise<IteratorResult<unknown>> {
    if (this.#values.size > 0) {
      const value = this.#values.shift()
      this.#took()
      this.#look()
      return Promise.resolve({ done: false, value })
    }
    if (!this.#isOver) {
      return new Promise((resolve, reject) => {
        this.#waiters.push({ iterator, resolve, reject })
        this.#look()
      })
    }
    const last = this.#last
    this.#last = undefined
    if (last === undefined) return Promise.resolve(END)
    return 'error' in last ? Promise.reject(last.error) : Promise.resolve({ done: true, value: last.value })
  }

  /** One value is with the caller: half a window of them at a time makes room for more. */
  #took(): void {
    this.#nrTaken++
    if (this.#isOver || 2 * this.#nrTaken < this.#parts.window) return
    this.#room += this.#nrTaken
    this.#parts.giveRoom(this.#slot, this.#nrTaken)
    this.#nrTaken = 0
  }

  /** The caller has had enough: ends the generator. */
  leave(): void {
    this.#isLeft = true
    this.#values.clear()
    this.#abort(leaving('the caller has left the iteration'))
  }

  async return(value: unknown): Promise<IteratorResult<unknown>> {
    const wasOver = this.#isOver
    this.leave()
    await this.#ended
    const last = this.#last
    this.#last = undefined
    if (!wasOver && last !== undefined && 'error' in last) throw last.error
    return { done: true, value }
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === 'ABORT_ERR'
}
