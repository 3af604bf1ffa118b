/**
 * The pool: runs a module's functions on worker threads, as io-wq work. Runs on the thread that made it, the owner.
 *
 * It never blocks: workers push what they have done to a queue, and the owner drains it. Counterpart: how io_uring gives
 * work to io-wq and takes it back as task work.
 */
import { availableParallelism } from 'node:os'
import { loadAcquire } from '../lib/barrier.js'
import { NONE } from '../lib/mpscq.js'
import {
  IO_WQ_WORK_CONCURRENT,
  IO_WQ_WORK_HASHED,
  IO_WQ_WORK_UNBOUND,
  ITEM,
  ITEM_RUNNING,
  ITEM_SLOT_SHIFT,
  type WqMemory,
} from '../wq/layout.js'
import { Wq } from '../wq/wq.js'
import { Aborts } from './aborts.js'
import { Blocks } from './arena.js'
import { Backlog, type Waiting } from './backlog.js'
import { Codec } from './codec.js'
import { abortError, type Failure, poolError, rebuild, rejection } from './failure.js'
import { InFlight, type Resolve } from './in-flight.js'
import { Incoming } from './incoming.js'
import { KeyTable } from './keys.js'
import { NameTable } from './names.js'
import { type Held, letGo, Outgoing } from './outgoing.js'
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
  workerOptions,
} from './options.js'
import { Poller } from './poller.js'
import { Ports } from './ports.js'
import { ARENA_BYTES, FUNC, JOB, JOB_WORDS, KIND, KIND_FAILED, Space } from './record.js'
import { SharedBufferIds } from './shared-buffers.js'
import type { PoolSeat } from './worker.js'

const STATE = ITEM.at.state >> 2
/** Jobs that have records; more wait in private memory. */
const NR_ITEMS = 8192
const MIN_SLOTS = 64
const DEFAULT_UNBOUNDED = 64
const DEFAULT_GRACE_MS = 100
const QUEUE = 0
const NO_ARGS: readonly unknown[] = []
const NO_OPTIONS: RunOptions = {}

export type { JobName, PoolOptions, PoolStats, RunOptions } from './options.js'

let grabbed: Resolve
/** One executor for every promise: nobody else runs between it and the line behind `new Promise`. */
const grab = (resolve: Resolve) => {
  grabbed = resolve
}

export class Pool<M extends object = AnyJobs> implements AsyncDisposable {
  readonly #wq: Wq
  readonly #mem: WqMemory
  readonly #words: Int32Array
  readonly #space: Space
  readonly #codec: Codec
  readonly #names: NameTable
  readonly #ids: SharedBufferIds
  readonly #outgoing: Outgoing
  readonly #incoming: Incoming
  readonly #ports: Ports
  readonly #poller: Poller
  readonly #jobs: InFlight
  readonly #backlog = new Backlog()
  readonly #aborts = new Aborts((job, reason) => this.#onAbort(job, reason))
  readonly #queueLimit: number
  #onQuiet: (() => void)[] = []
  #isOpen = true
  #isDestroyed = false
  #closed: Promise<void> | undefined
  /** Why what is being cancelled is cancelled. */
  #cancelReason: () => Error = () => closedError()
  #nrCompleted = 0
  #nrFailed = 0
  #nrCancelled = 0
  #nrDied = 0

  /**
   * Makes a pool of the functions that a module exports. Threads start as jobs come.
   *
   * @example
   * const pool = new Pool<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url))
   * const sum = await pool.run('add', [1, 2])
   */
  constructor(jobs: URL | string, options: PoolOptions = {}) {
    const { maxWorkers = availableParallelism(), maxUnbounded = DEFAULT_UNBOUNDED, workerData } = options
    this.#queueLimit = options.queueLimit ?? Number.POSITIVE_INFINITY
    const nrSlots = Math.max(MIN_SLOTS, maxWorkers + maxUnbounded)
    this.#poller = new Poller({
      drain: () => this.#drain(),
      isDrained: () => this.#wq.isQueueEmpty(QUEUE),
      onClaims: () => this.#answerClaims(),
      isBusy: () => this.#jobs.count + this.#backlog.size > 0,
    })
    this.#space = Space.create(nrSlots, this.#poller.wakeFd)
    this.#poller.attach(this.#space)
    const seat: PoolSeat = { space: this.#space.sab, jobs: jobsHref(jobs), workerData }
    this.#wq = new Wq({
      nrSlots,
      nrQueues: 1,
      nrBuckets: NR_ITEMS,
      nrItems: NR_ITEMS,
      payloadBytes: JOB.size,
      payloadHash: JOB.hash,
      workerEntry: new URL('./worker.js', import.meta.url),
      workerData: () => seat,
      workerOptions: workerOptions(options),
      maxWorkers: [maxWorkers, maxUnbounded],
      concurrency: availableParallelism(),
      idleTimeoutMs: options.idleTimeoutMs ?? 5000,
      spinUs: options.spinUs ?? 50,
      hooks: {
        onCancelled: (item) => this.#onCancelled(item),
        onDied: (item, error) => this.#onDied(item, error),
        onCreateFailed: (error) => {
          this.#cancelReason = () => poolError('ERR_URING_WORKER_DIED', `no worker can be started: ${error.message}`, error)
        },
        onRecovered: () => {
          this.#nrDied++
          this.#poller.look()
        },
        onWorkerMade: (slot, worker) => {
          // What the last worker in this slot posted is taken before its port goes.
          this.#drain()
          this.#ports.greet(slot, worker)
          if (this.#poller.wakeFd < 0) worker.on('message', this.#poller.onWake)
        },
      },
    })
    this.#mem = this.#wq.mem
    this.#words = this.#mem.words
    this.#ids = new SharedBufferIds(this.#space)
    this.#codec = new Codec(this.#words, this.#ids)
    this.#names = new NameTable(this.#space)
    this.#ports = new Ports(this.#space, this.#ids)
    const blocks = new Blocks(this.#space.arenaByte, this.#space.arenaByte + ARENA_BYTES)
    this.#outgoing = new Outgoing(this.#space, blocks, this.#ids)
    this.#incoming = new Incoming(this.#mem, this.#space, this.#codec, this.#ports)
    this.#jobs = new InFlight(NR_ITEMS, new KeyTable(NR_ITEMS), blocks)
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
    const refusal = this.#refuse(args, options)
    if (refusal !== undefined) return Promise.reject(refusal)
    const func = this.#names.numberOf(name)
    if (func < 0) return Promise.reject(poolError('ERR_URING_NO_SUCH_JOB', 'a pool takes 1024 different names at most'))
    const item = this.#backlog.size === 0 ? this.#wq.alloc() : NONE
    if (item === NONE) return this.#wait(func, args, options)
    const p = this.#mem.payload(item)
    this.#words[p + FUNC] = func
    let held: Held | undefined
    try {
      held = this.#outgoing.write(this.#codec, p, args, options.transfer)
    } catch (error) {
      this.#wq.free(item)
      return Promise.reject(error)
    }
    const promise = new Promise<unknown>(grab)
    this.#launch(item, p, grabbed, held, options)
    return promise
  }

  /** Why a job is not even begun. */
  #refuse(args: readonly unknown[], options: RunOptions): Error | undefined {
    if (!this.#isOpen) return closedError()
    if (!Array.isArray(args)) return poolError('ERR_INVALID_ARG_TYPE', 'the arguments of a job come in an array')
    if (this.#jobs.count + this.#backlog.size >= this.#queueLimit) {
      return poolError('ERR_URING_QUEUE_FULL', `${this.#queueLimit} jobs are in flight, as many as this pool takes`)
    }
    const { signal } = options
    return signal?.aborted === true ? abortError(signal.reason) : undefined
  }

  /** Gives a job whose record is written to io-wq. */
  #launch(item: number, p: number, resolve: Resolve, held: Held | undefined, options: RunOptions): void {
    const jobs = this.#jobs
    jobs.add(item, resolve, this.#words, p, held)
    let flags = IO_WQ_WORK_CONCURRENT
    let bucket = 0
    if (options.key !== undefined) {
      flags |= IO_WQ_WORK_HASHED
      bucket = jobs.takeBucket(item, options.key)
    }
    if (options.unbounded === true) flags |= IO_WQ_WORK_UNBOUND
    if (options.signal !== undefined) {
      jobs.markSignal(item)
      this.#aborts.watch(item, options.signal)
    }
    this.#poller.look()
    this.#wq.enqueue(item, flags, bucket, QUEUE)
  }

  /** No record is free: the job is written to memory of its own. */
  #wait(func: number, args: readonly unknown[], options: RunOptions): Promise<unknown> {
    const words = new Int32Array(JOB_WORDS)
    words[FUNC] = func
    let held: Held | undefined
    try {
      held = this.#outgoing.write(new Codec(words, this.#ids), 0, args, options.transfer)
    } catch (error) {
      return Promise.reject(error)
    }
    const promise = new Promise<unknown>(grab)
    const id = this.#backlog.nextId()
    this.#backlog.push({ words, held, options, resolve: grabbed, id })
    if (options.signal !== undefined) this.#aborts.watch(id, options.signal)
    return promise
  }

  #takeFromBacklog(): void {
    while (this.#backlog.size > 0) {
      const item = this.#wq.alloc()
      if (item === NONE) return
      const { words, held, options, resolve, id } = this.#backlog.shift()!
      this.#aborts.forget(id)
      const p = this.#mem.payload(item)
      this.#words.set(words, p)
      this.#launch(item, p, resolve, held, options)
    }
  }

  /** Settles all jobs that came home; returns how many. */
  #drain(): number {
    let count = 0
    for (let item = this.#wq.popDone(QUEUE); item !== NONE; item = this.#wq.popDone(QUEUE)) {
      count++
      this.#settle(item)
    }
    if (count > 0 || this.#onQuiet.length > 0) this.#afterSettling()
    return count
  }

  #settle(item: number): void {
    const p = this.#mem.payload(item)
    const failed = (this.#words[p + KIND]! & KIND_FAILED) !== 0
    let value: unknown
    try {
      value = this.#incoming.read(p)
    } catch (error) {
      // Only a worker that died while it posted leaves such a record.
      this.#reject(item, () => poolError('ERR_URING_WORKER_DIED', 'the result of this job did not arrive', error))
      return
    }
    if (failed) {
      this.#settleFailed(item, value as Failure)
      return
    }
    this.#nrCompleted++
    this.#remove(item)(value)
  }

  #settleFailed(item: number, failure: Failure): void {
    const signal = this.#jobs.hasSignal(item) ? this.#aborts.signalOf(item) : undefined
    if (signal?.aborted === true && 'name' in failure && failure.name === 'AbortError') {
      this.#reject(item, () => abortError(signal.reason))
    } else this.#reject(item, () => rebuild(failure))
  }

  #reject(item: number, make: () => unknown): void {
    this.#nrFailed++
    this.#remove(item)(rejection(make))
  }

  /** Forgets a job; its record is free. */
  #remove(item: number): Resolve {
    if (this.#jobs.hasSignal(item)) this.#aborts.forget(item)
    const resolve = this.#jobs.remove(item)
    this.#wq.free(item)
    return resolve
  }

  #afterSettling(): void {
    if (this.#backlog.size > 0) this.#takeFromBacklog()
    if (this.#jobs.count > 0) return
    const waiters = this.#onQuiet
    this.#onQuiet = []
    for (const resolve of waiters) resolve()
  }

  #onCancelled(item: number): void {
    this.#nrCancelled++
    const error = this.#cancelReason
    this.#remove(item)(rejection(error))
    // Not from in here: this may run inside a walk over the items.
    this.#poller.look()
  }

  #onDied(item: number, error: Error): void {
    const destroyed = this.#isDestroyed
    this.#reject(item, () =>
      destroyed ? closedError() : poolError('ERR_URING_WORKER_DIED', error.message, error.cause ?? error),
    )
  }

  #onAbort(job: number, reason: unknown): void {
    if (job < 0) {
      this.#aborts.forget(job)
      const waiting = this.#backlog.remove(job)
      if (waiting !== undefined) this.#cancelWaiting(waiting, () => abortError(reason))
      return
    }
    this.#cancelReason = () => abortError(reason)
    // 'running': the job sees it, and settles when it ends. 'notfound': it has ended, and settles soon.
    this.#wq.cancel(job)
  }

  #cancelWaiting(waiting: Waiting, make: () => Error): void {
    this.#nrCancelled++
    if (waiting.held !== undefined) letGo(waiting.held)
    this.#outgoing.letGo(waiting.words)
    waiting.resolve(rejection(make))
  }

  #answerClaims(): void {
    this.#ports.answerClaims((item, slot) => {
      const state = loadAcquire(this.#words, this.#mem.item(item) + STATE)
      return state === (ITEM_RUNNING | (slot << ITEM_SLOT_SHIFT)) ? this.#jobs.heldFor(item) : undefined
    })
  }

  /** Sets how many threads there may be of each kind, 0 leaves one as it is. Returns the limits before. Kills nobody. */
  maxWorkers(bounded: number, unbounded: number): [bounded: number, unbounded: number] {
    return this.#wq.maxWorkers(bounded, unbounded)
  }

  stats(): PoolStats {
    const { queued, workers, created } = this.#wq.counts()
    return {
      inFlight: this.#jobs.count + this.#backlog.size,
      queued: queued + this.#backlog.size,
      completed: this.#nrCompleted,
      failed: this.#nrFailed,
      cancelled: this.#nrCancelled,
      workers,
      created,
      died: this.#nrDied,
    }
  }

  /** Takes no more jobs, finishes all that were given, and resolves when no thread of the pool is left. */
  close(): Promise<void> {
    this.#isOpen = false
    this.#closed ??= this.#quiet().then(() => this.#shutDown())
    return this.#closed
  }

  /**
   * Takes no more jobs and cancels those given: what is queued rejects with ERR_URING_POOL_CLOSED, what runs is told
   * (currentSignal().aborted). Jobs that have not ended after `graceMs` die with their threads. Resolves when no thread
   * of the pool is left.
   */
  async destroy(graceMs = DEFAULT_GRACE_MS): Promise<void> {
    this.#isOpen = false
    this.#isDestroyed = true
    this.#cancelReason = closedError
    for (let w = this.#backlog.shift(); w !== undefined; w = this.#backlog.shift()) {
      this.#aborts.forget(w.id)
      this.#cancelWaiting(w, closedError)
    }
    this.#wq.cancelMatch((item) => this.#jobs.has(item), true)
    const kill = setTimeout(() => {
      for (let slot = 0; slot < this.#space.nrSlots; slot++) void this.#wq.workerAt(slot)?.terminate()
    }, graceMs)
    await this.close()
    clearTimeout(kill)
  }

  /** As close(). */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Resolves when no job is in flight. */
  #quiet(): Promise<void> {
    if (this.#jobs.count + this.#backlog.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onQuiet.push(resolve)
    })
  }

  async #shutDown(): Promise<void> {
    await this.#wq.exit()
    this.#poller.close()
    this.#ports.close()
  }
}

function closedError(): Error {
  return poolError('ERR_URING_POOL_CLOSED', 'this pool was closed')
}
