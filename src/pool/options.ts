/**
 * What a caller may ask of a pool, and what it tells: types, and the checks of what cannot be typed. Owner thread only.
 */
import { isAbsolute } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { TransferListItem, WorkerOptions } from 'node:worker_threads'
import { mayRunOn } from '../sys/affinity.js'
import { poolError } from './failure.js'

export interface PoolOptions
  extends Pick<WorkerOptions, 'argv' | 'env' | 'execArgv' | 'name' | 'resourceLimits' | 'stderr' | 'stdout'> {
  /** Threads for ordinary jobs, at most. Default: os.availableParallelism(). */
  readonly maxWorkers?: number
  /** Threads for jobs given with `unbounded`, at most. Default 64. */
  readonly maxUnbounded?: number
  /** How long an idle worker stays, the last one of its kind excepted, which stays for good. Default 5000. */
  readonly idleTimeoutMs?: number
  /** How long an idle worker looks for work before it sleeps. Default 50. */
  readonly spinUs?: number
  /** Jobs given and not finished, at most; one more rejects with ERR_URING_QUEUE_FULL. Default: no limit. */
  readonly queueLimit?: number
  /** The processors that workers run on. Needs FFI. Default: wherever the thread that makes the pool may. */
  readonly affinity?: readonly number[]
  /** Jobs that have returned a promise and wait for it, in one worker, while it runs others; at most. Default 16. */
  readonly concurrentJobs?: number
  /** Exported function that each new worker calls, and awaits, before its first job. */
  readonly init?: string
  /** Exported function that each worker calls, and awaits, when it leaves by itself: idle, recycled, pool closed. */
  readonly teardown?: string
  /** Jobs after which a worker is replaced. Default: no limit. */
  readonly maxJobsPerWorker?: number
  /** What `workerData` of node:worker_threads is inside the module of jobs. */
  readonly workerData?: unknown
}

export interface RunOptions {
  /** Jobs with one key run one at a time, in the order given. Any value; compared as Map does. */
  readonly key?: unknown
  /** The job will mostly wait: it gets a thread of the second kind, and takes none from jobs that compute. */
  readonly unbounded?: boolean
  readonly signal?: AbortSignal | undefined
  /** Moved to the worker instead of copied, as with postMessage. */
  readonly transfer?: readonly TransferListItem[]
  /** Gets what the job gives to reportProgress(), in order, and before the promise settles. */
  readonly onProgress?: ((value: unknown) => void) | undefined
}

export interface IterateOptions extends RunOptions {
  /** Values that may be on their way to the caller: yielded, and not yet taken. Default 16. */
  readonly highWaterMark?: number
}

/** Nothing can abort while the caller sleeps. */
export type RunSyncOptions = Omit<RunOptions, 'signal'>

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
export type IterateRest<A extends unknown[]> = [] extends A
  ? [args?: Readonly<A>, options?: IterateOptions]
  : [args: Readonly<A>, options?: IterateOptions]
export type RunSyncRest<A extends unknown[]> = [] extends A
  ? [args?: Readonly<A>, options?: RunSyncOptions]
  : [args: Readonly<A>, options?: RunSyncOptions]
export type RunRest<A extends unknown[]> = [] extends A
  ? [args?: Readonly<A>, options?: RunOptions]
  : [args: Readonly<A>, options?: RunOptions]
export type AnyJobs = Record<string, (...args: unknown[]) => unknown>

/** The module's address as `import()` takes it: from a URL, the text of one, or an absolute path. */
export function jobsHref(jobs: URL | string): string {
  if (jobs instanceof URL) return jobs.href
  if (typeof jobs === 'string') return isAbsolute(jobs) ? pathToFileURL(jobs).href : new URL(jobs).href
  throw poolError('ERR_INVALID_ARG_TYPE', 'the module of jobs is a URL, or the absolute path of a file')
}

/** The options that each Worker gets. */
export function workerOptions(options: PoolOptions): WorkerOptions {
  const { argv, env, execArgv, name, resourceLimits, stderr, stdout } = options
  const given = { argv, env, execArgv, name, resourceLimits, stderr, stdout }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as WorkerOptions
}

/** Throws unless it is undefined, or names processors of which this machine lets the pool use at least one. */
export function checkAffinity(cpus: readonly number[] | undefined): void {
  if (cpus === undefined) return
  if (!Array.isArray(cpus) || !cpus.every((cpu) => Number.isInteger(cpu) && cpu >= 0)) {
    throw poolError('ERR_INVALID_ARG_TYPE', 'affinity is a list of processor numbers')
  }
  if (!mayRunOn(cpus)) throw poolError('ERR_OUT_OF_RANGE', `no processor of ${cpus.join()} may be used here`)
}
