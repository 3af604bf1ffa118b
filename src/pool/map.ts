/**
 * A job for each item of an iterable, as an async iterable of results: Pool.map. Owner thread only.
 *
 * At most `concurrency` items are under way: pulled from the source and their results not taken. So a slow taker stops
 * the jobs, and they the source. Whatever ends it (the source, an error, a signal, the taker's `break`) closes the source
 * and cancels the jobs that are left.
 */
import { AbortController } from '../lib/globals.js'
import { type Follower, follow, leaving, unfollow } from './jobs/aborts.js'
import type { CallersContext } from './jobs/callers-context.js'
import { abortError, fromCaller } from './values/failure.js'

export interface Mapping<A, R> {
  readonly source: Iterable<A> | AsyncIterable<A>
  /** Makes what gives a job for an item; all of them are cancelled by the signal. */
  readonly runner: (signal: AbortSignal) => (item: A) => Promise<R>
  readonly concurrency: number
  readonly ordered: boolean
  readonly signal: AbortSignal | undefined
  /** Of the call of map: its source is stepped and its jobs are given in there, whoever takes the results. */
  readonly context: CallersContext
}

type Outcome<R> = { readonly value: R } | { readonly error: unknown }

/** One item under way. */
interface Slot<R> {
  outcome: Outcome<R> | undefined
}

export async function* mapped<A, R>(mapping: Mapping<A, R>): AsyncGenerator<R, void, undefined> {
  const work = new Work(mapping)
  try {
    for (;;) {
      const outcome = work.take()
      if (outcome === undefined) {
        if (work.isDone) return
        await work.changed()
      } else {
        if ('error' in outcome) throw outcome.error
        yield outcome.value
      }
    }
  } finally {
    await work.stop()
  }
}

class Work<A, R> {
  readonly #mapping: Mapping<A, R>
  readonly #iterator: Iterator<A> | AsyncIterator<A>
  readonly #isAsync: boolean
  readonly #controller = new AbortController()
  readonly #run: (item: A) => Promise<R>
  /** Results in the order they are to be taken; where they are ordered, also those still to come. */
  readonly #slots: Slot<R>[] = []
  #nrUnderWay = 0
  #isPulling = false
  #isExhausted = false
  #isStopped = false
  #wake: (() => void) | undefined

  constructor(mapping: Mapping<A, R>) {
    const { source, runner, signal, context } = mapping
    this.#mapping = mapping
    this.#run = runner(this.#controller.signal)
    const asynchronous = context.run(() => (source as Partial<AsyncIterable<A>>)[Symbol.asyncIterator]?.())
    this.#isAsync = asynchronous !== undefined
    this.#iterator = asynchronous ?? context.run(() => (source as Iterable<A>)[Symbol.iterator]())
    if (signal !== undefined) follow(signal, this.#follower)
    if (signal?.aborted === true) this.#follower.handleEvent()
  }

  /** The next result, or how its job failed; undefined when it is not there, yet or at all. */
  take(): Outcome<R> | undefined {
    this.#pull()
    const { signal } = this.#controller
    if (signal.aborted) return { error: fromCaller(abortError(signal.reason), mapped) }
    const outcome = this.#slots[0]?.outcome
    if (outcome === undefined) return undefined
    this.#slots.shift()
    this.#nrUnderWay--
    // The place of what is being taken is for the next.
    if ('value' in outcome) this.#pull()
    return outcome
  }

  /** There are no more results. */
  get isDone(): boolean {
    return this.#isExhausted && this.#nrUnderWay === 0
  }

  /** Resolves when there may be one. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  /** Cancels what is left and closes the source, unless it has ended by itself. */
  async stop(): Promise<void> {
    this.#isStopped = true
    if (this.#mapping.signal !== undefined) unfollow(this.#mapping.signal, this.#follower)
    this.#controller.abort(leaving('the caller has left the map'))
    if (this.#isExhausted) return
    this.#isExhausted = true
    const closing = this.#mapping.context.run(() => this.#iterator.return?.())
    // A source that still owes an item gets to its end when it has one; nobody waits for that.
    if (!this.#isPulling) await closing
    else if (closing instanceof Promise) closing.catch(() => {})
  }

  readonly #follower: Follower = {
    handleEvent: () => {
      this.#controller.abort(this.#mapping.signal?.reason)
      this.#notify()
    },
  }

  #notify(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  /** Pulls items and gives their jobs, as far as there is room. */
  #pull(): void {
    const { concurrency } = this.#mapping
    const isOpen = () => !this.#isExhausted && !this.#isPulling && !this.#controller.signal.aborted
    while (isOpen() && this.#nrUnderWay < concurrency) {
      this.#nrUnderWay++
      if (this.#isAsync) void this.#pullAsync(this.#iterator as AsyncIterator<A>)
      else this.#pullSync(this.#iterator as Iterator<A>)
    }
  }

  #pullSync(iterator: Iterator<A>): void {
    try {
      this.#pulled(this.#mapping.context.run(() => iterator.next()))
    } catch (error) {
      this.#sourceFailed(error)
    }
  }

  async #pullAsync(iterator: AsyncIterator<A>): Promise<void> {
    this.#isPulling = true
    try {
      const next = await this.#mapping.context.run(() => iterator.next())
      this.#isPulling = false
      this.#pulled(next)
    } catch (error) {
      this.#isPulling = false
      this.#sourceFailed(error)
    }
    this.#pull()
    this.#notify()
  }

  #pulled(next: IteratorResult<A>): void {
    if (typeof next !== 'object' || next === null) {
      throw new TypeError(`Iterator result ${String(next)} is not an object`)
    }
    if (next.done === true) {
      this.#isExhausted = true
      this.#nrUnderWay--
    } else if (!this.#isStopped) this.#give(next.value)
  }

  /** It has its place in the order, as an item whose job failed. */
  #sourceFailed(error: unknown): void {
    this.#isExhausted = true
    this.#slots.push({ outcome: { error } })
  }

  /** No function of ours awaits the job: it would be among the frames of what that rejects with. */
  #give(item: A): void {
    const { ordered, context } = this.#mapping
    const slot: Slot<R> = { outcome: undefined }
    if (ordered) this.#slots.push(slot)
    const settle = (outcome: Outcome<R>) => {
      slot.outcome = outcome
      if (!ordered) this.#slots.push(slot)
      this.#notify()
    }
    try {
      void context
        .run(() => this.#run(item))
        .then(
          (value) => settle({ value }),
          (error: unknown) => settle({ error }),
        )
    } catch (error) {
      settle({ error })
    }
  }
}
