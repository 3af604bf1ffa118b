/**
 * The pool: runs a module's functions on worker threads, as io-wq work. Runs on the thread that makes it.
 *
 * This is what users see; dispatch.ts is behind it. It needs no FFI. Counterpart: io-wq, with JavaScript functions for
 * system calls.
 */
import { Dispatch } from './dispatch.js'
import {
  type AnyJobs,
  type JobArgs,
  type JobName,
  type JobResult,
  jobsHref,
  type PoolOptions,
  type PoolStats,
  type RunOptions,
  type RunRest,
} from './options.js'

export type { JobName, PoolOptions, PoolStats, RunOptions } from './options.js'

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
