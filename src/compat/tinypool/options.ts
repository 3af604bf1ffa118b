/**
 * What a Tinypool takes, in tinypool's names, and what that is in a Pool's. Owner thread only.
 */
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import type { MessagePort, ResourceLimits } from 'node:worker_threads'
import { codeError } from '../../lib/arg-errors.js'
import { URL } from '../../lib/globals.js'
import type { PoolOptions } from '../../pool/pool.js'
import type { Any } from '../any.js'
import { numbersFor } from '../numbers.js'
import { kQueueOptions } from './movable.js'

export interface Task {
  readonly [kQueueOptions]: object | null
  cancel(): void
}

export interface TaskQueue {
  readonly size: number
  shift(): Task | null
  remove(task: Task): void
  push(task: Task): void
  cancel(): void
}

export interface Options {
  /** The module whose functions run: a path, or a file URL. Default: each run() names one. */
  filename?: string | URL | null
  /** 'child_process' is refused: jobs and results lie in memory that threads share. Default 'worker_threads'. */
  runtime?: 'worker_threads' | 'child_process'
  /** The export that runs. Default 'default'. */
  name?: string
  /** Threads that start at once and stay; below 1: of each CPU. Default: half of the CPUs. */
  minThreads?: number
  /** Threads at most; below 1: of each CPU. Default: the CPUs. */
  maxThreads?: number
  /** Milliseconds after which an idle thread above `minThreads` leaves. Default 5000. */
  idleTimeout?: number
  /** Milliseconds after which destroy() rejects because threads have not ended. Default: none. */
  terminateTimeout?: number
  /** Tasks that may wait; one more rejects. 'auto': the square of `maxThreads`. Default: no limit. */
  maxQueue?: number | 'auto'
  /** Tasks of one thread that may await something at a time. Default 1. */
  concurrentTasksPerWorker?: number
  /** No effect: a thread sleeps outside of its event loop where it can. */
  useAtomics?: boolean
  resourceLimits?: ResourceLimits
  /** A thread whose heap is larger, in bytes, after a task is replaced. Default: none is. */
  maxMemoryLimitBeforeRecycle?: number
  argv?: string[]
  execArgv?: string[]
  env?: Record<string, string>
  workerData?: Any
  /** Where tasks wait; with it they are given to threads one by one. Default: the Pool's own queue. */
  taskQueue?: TaskQueue
  /** No effect: on, as in any Worker. */
  trackUnmanagedFds?: boolean
  /** Whether each task has a thread of its own. Default false. */
  isolateWorkers?: boolean
  /** An export that runs in each thread before it leaves. Default: none. */
  teardown?: string
  /** No effect: of processes. */
  serialization?: 'json' | 'advanced'
}

export interface FilledOptions extends Options {
  filename: string | null
  name: string
  runtime: NonNullable<Options['runtime']>
  minThreads: number
  maxThreads: number
  idleTimeout: number
  maxQueue: number
  concurrentTasksPerWorker: number
  useAtomics: boolean
  taskQueue: TaskQueue
}

/** For messages to tasks in processes: with threads only `onClose` may be there. */
export interface TinypoolChannel {
  onMessage?: (callback: (message: Any) => void) => void
  postMessage?: (message: Any) => void
  /** Called when the thread ends that last ran a task with this channel, or runs one with another. */
  onClose?: () => void
}

export type AbortSignalAny =
  | {
      addEventListener: (name: 'abort', listener: () => void, options?: { once: boolean }) => void
      removeEventListener: (name: 'abort', listener: () => void) => void
      aborted?: boolean
    }
  | { off: (name: 'abort', listener: () => void) => void; once: (name: 'abort', listener: () => void) => void }

export interface RunOptions {
  /** What moves instead of being copied. */
  transferList?: MessagePort extends { postMessage(value: Any, transferList: infer T): Any } ? T : never
  channel?: TinypoolChannel
  /** Another module than the pool's. */
  filename?: string | URL | null
  /** Rejects the task when it aborts; a thread that runs it is ended. */
  signal?: AbortSignalAny | null
  /** Another export than the pool's. */
  name?: string | null
  runtime?: Options['runtime']
}

/** What the threads find in the first element of their workerData until they have come up. */
export interface Seat {
  workerId: number
  setUp?: {
    readonly numbers: SharedArrayBuffer
    readonly max: number
    readonly filename: string | null
    readonly name: string
    readonly teardown: string | undefined
    readonly heapLimit: number | undefined
  }
}

const CPUS = availableParallelism()
const WHY_NOT = 'runs tasks on threads alone, because tasks and results lie in memory that they share'

/** Throws ERR_INVALID_ARG_VALUE for a runtime that there is not. */
export function checkRuntime(runtime: unknown): void {
  if (runtime === undefined || runtime === 'worker_threads') return
  const message = `The property 'options.runtime' is '${String(runtime)}', but uring/tinypool ${WHY_NOT}`
  throw codeError(TypeError, 'ERR_INVALID_ARG_VALUE', message)
}

/** A module as import() takes it. */
export function pathOf(filename: string | URL): string {
  if (typeof filename === 'string') return filename.startsWith('file:') ? fileURLToPath(new URL(filename)) : filename
  return filename.protocol === 'file:' ? fileURLToPath(filename) : filename.href
}

function threads(count: number | undefined): number | undefined {
  return count !== undefined && count > 0 && count < 1 ? Math.max(1, Math.floor(count * CPUS)) : count
}

/** Options with their defaults. Throws RangeError, ERR_INVALID_ARG_VALUE. */
export function fill(given: Options, queue: TaskQueue): FilledOptions {
  checkRuntime(given.runtime)
  const [min, max] = [threads(given.minThreads), threads(given.maxThreads)]
  if (min !== undefined && max !== undefined && min > max) {
    throw new RangeError('options.minThreads and options.maxThreads must not conflict')
  }
  const minThreads = Math.min(min ?? Math.max(CPUS / 2, 1), max ?? Number.POSITIVE_INFINITY)
  const maxThreads = max ?? Math.max(CPUS, minThreads)
  const { filename, maxQueue = Number.POSITIVE_INFINITY } = given
  return {
    ...given,
    filename: filename === undefined || filename === null || filename === '' ? null : pathOf(filename),
    name: given.name ?? 'default',
    runtime: 'worker_threads',
    minThreads,
    maxThreads,
    idleTimeout: given.idleTimeout ?? 0,
    maxQueue: maxQueue === 'auto' ? maxThreads ** 2 : maxQueue,
    concurrentTasksPerWorker: given.concurrentTasksPerWorker ?? 1,
    useAtomics: given.useAtomics ?? true,
    taskQueue: given.taskQueue ?? queue,
    trackUnmanagedFds: given.trackUnmanagedFds ?? true,
  }
}

/** The Pool's options for them, and the memory of the threads' numbers. */
export function poolOptions(given: Options, filled: FilledOptions, name: string): [PoolOptions, SharedArrayBuffer] {
  const {
    filename,
    name: task,
    teardown,
    maxThreads: max,
    maxMemoryLimitBeforeRecycle,
    concurrentTasksPerWorker,
  } = filled
  const numbers = numbersFor(max)
  const heapLimit = given.isolateWorkers === true ? undefined : maxMemoryLimitBeforeRecycle
  const seat: Seat = { workerId: 0, setUp: { numbers, max, filename, name: task, teardown, heapLimit } }
  const { argv, execArgv, env, resourceLimits, idleTimeout } = given
  const options = {
    name,
    init: 'open',
    teardown: 'close',
    minWorkers: Math.ceil(filled.minThreads),
    maxWorkers: Math.ceil(max),
    // It is for jobs of a kind that a Tinypool has none of.
    maxUnbounded: 1,
    concurrentJobs: concurrentTasksPerWorker,
    maxJobsPerWorker: given.isolateWorkers === true ? 1 : undefined,
    workerData: [seat, given.workerData],
    idleTimeoutMs: idleTimeout,
    argv,
    execArgv,
    env,
    resourceLimits,
  }
  return [options as PoolOptions, numbers]
}
