/**
 * tinypool's interface on the Pool: `import Tinypool from 'uring/tinypool'`. Owner thread; in a thread of a Tinypool its
 * statics and `workerId` tell of that thread. Counterpart: tinypool 2.
 *
 * Where the two rightly differ, docs/coming-from.md says so.
 */
import { EventEmitterAsyncResource } from 'node:events'
import { performance } from 'node:perf_hooks'
import { clearTimeout, emitWarning, process, setTimeout, URL } from '../../lib/globals.js'
import type { Any } from '../any.js'
import { Crew } from './crew.js'
import { noFilename } from './errors.js'
import { isMovable, kQueueOptions, kTransferable, kValue, movable, type Transferable } from './movable.js'
import { checkRuntime, type FilledOptions, fill, type Options, pathOf, type RunOptions } from './options.js'
import { ArrayTaskQueue } from './queue.js'
import type { Order } from './tasks.js'
import { checkChannel, type TinypoolWorker } from './threads.js'

export type {
  ReadyMessage,
  RequestMessage,
  ResponseMessage,
  StartupMessage,
  TinypoolWorkerMessage,
} from './messages.js'
export {
  isMovable,
  isTransferable,
  kFieldCount,
  kQueueOptions,
  kRequestCountField,
  kResponseCountField,
  kTransferable,
  kValue,
  markMovable,
  type Transferable,
  withNullPrototype,
} from './movable.js'
export type { Options, Task, TaskQueue, TinypoolChannel } from './options.js'
export { isTaskQueue } from './queue.js'
export type { TinypoolData, TinypoolPrivateData, TinypoolWorker } from './threads.js'

declare global {
  namespace NodeJS {
    interface Process {
      __tinypool_state__: {
        isTinypoolWorker: boolean
        isWorkerThread?: boolean
        isChildProcess?: boolean
        workerData: Any
        workerId: number
      }
    }
  }
}

/** The version of tinypool that has this interface. */
const VERSION = '2.2.0'
const NO_OPTIONS: RunOptions = {}

/** What a thread of a Tinypool knows of itself; undefined elsewhere. */
function state(): NodeJS.Process['__tinypool_state__'] | undefined {
  return process.__tinypool_state__
}

export class Tinypool extends EventEmitterAsyncResource {
  readonly #given: Options
  readonly #options: FilledOptions
  readonly #begun = performance.now()
  #crew: Crew
  /** Tasks that ended before destroy(). */
  #completed = 0

  /**
   * Makes a pool; `minThreads` threads start at once. Throws a RangeError where these are more than `maxThreads`,
   * ERR_INVALID_ARG_VALUE for `runtime: 'child_process'`, and as the Pool does for options that are its own.
   *
   * @example
   * const pool = new Tinypool({ filename: import.meta.resolve('./worker.js') })
   * const result = await pool.run({ a: 4, b: 6 })
   */
  constructor(given: Options = {}) {
    super({ name: 'Tinypool' })
    this.#given = { ...given }
    this.#options = fill(this.#given, new ArrayTaskQueue())
    this.#crew = this.#begin()
  }

  #begin(): Crew {
    return new Crew(this.#given, this.#options, {
      onDrain: () => {
        if (this.listenerCount('drain') > 0) this.emit('drain')
      },
      // What went wrong in a thread that no task was told of.
      onError: (error) => {
        const { cause = error } = error
        if (this.listenerCount('error') > 0) this.emit('error', cause)
        else emitWarning(error)
      },
    })
  }

  /**
   * Runs a task: calls the module's export with it, in a thread. Returns the result. Rejects with what it throws; with an
   * AbortError, a CancelError, 'Terminating worker thread' after destroy(), 'Task queue is at limit', 'No task queue
   * available and all Workers are busy', 'filename must be provided to run() or in options object'.
   */
  run(task: Any, options: RunOptions = NO_OPTIONS): Promise<Any> {
    try {
      if (this.#crew.isDestroyed) this.#crew = this.#begin()
      return options === NO_OPTIONS && this.#options.filename !== null
        ? this.#crew.tasks.run(orderOf(task), task)
        : this.#runWith(task, { ...options })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #runWith(task: unknown, { filename, name, transferList, signal, channel, runtime }: RunOptions): Promise<unknown> {
    checkRuntime(runtime)
    const module = filename ?? this.#options.filename
    if (typeof module !== 'string' && !(module instanceof URL)) return Promise.reject(noFilename())
    const path = module === this.#options.filename ? module : pathOf(module)
    const exported = name ?? this.#options.name
    const isOwn = path === this.#options.filename && exported === this.#options.name
    const plain = orderOf(task, [...((transferList as readonly ArrayBuffer[] | undefined) ?? [])], signal ?? undefined)
    if (channel === undefined || channel === null) {
      const order: Order = isOwn ? plain : { ...plain, job: 'runOf', args: [path, exported, ...plain.args] }
      return this.#crew.tasks.run(order, task)
    }
    checkChannel(channel)
    const order: Order = { ...plain, job: 'runTold', args: [path, exported, ...plain.args] }
    return this.#crew.runTold(order, task, channel)
  }

  /**
   * Ends all threads: idle ones after `teardown`, those that run a task at once. Tasks reject with 'Terminating worker
   * thread'. Rejects with 'Failed to terminate worker' if that takes longer than `terminateTimeout`. A later run() starts
   * threads anew.
   */
  async destroy(): Promise<void> {
    const crew = this.#crew
    const { isDestroyed } = crew
    const { terminateTimeout } = this.#options
    const ended = crew.destroy()
    if (terminateTimeout) await within(ended, terminateTimeout)
    else await ended
    if (isDestroyed) return
    this.#completed += crew.tasks.completed
    this.emitDestroy()
  }

  /** The options, with their defaults. */
  get options(): FilledOptions {
    return this.#options
  }

  /** The threads that there are: their ids, and their events `exit` and `error`. */
  get threads(): TinypoolWorker[] {
    return this.#crew.threads
  }

  /** Tasks that wait for a thread. */
  get queueSize(): number {
    return this.#crew.tasks.waiting
  }

  /** Rejects with a CancelError the tasks that no thread has begun. */
  cancelPendingTasks(): void {
    this.#crew.tasks.cancelPending()
  }

  /**
   * Replaces all threads, those that run tasks after them. Resolves when idle ones have been replaced. Does nothing with
   * `isolateWorkers`. Rejects with ERR_INVALID_ARG_VALUE for another `runtime`.
   */
  async recycleWorkers(options: Pick<Options, 'runtime'> = {}): Promise<void> {
    checkRuntime(options.runtime)
    if (!this.#options.isolateWorkers && !this.#crew.isDestroyed) await this.#crew.recycle()
  }

  /** Tasks that have ended, however they did. */
  get completed(): number {
    const { tasks, isDestroyed } = this.#crew
    return this.#completed + (isDestroyed ? 0 : tasks.completed)
  }

  /** Milliseconds since the pool was made. */
  get duration(): number {
    return performance.now() - this.#begun
  }

  /** Whether this is a thread of a Tinypool. */
  static get isWorkerThread(): boolean {
    return state()?.isWorkerThread || false
  }

  /** In such a thread, the pool's `workerData`. */
  static get workerData(): Any {
    return state()?.workerData || undefined
  }

  /** The version of tinypool that has this interface. */
  static get version(): string {
    return VERSION
  }

  /** Marks a result as one that moves to the caller, or a task as one that moves to its thread. */
  static move<T>(value: T): T | Transferable {
    return movable(value)
  }

  static get transferableSymbol(): symbol {
    return kTransferable
  }

  static get valueSymbol(): symbol {
    return kValue
  }

  static get queueOptionsSymbol(): symbol {
    return kQueueOptions
  }
}

/** A task of the pool's own module and name. */
function orderOf(task: unknown, transfer?: readonly ArrayBuffer[], signal?: Order['signal']): Order {
  if (!isMovable(task))
    return { job: 'run', args: [task], transfer: transfer?.length === 0 ? undefined : transfer, signal }
  return {
    job: 'run',
    args: [task[kValue]],
    transfer: [...(transfer ?? []), task[kTransferable] as ArrayBuffer],
    signal,
  }
}

/** Rejects if it takes longer. */
async function within(ended: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('Failed to terminate worker')), ms)
  })
  await Promise.race([ended, late]).finally(() => clearTimeout(timer))
}

export type { FilledOptions, RunOptions } from './options.js'
/** In a thread of a Tinypool its number: 1 to `maxThreads`. */
export const workerId: number = state()?.workerId as number
/** @alias */
export default Tinypool
