/**
 * A job that yields: pulls values from its generator and sends them to the caller, as many as that has room for. Worker
 * threads only: the counterpart of JobIterator.
 *
 * Values that come within a millisecond go together in one message. A generator that does not await is left alone for
 * 10 ms at most, then the event loop has its turn.
 */
import type { TransferListItem } from 'node:worker_threads'
import { nowMs } from '../../lib/clock.js'
import { clearImmediate, setImmediate } from '../../lib/globals.js'
import { isThenable } from '../../lib/is-thenable.js'
import { EVENT_VALUES, type StreamEnd, type StreamStart } from '../between/messages.js'
import { poolError } from '../values/failure.js'
import { currentJob } from './job-context.js'
import { Moving, movingOf } from './job-protocol.js'
import type { JobFunction } from './jobs-module.js'
import type { PausedStream, WorkerEvents } from './worker-events.js'

const BATCH_MS = 1
const MAX_BATCH = 256
const BUSY_MS = 10

type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>

export class JobStream implements PausedStream {
  readonly #events: WorkerEvents
  readonly #item: number
  readonly #job = currentJob()!
  #room = 0
  #batch: unknown[] = []
  #sentAt = 0
  #flushing: NodeJS.Immediate | undefined
  #onNews: (() => void) | undefined

  constructor(events: WorkerEvents, item: number) {
    this.#events = events
    this.#item = item
  }

  /**
   * Calls the function with all arguments but the first, which is a StreamStart, and sends what it yields.
   * Rejects with what the generator throws, ERR_URING_NOT_ITERABLE, a DataCloneError.
   */
  async drive(job: JobFunction, [start, ...args]: unknown[]): Promise<StreamEnd> {
    const [id, room] = start as StreamStart
    this.#room = room
    const iterator = iteratorOf(await job(...args))
    this.#events.addStream(id, this)
    try {
      return await this.#pump(iterator)
    } finally {
      this.#events.removeStream(id)
      clearImmediate(this.#flushing)
    }
  }

  async #pump(iterator: AnyIterator): Promise<StreamEnd> {
    let turnedAt = nowMs()
    let isInside = false
    try {
      while (!this.#job.aborted) {
        if (this.#room === 0) {
          this.#flush()
          const news = this.#news()
          this.#events.onParked(1)
          await news
          this.#events.onParked(-1)
          turnedAt = nowMs()
          continue
        }
        isInside = true
        const step = iterator.next()
        const { done, value } = result(isThenable(step) ? await step : step)
        isInside = false
        if (done === true) {
          this.#flush()
          const moving = movingOf(value)
          if (moving === undefined) return [true, value]
          return new Moving([true, moving.value], moving.transfer) as unknown as StreamEnd
        }
        this.#put(isThenable(value) ? await value : value)
        if (nowMs() - turnedAt < BUSY_MS) continue
        this.#flush()
        await new Promise((resolve) => setImmediate(resolve))
        turnedAt = nowMs()
      }
    } catch (error) {
      // A value that cannot be sent, or a promise yielded that rejects: the generator is left, as `for await` leaves it.
      if (!isInside) await iterator.return?.()
      else this.#flush()
      throw error
    }
    await iterator.return?.()
    return [false, undefined]
  }

  #put(value: unknown): void {
    this.#room--
    const moving = movingOf(value)
    if (moving !== undefined) {
      // Its buffers are gone from here at once, as after a return.
      this.#batch.push(moving.value)
      this.#flush(moving.transfer as readonly TransferListItem[])
      return
    }
    this.#batch.push(value)
    if (this.#batch.length >= MAX_BATCH || nowMs() - this.#sentAt >= BATCH_MS) this.#flush()
    else this.#flushing ??= setImmediate(() => this.#flushLater())
  }

  #flush(transfer?: readonly TransferListItem[]): void {
    clearImmediate(this.#flushing)
    this.#flushing = undefined
    if (this.#batch.length === 0) return
    const values = this.#batch
    this.#batch = []
    this.#sentAt = nowMs()
    this.#events.post(this.#item, EVENT_VALUES, values, transfer)
  }

  /** Nobody is there to throw to: what cannot be sent stays, and the generator's next step meets it. */
  #flushLater(): void {
    this.#flushing = undefined
    const values = this.#batch
    try {
      this.#flush()
    } catch {
      this.#batch = values
    }
  }

  /** Until makeRoom() or wake(). */
  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#onNews = resolve
    })
  }

  makeRoom(room: number): void {
    this.#room += room
    this.wake()
  }

  /** There may be reason to stop. */
  wake(): void {
    this.#onNews?.()
    this.#onNews = undefined
  }
}

function iteratorOf(source: unknown): AnyIterator {
  const from = source as Partial<AsyncIterable<unknown> & Iterable<unknown>> | null | undefined
  const iterator = from?.[Symbol.asyncIterator]?.() ?? from?.[Symbol.iterator]?.()
  if (iterator === undefined) {
    throw poolError('ERR_URING_NOT_ITERABLE', 'this job returned nothing that can be iterated: give it to run()')
  }
  return iterator
}

/** What an iterator answered; without this one that answers anything else would yield undefined for ever. */
function result<T extends object>(answer: T): T {
  if (typeof answer === 'object' && answer !== null) return answer
  throw new TypeError(`Iterator result ${String(answer)} is not an object`)
}
