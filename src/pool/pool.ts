/**
 * The pool: runs a module's functions on worker threads, as io-wq work. Runs on the thread that makes it.
 *
 * This is what users see; dispatch.ts is behind it. It needs no FFI. Counterpart: io-wq, with JavaScript functions for
 * system calls.
 */
import { Dispatch } from './dispatch.js'
import {
  type AnyJobs,
  type IterateOptions,
  type IterateRest,
  type JobArgs,
  type JobName,
  type JobResult,
  jobsHref,
  type PoolOptions,
  type PoolStats,
  type RunOptions,
  type RunRest,
  type RunSyncOptions,
  type RunSyncRest,
  type StreamName,
  type StreamValue,
} from './options.js'

export type {
  IterateOptions,
  JobName,
  PoolOptions,
  PoolStats,
  RunOptions,
  RunSyncOptions,
  StreamName,
} from './options.js'

const DEFAULT_GRACE_MS = 100
const NO_ARGS: readonly unknown[] = []
const NO_OPTIONS: RunOptions = {}

export class Pool<M extends object = AnyJobs> implements AsyncDisposable {
  readonly #dispatch: Dispatch
  #closed: Promise<void> | undefined

  /**
   * Makes a pool of the functions that a module exports: `jobs` is its URL, or the absolute path of its file. Threads
   * start as jobs come. An idle pool does not keep the process alive.
   *
   * @example
   * const pool = new Pool<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url))
   * const sum = await pool.run('add', [1, 2])
   */
  constructor(jobs: URL | string, options: PoolOptions = {}) {
    this.#dispatch = new Dispatch(jobsHref(jobs), options)
  }

  /**
   * Runs a function of the module on a worker. Arguments and result are copied as by structured cloning, except that a
   * Buffer arrives as a Buffer; SharedArrayBuffers are shared.
   *
   * Returns its result. Rejects with what the function threw (class, name, message, code, own properties and cause kept;
   * the worker's stack, then the caller's); a DataCloneError; an AbortError (`ABORT_ERR`); `ERR_URING_NO_SUCH_JOB`,
   * `ERR_URING_JOBS_MODULE` (the module does not load), `ERR_URING_WORKER_DIED`, `ERR_URING_POOL_CLOSED`,
   * `ERR_URING_QUEUE_FULL`.
   */
  run<N extends JobName<M>>(name: N, ...rest: RunRest<JobArgs<M[N]>>): Promise<JobResult<M[N]>>
  run(name: string, args: readonly unknown[] = NO_ARGS, options: RunOptions = NO_OPTIONS): Promise<unknown> {
    return this.#dispatch.run(name, args, options)
  }

  /**
   * Runs a function of the module that returns a generator, or anything else to iterate, async or not, or a promise of
   * it. Returns its values as they come: up to `highWaterMark` of them are on their way, then the generator waits. The
   * job is given at once. Iterate to the end, leave early (`break`, return()), or abort: the generator is then ended
   * where it has yielded, its `finally` runs, and currentSignal() in it has aborted.
   *
   * next() rejects with what the generator threw, `ERR_URING_NOT_ITERABLE`, and else as run() does. Throws
   * `ERR_OUT_OF_RANGE` (highWaterMark).
   *
   * @example
   * for await (const row of pool.iterate('parse', [path])) console.log(row)
   */
  iterate<N extends StreamName<M>>(
    name: N,
    ...rest: IterateRest<JobArgs<M[N]>>
  ): AsyncIterableIterator<StreamValue<M[N]>> & AsyncDisposable
  iterate(
    name: string,
    args: readonly unknown[] = NO_ARGS,
    options: IterateOptions = NO_OPTIONS,
  ): AsyncIterableIterator<unknown> & AsyncDisposable {
    return this.#dispatch.iterate(name, args, options)
  }

  /**
   * Runs a function as run() does, and blocks the calling thread until it has ended: no event loop, no timers, no other
   * promise meanwhile. Returns its result, throws what run() rejects with. Progress comes in one go as the job ends.
   *
   * Throws `ERR_URING_DEADLOCK` if the job would wait for an iterate() whose values this thread has to take. A job that
   * itself waits for this thread, for a message or a lock, is not found out: it blocks for good.
   */
  runSync<N extends JobName<M>>(name: N, ...rest: RunSyncRest<JobArgs<M[N]>>): JobResult<M[N]>
  runSync(name: string, args: readonly unknown[] = NO_ARGS, options: RunSyncOptions = NO_OPTIONS): unknown {
    return this.#dispatch.runSync(name, args, options)
  }

  /**
   * Replaces every thread: each leaves when the jobs it has begun have ended, after `teardown`, and new ones start as
   * jobs come. Refuses none meanwhile. Resolves when all threads there were are gone.
   */
  recycle(): Promise<void> {
    return this.#dispatch.recycle()
  }

  /** Sets how many threads there may be of each kind, 0 leaves one as it is. Returns the limits before. Kills nobody. */
  maxWorkers(bounded: number, unbounded: number): [bounded: number, unbounded: number] {
    return this.#dispatch.maxWorkers(bounded, unbounded)
  }

  /**
   * Sets the processors that workers run on; undefined: wherever this thread may. Workers started from now on run there;
   * others leave once they have been idle for the idle timeout. Throws ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE if none of
   * them may be used, ERR_URING_NO_FFI. Counterpart: io_uring_register_iowq_aff.
   */
  setAffinity(cpus: readonly number[] | undefined): void {
    this.#dispatch.setAffinity(cpus)
  }

  /** Counts, as of now. */
  stats(): PoolStats {
    return this.#dispatch.stats()
  }

  /** Takes no more jobs, finishes all that were given, and resolves when no thread of the pool is left. */
  close(): Promise<void> {
    this.#dispatch.isOpen = false
    this.#closed ??= this.#dispatch.quiet().then(() => this.#dispatch.shutDown())
    return this.#closed
  }

  /**
   * Takes no more jobs and cancels those given: what is queued rejects with ERR_URING_POOL_CLOSED, what runs is told
   * (currentSignal().aborted). Jobs that have not ended after `graceMs` die with their threads. Resolves when no thread
   * of the pool is left.
   */
  async destroy(graceMs = DEFAULT_GRACE_MS): Promise<void> {
    this.#dispatch.isOpen = false
    this.#dispatch.cancelAll()
    const kill = setTimeout(() => this.#dispatch.terminateAll(), graceMs)
    await this.close()
    clearTimeout(kill)
  }

  /** As close(): `await using pool = new Pool(…)`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
