/**
 * Tasks of a Tinypool from the call to the end: which wait, which the Pool has, how each settles. Owner thread only.
 *
 * The Pool's own queue keeps them, in shared memory, unless the program brings a queue: then they are given to the Pool as
 * threads have room. Counterpart: tinypool's ThreadPool.
 */
import { AbortController, AbortSignal } from '../../lib/globals.js'
import type { RunOptions as JobOptions, Pool } from '../../pool/pool.js'
import { aborted, cancelled, isCancel, noQueue, queueFull, taskError, terminated } from './errors.js'
import { kQueueOptions } from './movable.js'
import type { AbortSignalAny, FilledOptions, Task } from './options.js'

/** What runs in the threads. */
type Jobs = typeof import('./jobs.js')
type JobName = 'run' | 'runOf' | 'runTold'

/** A task as the Pool is to run it. */
export interface Order {
  readonly job: JobName
  readonly args: readonly unknown[]
  readonly transfer: JobOptions['transfer']
  readonly signal: AbortSignalAny | undefined
}

export interface TasksParts {
  readonly pool: Pool<Jobs>
  readonly options: FilledOptions
  /** Whether options.taskQueue is the program's own. */
  readonly hasQueue: boolean
  readonly onDrain: () => void
}

/** One that waits in the program's queue. */
class WaitingTask implements Task {
  readonly order: Order
  readonly task: unknown
  readonly [kQueueOptions]: object | null
  readonly promise: Promise<unknown>
  resolve!: (result: unknown) => void
  reject!: (error: unknown) => void

  constructor(order: Order, task: unknown) {
    this.order = order
    this.task = task
    const options =
      typeof task === 'object' && task !== null ? (task as { [kQueueOptions]?: object })[kQueueOptions] : null
    this[kQueueOptions] = options ?? null
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  cancel(): void {
    this.reject(cancelled())
  }
}

export class Tasks {
  readonly #parts: TasksParts
  readonly #capacity: number
  /** Given to the Pool and not ended. */
  #given = 0
  /** Cancelled, and not ended yet. */
  #leaving = 0
  #hasCancelled = false
  #isDestroyed = false
  completed = 0

  constructor(parts: TasksParts) {
    this.#parts = parts
    const { maxThreads, concurrentTasksPerWorker } = parts.options
    this.#capacity = maxThreads * concurrentTasksPerWorker
  }

  /** How many wait for a thread. */
  get waiting(): number {
    const { options, hasQueue } = this.#parts
    return hasQueue ? options.taskQueue.size : Math.max(this.#given - this.#leaving - this.#capacity, 0)
  }

  /** Whether none runs or waits. */
  get isIdle(): boolean {
    return this.#given === 0
  }

  /** Runs one, or has it wait. */
  run(order: Order, task: unknown): Promise<unknown> {
    if (this.#isDestroyed) return Promise.reject(terminated())
    const { signal } = order
    if (signal !== undefined && 'aborted' in signal && signal.aborted === true) return Promise.reject(aborted())
    const { options, hasQueue, onDrain } = this.#parts
    if (this.#given >= this.#capacity && this.waiting >= options.maxQueue) {
      return Promise.reject(options.maxQueue === 0 ? noQueue() : queueFull())
    }
    if (hasQueue && (this.#given >= this.#capacity || options.taskQueue.size > 0)) return this.#wait(order, task)
    const ended = this.#give(order)
    if (this.#given <= this.#capacity) onDrain()
    return ended
  }

  #wait(order: Order, task: unknown): Promise<unknown> {
    const { taskQueue } = this.#parts.options
    const waiting = new WaitingTask(order, task)
    const { signal } = order
    if (signal === undefined) taskQueue.push(waiting)
    else {
      const stop = onAbort(signal, () => {
        taskQueue.remove(waiting)
        waiting.reject(aborted())
      })
      taskQueue.push(waiting)
      stops.set(waiting, stop)
    }
    return waiting.promise
  }

  /** Gives the Pool what the program's queue has, as far as there is room. */
  #refill(): void {
    const { options, onDrain } = this.#parts
    while (this.#given < this.#capacity && options.taskQueue.size > 0) {
      const next = options.taskQueue.shift() as WaitingTask | null
      if (next === null) return
      stops.get(next)?.()
      this.#give(next.order).then(next.resolve, next.reject)
      if (options.taskQueue.size === 0) onDrain()
    }
  }

  #give({ job, args, transfer, signal }: Order): Promise<unknown> {
    this.#given++
    const run = this.#parts.pool.run as (
      name: string,
      args: readonly unknown[],
      options?: JobOptions,
    ) => Promise<unknown>
    if (signal === undefined) {
      const options = transfer === undefined ? undefined : { transfer }
      return run.call(this.#parts.pool, job, args, options).then(this.#onResult, this.#onError)
    }
    const own = signalOf(signal)
    const options = { signal: own.signal, kill: true, ...(transfer && { transfer }) }
    const ended = run.call(this.#parts.pool, job, args, options)
    return ended.then(
      (result) => {
        own.stop()
        return this.#onResult(result)
      },
      (error) => {
        own.stop()
        return this.#onError(error, own.signal.aborted)
      },
    )
  }

  readonly #onResult = (result: unknown): unknown => {
    this.#ended()
    return result
  }

  readonly #onError = (error: unknown, isAborted = false): never => {
    this.#ended()
    const told = taskError(error, { isAborted, isDestroyed: this.#isDestroyed, hasCancelled: this.#hasCancelled })
    if (this.#leaving > 0 && isCancel(told)) this.#leaving--
    throw told
  }

  #ended(): void {
    this.completed++
    const { hasQueue, onDrain } = this.#parts
    if (--this.#given === this.#capacity) onDrain()
    if (hasQueue) this.#refill()
  }

  /** Ends those that no thread has. */
  cancelPending(): void {
    this.#hasCancelled = true
    const { pool, options, hasQueue } = this.#parts
    if (hasQueue) options.taskQueue.cancel()
    pool.cancel(({ running }) => {
      if (!running) this.#leaving++
      return !running
    })
  }

  /** Ends all, and runs no more. */
  async destroy(): Promise<void> {
    this.#isDestroyed = true
    const { pool, options, hasQueue } = this.#parts
    while (hasQueue && options.taskQueue.size > 0)
      (options.taskQueue.shift() as WaitingTask | null)?.reject(terminated())
    if (options.teardown === undefined) return pool.destroy(0)
    pool.cancel((job) => !job.running)
    pool.kill(() => true)
    await pool.close()
  }
}

/** What ends the listening of a task that waits. */
const stops = new WeakMap<WaitingTask, () => void>()

/** Calls back once it aborts. Returns what ends that. */
function onAbort(signal: AbortSignalAny, call: () => void): () => void {
  if ('addEventListener' in signal) {
    signal.addEventListener('abort', call, { once: true })
    return () => signal.removeEventListener('abort', call)
  }
  signal.once('abort', call)
  return () => signal.off('abort', call)
}

/** An AbortSignal of Node's, which the Pool takes, for anything that a task may have. */
function signalOf(signal: AbortSignalAny): { signal: AbortSignal; stop: () => void } {
  if (signal instanceof AbortSignal) return { signal, stop: () => {} }
  const controller = new AbortController()
  return { signal: controller.signal, stop: onAbort(signal, () => controller.abort()) }
}
