/**
 * The pool: runs a module's functions on worker threads, as io-wq work. Runs on the thread that made it, the owner.
 *
 * It never blocks: workers push what they have done to a queue, and the owner drains it. Counterpart: how io_uring gives
 * work to io-wq and takes it back as task work.
 */
import { availableParallelism } from 'node:os'
import { pathToFileURL } from 'node:url'
import type { TransferListItem, WorkerOptions } from 'node:worker_threads'
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
import { abortError, type Failure, type PoolErrorCode, poolError, rebuild, rejection } from './failure.js'
import { InFlight, type Resolve } from './in-flight.js'
import { Incoming } from './incoming.js'
import { KeyTable } from './keys.js'
import { NameTable } from './names.js'
import { type Held, letGo, Outgoing } from './outgoing.js'
import { Poller } from './poller.js'
import { Ports } from './ports.js'
import { ARENA_BYTES, FUNC, JOB, JOB_WORDS, KIND, KIND_FAILED, KIND_VALUES, Space } from './record.js'
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
}

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
  readonly workersCreated: number
  readonly workersDied: number
}

/** The functions that a module exports, by name. */
export type JobName<M> = { [K in keyof M]: M[K] extends (...args: never[]) => unknown ? K : never }[keyof M] & string
type JobArgs<F> = F extends (...args: infer A) => unknown ? A : never
type JobResult<F> = F extends (...args: never[]) => infer R ? Awaited<R> : never
type RunRest<A extends unknown[]> = [] extends A
  ? [args?: Readonly<A>, options?: RunOptions]
  : [args: Readonly<A>, options?: RunOptions]
type AnyJobs = Record<string, (...args: unknown[]) => unknown>

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
  readonly #onTurnOver: (() => void)[] = []
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
      isBusy: () => this.#jobs.count > 0,
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
        onRecovered: () => this.#poller.look(),
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
}
