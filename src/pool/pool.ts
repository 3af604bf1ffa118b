/**
 * The pool: runs a module's functions on worker threads, as io-wq work. Runs on the thread that makes it.
 *
 * This is what users see; dispatch.ts is behind it. It needs no FFI. Counterpart: io-wq, with JavaScript functions for
 * system calls.
 */

import { clearTimeout, setTimeout } from '../lib/globals.js'
import type { Given } from '../lib/options.js'
import type { CancelResult } from '../wq/cancels.js'
import { badName } from './between/names.js'
import { isTraced, tracedOptions, tracedSync } from './channels.js'
import { badLimit, badSource, MAX_WORKERS } from './checks.js'
import { Dispatch } from './dispatch.js'
import { type PoolEvents, type PoolListener, PoolListeners } from './home/untold.js'
import { CallersContext } from './jobs/callers-context.js'
import { limited, MAX_TIMER_MS } from './jobs/deadlines.js'
import { badRunOptions, RUN_OPTIONS, type RunOptions } from './jobs/job-options.js'
import { mapped } from './map.js'
import {
  type AnyJobs,
  CANCEL_OPTIONS,
  type CancelOptions,
  CLOSE_OPTIONS,
  FLUSH_OPTIONS,
  ITERATE_OPTIONS,
  type IterateOptions,
  type JobArgs,
  type JobInfo,
  type JobItem,
  type JobName,
  type JobResult,
  jobsHref,
  MAP_OPTIONS,
  type MapOptions,
  type PoolOptions,
  type PoolStats,
  RUN_SYNC_OPTIONS,
  type RunRest,
  type RunSyncOptions,
  type StreamName,
  type StreamValue,
  type TimeLimit,
} from './options.js'
import { badCount, badFlag, badTime } from './values/checks.js'
import { fromCaller } from './values/failure.js'

export type { CancelResult } from '../wq/cancels.js'
export type { RunMessage, WorkerMessage } from './channels.js'
export type { PoolEvents, PoolListener } from './home/untold.js'
export type { RunOptions } from './jobs/job-options.js'
export type {
  CancelOptions,
  IterateOptions,
  JobInfo,
  JobName,
  MapOptions,
  PoolOptions,
  PoolStats,
  RunSyncOptions,
  StreamName,
  TimeLimit,
} from './options.js'

const DEFAULT_GRACE_MS = 100
const NO_ARGS: readonly unknown[] = []

/**
 * Pools that their program has dropped without closing them: nobody can give them jobs any more. Timers, ports and threads
 * hold the inside of a pool, which knows nothing of the Pool itself.
 */
const dropped = new FinalizationRegistry<Dispatch>((dispatch) => void dispatch.close(false))

export class Pool<M extends object = AnyJobs> implements AsyncDisposable {
  readonly #dispatch: Dispatch
  readonly #listeners = new PoolListeners()

  /**
   * Makes a pool of the functions that a module exports: `jobs` is its URL, or the absolute path of its file. Threads
   * start as jobs come. An idle pool does not keep the process alive; one that is dropped ends the jobs it has, and its
   * threads leave. Throws ERR_INVALID_ARG_TYPE or ERR_OUT_OF_RANGE
   * for bad options, ERR_INVALID_URL for a `jobs` that is neither, ERR_URING_NO_FFI for `affinity` where FFI cannot
   * load.
   *
   * @example
   * const pool = new Pool<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url))
   * const sum = await pool.run('add', [1, 2])
   */
  constructor(jobs: URL | string, options: PoolOptions = {}) {
    this.#dispatch = new Dispatch(jobsHref(jobs), options, new WeakRef(this.#listeners))
    dropped.register(this, this.#dispatch, this.#dispatch)
  }

  /**
   * Runs a function of the module on a worker. Arguments and result are copied as by structured cloning, except that a
   * Buffer arrives as a Buffer; SharedArrayBuffers are shared.
   *
   * Returns its result. Rejects with what the function threw (class, name, message, code, own properties and cause kept;
   * the worker's stack, then the caller's); a DataCloneError; an AbortError (`ABORT_ERR`); `ERR_URING_NO_SUCH_JOB`,
   * `ERR_URING_JOBS_MODULE` (the module does not load), `ERR_URING_INIT`, `ERR_URING_NOT_ITERATED` (it yields values),
   * `ERR_URING_WORKER_DIED`, `ERR_URING_POOL_CLOSED`, `ERR_URING_QUEUE_FULL`, `ERR_URING_TIMEOUT`; with
   * ERR_OUT_OF_RANGE or ERR_INVALID_ARG_TYPE for bad options.
   */
  run<N extends JobName<M>>(name: N, ...rest: RunRest<JobArgs<M[N]>>): Promise<JobResult<M[N]>>
  run(name: string, args: readonly unknown[] = NO_ARGS, options?: RunOptions): Promise<unknown> {
    try {
      const dispatch = this.#dispatch
      return dispatch.run(name, args, options === undefined ? dispatch.noOptions : RUN_OPTIONS.read(options), RUN)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Runs a function once for each item of an iterable, which is its only argument, and gives the results as they are
   * taken: at most `concurrency` items are under way, pulled from the source and their results not taken. Nothing begins
   * before the first result is asked for. Where the pool has a `queueLimit` it waits for room.
   *
   * Throws what a job rejects with, what the source throws, or an AbortError; ERR_OUT_OF_RANGE or ERR_INVALID_ARG_TYPE,
   * at once, for bad options. However it ends, `break` included, the source is closed, jobs that have not begun are
   * cancelled, those that run are told and not waited for.
   *
   * @example
   * for await (const thumbnail of pool.map(paths, 'resize', { concurrency: 8 })) await store(thumbnail)
   */
  map<N extends JobName<M>>(
    source: Iterable<JobItem<M[N]>> | AsyncIterable<JobItem<M[N]>>,
    name: N,
    options?: MapOptions,
  ): AsyncGenerator<JobResult<M[N]>, void, undefined>
  map(
    source: Iterable<unknown> | AsyncIterable<unknown>,
    name: string,
    given: MapOptions = {},
  ): AsyncGenerator<unknown, void, undefined> {
    const options = { ...MAP_OPTIONS.read(given), transfer: undefined }
    const badOptions = badRunOptions(options)
    if (badOptions !== undefined) throw fromCaller(badOptions, MAP)
    const [bounded, unbounded] = this.maxWorkers(0, 0)
    const { concurrency = options.unbounded === true ? unbounded : bounded, ordered = true, signal } = options
    const bad =
      badSource(source) ?? badName(name) ?? badCount('concurrency', concurrency, 1) ?? badFlag('ordered', ordered)
    if (bad !== undefined) throw fromCaller(bad, MAP)
    const runner = (stop: AbortSignal) => {
      const own = { ...options, signal: stop }
      return (item: unknown): Promise<unknown> => {
        const give = () => this.#dispatch.run(name, [item], own)
        return this.#dispatch.untilRoom()?.then(give) ?? give()
      }
    }
    return mapped({ source, runner, concurrency, ordered, signal, context: new CallersContext() })
  }

  /**
   * Cancels jobs: by their `id`, or all for which the function returns true. A job that waits rejects with an AbortError
   * at once and never runs; one that runs is told (currentSignal().aborted) and settles when it ends.
   *
   * Returns 'running' if any of them runs, else 'ok' if any was waiting, else 'notfound': none is there, or they have
   * ended. With `all: false` it stops at the first, one that waits if there is any, and answers for that.
   *
   * @example
   * pool.cancel((job) => job.name === 'index' && job.key === path)
   */
  cancel(matches: (job: JobInfo) => boolean, options?: CancelOptions): CancelResult
  cancel(id: unknown, options?: CancelOptions): CancelResult
  cancel(which: unknown, options: CancelOptions = {}): CancelResult {
    const { all = true } = CANCEL_OPTIONS.read(options)
    const bad = badFlag('all', all)
    if (bad !== undefined) throw bad
    const { control } = this.#dispatch
    return typeof which === 'function'
      ? control.cancel(which as (job: JobInfo) => boolean, all)
      : control.cancelById(which, all)
  }

  /**
   * Kills the threads of jobs that run and have this id, or for which `matches` returns true: for what does not look at
   * its signal. It costs a new thread (30 to 80 ms until the next job runs there); all that the thread was at dies with it,
   * other jobs that await something included, and leaves files, locks and shared memory as they were at that instant. They
   * reject with ERR_URING_WORKER_DIED; jobs that have not begun are not touched. Returns how many jobs were hit. A thread
   * inside of a system call dies when the call returns.
   */
  kill(matches: (job: JobInfo) => boolean): number
  kill(id: unknown): number
  kill(which: unknown): number {
    const { control } = this.#dispatch
    return typeof which === 'function' ? control.kill(which as (job: JobInfo) => boolean) : control.killById(which)
  }

  /**
   * Resolves when there is room for a job under `queueLimit`, in the order of asking; at once where there is no limit. The
   * room is kept until the end of this turn of the event loop. Rejects with ERR_URING_POOL_CLOSED.
   *
   * @example
   * await pool.ready()
   * void pool.run('index', [path])
   */
  ready(): Promise<void> {
    return this.#dispatch.ready()
  }

  /**
   * Resolves when all jobs that were given before have settled; those given meanwhile are not waited for. Rejects with
   * ERR_URING_TIMEOUT if that takes more than `timeout` milliseconds; nothing is cancelled.
   */
  flush(limit: TimeLimit = {}): Promise<void> {
    try {
      const timeout = limitOf(FLUSH_OPTIONS.read(limit))
      const flushed = this.#dispatch.control.flush()
      return timeout === undefined ? flushed : limited(flushed, 'what was given', timeout)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** On: threads with nothing to do leave, the last ones and `minWorkers` too. Off, the default: those stay. */
  setExitOnIdle(on: boolean): void {
    this.#dispatch.setExitOnIdle(on)
  }

  /**
   * Runs a function of the module that returns a generator, or anything else to iterate, async or not, or a promise of
   * it. Returns its values as they come: up to `highWaterMark` of them are on their way, then the generator waits. The
   * job is given at once. Iterate to the end, leave early (`break`, return()), or abort: the generator is then ended
   * where it has yielded, its `finally` runs, and currentSignal() in it has aborted. An iterator that is dropped is ended
   * when it has been collected. One that waits for its caller is in no other job's way, its key's excepted, and does not
   * keep the process alive.
   *
   * next() rejects with what the generator threw, `ERR_URING_NOT_ITERABLE`, and else as run() does. Throws
   * `ERR_OUT_OF_RANGE` or `ERR_INVALID_ARG_TYPE`, at once, for bad options.
   *
   * @example
   * for await (const row of pool.iterate('parse', [path])) console.log(row)
   */
  iterate<N extends StreamName<M>>(
    name: N,
    ...rest: RunRest<JobArgs<M[N]>, IterateOptions>
  ): AsyncIterableIterator<StreamValue<M[N]>> & AsyncDisposable
  iterate(
    name: string,
    args: readonly unknown[] = NO_ARGS,
    options: IterateOptions = {},
  ): AsyncIterableIterator<unknown> & AsyncDisposable {
    return this.#dispatch.iterate(name, args, ITERATE_OPTIONS.read(options), ITERATE)
  }

  /**
   * Runs a function as run() does, and blocks the calling thread until it has ended: no event loop, no timers, no other
   * promise meanwhile. Returns its result, throws what run() rejects with. Progress comes in one go as the job ends.
   *
   * Throws `ERR_URING_DEADLOCK` while an iterate() of its key is open, whose values this thread has to take. A job that
   * itself waits for this thread, for a message or a lock, is not found out: it blocks for good.
   */
  runSync<N extends JobName<M>>(name: N, ...rest: RunRest<JobArgs<M[N]>, RunSyncOptions>): JobResult<M[N]>
  runSync(name: string, args: readonly unknown[] = NO_ARGS, given: RunSyncOptions = {}): unknown {
    const options = RUN_SYNC_OPTIONS.read(given)
    if (!isTraced()) return this.#dispatch.runSync(name, args, options, RUN_SYNC)
    const message = { pool: this.#dispatch.name, name, args, ...tracedOptions(options) }
    return tracedSync(message, () => this.#dispatch.runSync(name, args, options, RUN_SYNC))
  }

  /**
   * Replaces every thread: each leaves when the jobs it has begun have ended, after `teardown`, and new ones start as
   * jobs come. Refuses none meanwhile. Resolves when all threads there were are gone.
   */
  recycle(): Promise<void> {
    return this.#dispatch.threads.recycle()
  }

  /**
   * Sets how many threads there may be of each kind, 0 leaves one as it is. Returns the limits before. Kills nobody. There
   * is room for as many of a kind as the pool was made for of both together, and for 64: more is taken for that. Throws
   * ERR_INVALID_ARG_TYPE or ERR_OUT_OF_RANGE for what is no integer from 0 to 8192.
   */
  maxWorkers(bounded: number, unbounded: number): [bounded: number, unbounded: number] {
    const bad = badCount('bounded', bounded, 0, MAX_WORKERS) ?? badCount('unbounded', unbounded, 0, MAX_WORKERS)
    if (bad !== undefined) throw bad
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

  /**
   * Listens to `error`: what went wrong in a thread while no job was there to be told. Where nobody listens it is a
   * process warning. Listeners run in the asynchronous context that they were added in. Throws ERR_INVALID_ARG_VALUE for
   * an event that there is not, ERR_INVALID_ARG_TYPE.
   *
   * @example
   * pool.on('error', (error) => log.error(error.code, error.stack, error.cause))
   */
  on<E extends keyof PoolEvents>(event: E, listener: PoolListener<E>): this {
    this.#listeners.add(event, listener, false)
    return this
  }

  /** As on(), for the next time alone. */
  once<E extends keyof PoolEvents>(event: E, listener: PoolListener<E>): this {
    this.#listeners.add(event, listener, true)
    return this
  }

  /** Listens no more: takes back one on() or once(), the last of this listener. */
  off<E extends keyof PoolEvents>(event: E, listener: PoolListener<E>): this {
    this.#listeners.remove(event, listener)
    return this
  }

  /** Counts, as of now. */
  stats(): PoolStats {
    return this.#dispatch.stats()
  }

  /**
   * Takes no more jobs, finishes all that were given, and resolves when no thread of the pool is left. If that is not so
   * after `timeout` milliseconds it does what destroy() does. Called again it may set a timeout; the promise is the same.
   */
  close(limit: TimeLimit = {}): Promise<void> {
    try {
      return this.#close(limitOf(CLOSE_OPTIONS.read(limit)))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #close(timeout: number | undefined): Promise<void> {
    const closed = this.#dispatch.close(true)
    dropped.unregister(this.#dispatch)
    if (timeout !== undefined && timeout <= MAX_TIMER_MS) {
      const timer = setTimeout(() => void this.destroy(), timeout).unref()
      void closed.then(() => clearTimeout(timer))
    }
    return closed
  }

  /**
   * Takes no more jobs and cancels those given: what is queued rejects with ERR_URING_POOL_CLOSED, what runs is told
   * (currentSignal().aborted). Jobs that have not ended after `graceMs` die with their threads; Infinity kills none.
   * Resolves when no thread of the pool is left. Rejects with ERR_INVALID_ARG_TYPE, ERR_OUT_OF_RANGE, and does nothing.
   */
  async destroy(graceMs = DEFAULT_GRACE_MS): Promise<void> {
    const bad = badTime('graceMs', graceMs)
    if (bad !== undefined) throw bad
    this.#dispatch.shut()
    this.#dispatch.control.cancelAll()
    const kill = graceMs > MAX_TIMER_MS ? undefined : setTimeout(() => this.#dispatch.threads.terminateAll(), graceMs)
    await this.#close(undefined)
    clearTimeout(kill)
  }

  /** As close(): `await using pool = new Pool(…)`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** What errors are told from: as they are here, whatever becomes of the prototype. */
const { run: RUN, runSync: RUN_SYNC, iterate: ITERATE, map: MAP } = Pool.prototype

/** The milliseconds; throws if they are none. */
function limitOf(limit: Given<TimeLimit>): number | undefined {
  const bad = badLimit(limit)
  if (bad !== undefined) throw bad
  return limit.timeout
}
