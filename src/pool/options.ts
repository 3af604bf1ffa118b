/**
 * What a caller may ask of a pool, and what it tells. checks.ts looks at what cannot be typed. Owner thread only.
 */
import { isAbsolute } from 'node:path'
import type { Histogram } from 'node:perf_hooks'
import { pathToFileURL } from 'node:url'
import type { WorkerOptions } from 'node:worker_threads'
import { URL } from '../lib/globals.js'
import { OptionTable } from '../lib/options.js'
import { NO_RUN_OPTIONS, type RunOptions } from './jobs/job-options.js'
import type { SharedKeys } from './jobs/shared-keys.js'
import { poolError } from './values/failure.js'

/** The default of maxUnbounded. */
export const DEFAULT_UNBOUNDED = 64

export interface PoolOptions
  extends Pick<WorkerOptions, 'argv' | 'env' | 'execArgv' | 'name' | 'resourceLimits' | 'stderr' | 'stdout'> {
  /** Threads for ordinary jobs, at most: 1 to 8192. Default: os.availableParallelism(). */
  readonly maxWorkers?: number
  /** Threads for jobs given with `unbounded`, at most: 1 to 8192. Default 64. */
  readonly maxUnbounded?: number
  /** Threads for ordinary jobs that are started at once, stay when idle, and are replaced when they die. Default 0. */
  readonly minWorkers?: number
  /**
   * Milliseconds that an idle worker stays; the last one of its kind stays for good, and so do all with Infinity. Default
   * 5000.
   */
  readonly idleTimeoutMs?: number
  /** How long an idle worker looks for work before it sleeps. Microseconds, at most a second. Default 50, on one CPU 0. */
  readonly spinUs?: number
  /** Jobs given and not finished, at most; one more rejects with ERR_URING_QUEUE_FULL. Default: no limit. */
  readonly queueLimit?: number
  /** The processors that workers run on. Needs FFI. Default: wherever the thread that makes the pool may. */
  readonly affinity?: readonly number[]
  /** Jobs that have returned a promise and wait for it, in one worker, while it runs others; at most. Default 16. */
  readonly concurrentJobs?: number
  /** Exported function that each new worker calls, and awaits, before its first job. */
  readonly init?: string
  /**
   * Milliseconds that a new thread may take until the module is loaded and its `init` has settled, Infinity for no limit:
   * then the thread is ended, and what waits for one rejects with ERR_URING_INIT. Default 60,000.
   */
  readonly startTimeoutMs?: number
  /** Exported function that each worker calls, and awaits, when it leaves by itself: idle, recycled, pool closed. */
  readonly teardown?: string
  /** Jobs after which a worker is replaced. Default: no limit. */
  readonly maxJobsPerWorker?: number
  /** `kill` of jobs that say nothing of it: `{ kill: true }` ends each that runs with its thread when it is to stop. Default false. */
  readonly kill?: boolean
  /** `killAfter` of jobs that give neither `kill` nor `killAfter`. */
  readonly killAfter?: number
  /** Whether stats() has histograms of how long jobs wait and run. Default false; costs 0.1 us a job. */
  readonly histograms?: boolean
  /**
   * AsyncLocalStorages whose values go with each job, by the name under which the job finds them: `jobContext(name)` of
   * uring/pool/job. Values are copied as arguments are.
   */
  readonly asyncContext?: Readonly<Record<string, { getStore(): unknown }>>
  /**
   * Makes keys mean the same in pools of several threads: `SharedKeys` of uring/pool/keys. Default: they are this pool's
   * own.
   */
  readonly keys?: SharedKeys
  /** What `workerData` of node:worker_threads is inside the module of jobs. */
  readonly workerData?: unknown
}

/** What `pool.cancel` and `pool.kill` show of each job. */
export interface JobInfo {
  readonly name: string
  readonly key: unknown
  readonly id: unknown
  readonly priority: number
  readonly unbounded: boolean
  /** False while it waits; true once a thread has it, be it done by now. */
  readonly running: boolean
}

export interface CancelOptions {
  /** Whether all that match are cancelled, or one. Default true. */
  readonly all?: boolean
}

/** Options of pool.map: those of each of its jobs, and how they go together. */
export interface MapOptions extends Omit<RunOptions, 'transfer'> {
  /** Items under way at most: pulled, and their results not taken. Default: the limit of threads of their kind. */
  readonly concurrency?: number
  /** Results come in the order of the items; if false, as they are ready. Default true. */
  readonly ordered?: boolean
}

export interface TimeLimit {
  /** Milliseconds. Default: no limit. */
  readonly timeout?: number
}

export interface IterateOptions extends Omit<RunOptions, 'onStart'> {
  /** Values that may be on their way to the caller: yielded, and not yet taken. Default 16. */
  readonly highWaterMark?: number
}

/** Nothing can abort, or tell of the job's start, while the caller sleeps. */
export type RunSyncOptions = Omit<RunOptions, 'signal' | 'onStart' | 'runTimeout'>

export interface PoolStats {
  /** Given and not finished. */
  readonly inFlight: number
  /** Of these, not yet in a worker's hands. */
  readonly queued: number
  readonly completed: number
  readonly failed: number
  readonly cancelled: number
  /** Threads now: for ordinary jobs, for unbounded ones. */
  readonly workers: readonly [bounded: number, unbounded: number]
  /** Threads ever started, and of these died. */
  readonly created: number
  readonly died: number
  /** Nanoseconds from the call until a thread began with a job; of all that came home. Live. With `histograms`. */
  readonly waitTime?: Histogram
  /** Nanoseconds from there until the job had ended, its promise included. */
  readonly runTime?: Histogram
}

/** The functions that a module exports, by name. */
export type JobName<M> = { [K in keyof M]: M[K] extends (...args: never[]) => unknown ? K : never }[keyof M] & string
export type JobArgs<F> = F extends (...args: infer A) => unknown ? A : never
export type JobResult<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never
/** Jobs that return something to iterate, or a promise of it; and what that yields. */
export type StreamName<M> = {
  [K in keyof M]: M[K] extends (...args: never[]) => infer R ? (Awaited<R> extends AnyIterable ? K : never) : never
}[keyof M] &
  string
export type StreamValue<F> = F extends (...args: never[]) => infer R
  ? Awaited<R> extends AsyncIterable<infer V>
    ? V
    : Awaited<R> extends Iterable<infer V>
      ? Awaited<V>
      : never
  : never
type AnyIterable = AsyncIterable<unknown> | Iterable<unknown>
/** Arguments and options; a job that needs no arguments needs no array. */
export type RunRest<A extends unknown[], O = RunOptions> = [] extends A
  ? [args?: Readonly<A>, options?: O]
  : [args: Readonly<A>, options?: O]
/** What a job takes first: an item of pool.map. */
export type JobItem<F> = F extends (item: infer A, ...rest: never[]) => unknown ? A : never
export type AnyJobs = Record<string, (...args: unknown[]) => unknown>

const JOBS_ARE = 'the module of jobs is a URL, or the absolute path of a file'

/** The module's address as `import()` takes it: from a URL, the text of one, or an absolute path. */
export function jobsHref(jobs: URL | string): string {
  if (jobs instanceof URL) return jobs.href
  if (typeof jobs !== 'string') throw poolError('ERR_INVALID_ARG_TYPE', JOBS_ARE)
  if (isAbsolute(jobs)) return pathToFileURL(jobs).href
  if (URL.canParse(jobs)) return new URL(jobs).href
  throw poolError(
    'ERR_INVALID_ARG_VALUE',
    `${JOBS_ARE}, as import.meta.resolve('./jobs.js') gives it: '${jobs}' is not`,
  )
}

const { signal: _signal, onStart: _onStart, runTimeout: _runTimeout, ...NO_SYNC_OPTIONS } = NO_RUN_OPTIONS
const { onStart: _started, ...NO_STREAM_OPTIONS } = NO_RUN_OPTIONS
const { transfer: _transfer, ...NO_ITEM_OPTIONS } = NO_RUN_OPTIONS

export const RUN_SYNC_OPTIONS = new OptionTable<RunSyncOptions>('Pool.runSync', () => ({ ...NO_SYNC_OPTIONS }))
export const ITERATE_OPTIONS = new OptionTable<IterateOptions>('Pool.iterate', () => ({
  ...NO_STREAM_OPTIONS,
  highWaterMark: undefined,
}))
export const MAP_OPTIONS = new OptionTable<MapOptions>('Pool.map', () => ({
  ...NO_ITEM_OPTIONS,
  concurrency: undefined,
  ordered: undefined,
}))
export const CANCEL_OPTIONS = new OptionTable<CancelOptions>('Pool.cancel', () => ({ all: undefined }))
export const FLUSH_OPTIONS = new OptionTable<TimeLimit>('Pool.flush', () => ({ timeout: undefined }))
export const CLOSE_OPTIONS = new OptionTable<TimeLimit>('Pool.close', () => ({ timeout: undefined }))

/** What a pool takes, at nothing given. */
export const NO_POOL_OPTIONS = {
  maxWorkers: undefined,
  maxUnbounded: undefined,
  minWorkers: undefined,
  idleTimeoutMs: undefined,
  spinUs: undefined,
  queueLimit: undefined,
  affinity: undefined,
  concurrentJobs: undefined,
  init: undefined,
  teardown: undefined,
  startTimeoutMs: undefined,
  maxJobsPerWorker: undefined,
  kill: undefined,
  killAfter: undefined,
  histograms: undefined,
  asyncContext: undefined,
  keys: undefined,
  name: undefined,
  workerData: undefined,
  argv: undefined,
  env: undefined,
  execArgv: undefined,
  resourceLimits: undefined,
  stderr: undefined,
  stdout: undefined,
} as const

export const POOL_OPTIONS = new OptionTable<PoolOptions>('Pool', () => ({ ...NO_POOL_OPTIONS }))
