/**
 * The pool's inside: gives jobs to io-wq and drains what comes home. Runs on the thread that made the pool, the owner.
 *
 * It never blocks. A job without a free record waits in the backlog; all others are in io-wq's hands until the settler
 * has them. Counterpart: how io_uring gives work to io-wq and takes it back as task work.
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
import { ArgumentBytes, Blocks } from './arena.js'
import { Backlog, type Waiting } from './backlog.js'
import { Codec } from './codec.js'
import { abortError, poolError, rejection } from './failure.js'
import { InFlight, type Resolve } from './in-flight.js'
import { Incoming } from './incoming.js'
import { KeyTable } from './keys.js'
import { NameTable } from './names.js'
import { type PoolOptions, type PoolStats, type RunOptions, workerOptions } from './options.js'
import { type Held, letGo, Outgoing } from './outgoing.js'
import { Poller } from './poller.js'
import { Ports } from './ports.js'
import { FUNC, JOB, JOB_WORDS, Space } from './record.js'
import { closedError, Settler } from './settler.js'
import { SharedBufferIds } from './shared-buffers.js'
import type { PoolSeat } from './worker.js'

const STATE = ITEM.at.state >> 2
/** Jobs that have records; more wait in private memory. */
const NR_ITEMS = 8192
const MIN_SLOTS = 64
const DEFAULT_UNBOUNDED = 64
/** On one CPU nothing happens while somebody spins. */
const DEFAULT_SPIN_US = availableParallelism() > 1 ? 50 : 0
const QUEUE = 0

let grabbed: Resolve
/** One executor for every promise: nobody else runs between it and the line behind `new Promise`. */
const grab = (resolve: Resolve) => {
  grabbed = resolve
}

export class Dispatch {
  readonly #wq: Wq
  readonly #mem: WqMemory
  readonly #words: Int32Array
  readonly #space: Space
  readonly #codec: Codec
  readonly #far: ArgumentBytes
  readonly #names: NameTable
  readonly #ids: SharedBufferIds
  readonly #outgoing: Outgoing
  readonly #ports: Ports
  readonly #poller: Poller
  readonly #jobs: InFlight
  readonly #settler: Settler
  readonly #backlog = new Backlog()
  /** Where the arguments of jobs for the backlog are written. */
  #scratch: Codec | undefined
  readonly #aborts = new Aborts((job, reason) => this.#onAbort(job, reason))
  readonly #queueLimit: number
  #onQuiet: (() => void)[] = []
  #nrDied = 0
  isOpen = true

  constructor(href: string, options: PoolOptions) {
    const { maxWorkers = availableParallelism(), maxUnbounded = DEFAULT_UNBOUNDED, workerData } = options
    this.#queueLimit = options.queueLimit ?? Number.POSITIVE_INFINITY
    const nrSlots = Math.max(MIN_SLOTS, maxWorkers + maxUnbounded)
    this.#space = Space.create(nrSlots)
    this.#poller = new Poller(this.#space, {
      drain: () => this.#drain(),
      isDrained: () => this.#wq.isQueueEmpty(QUEUE),
      onClaims: () => this.#answerClaims(),
      isBusy: () => this.nrInFlight > 0,
    })
    const seat: PoolSeat = { space: this.#space.sab, jobs: href, workerData }
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
      spinUs: options.spinUs ?? DEFAULT_SPIN_US,
      hooks: {
        onCancelled: (item) => this.#onCancelled(item),
        onDied: (item, error) => this.#settler.died(item, error),
        onCreateFailed: (error) => this.#onCreateFailed(error),
        onRecovered: () => this.#onRecovered(),
        onWorkerMade: (slot, worker) => this.#onWorkerMade(slot, worker),
      },
    })
    this.#mem = this.#wq.mem
    this.#words = this.#mem.words
    this.#ids = new SharedBufferIds(this.#space)
    const blocks = Blocks.ofArena(this.#space)
    this.#far = new ArgumentBytes(this.#space, blocks)
    this.#codec = new Codec(this.#words, this.#ids, this.#far)
    this.#names = new NameTable(this.#space)
    this.#ports = new Ports(this.#space, this.#ids, this.#poller.onWake)
    this.#outgoing = new Outgoing(this.#space, blocks, this.#ids, this.#far)
    this.#jobs = new InFlight(NR_ITEMS, new KeyTable(NR_ITEMS), blocks)
    this.#settler = new Settler({
      mem: this.#mem,
      jobs: this.#jobs,
      incoming: new Incoming(this.#mem, this.#space, this.#codec, this.#ports),
      aborts: this.#aborts,
      free: (item) => this.#wq.free(item),
    })
  }

  get nrInFlight(): number {
    return this.#jobs.count + this.#backlog.size
  }

  /** Pool.run. */
  run(name: string, args: readonly unknown[], options: RunOptions): Promise<unknown> {
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
    if (!this.isOpen) return closedError()
    if (!Array.isArray(args)) return poolError('ERR_INVALID_ARG_TYPE', 'the arguments of a job come in an array')
    if (this.nrInFlight >= this.#queueLimit) {
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

  /** No record is free: the job is written to private memory. */
  #wait(func: number, args: readonly unknown[], options: RunOptions): Promise<unknown> {
    // Taken while in use: a getter among the arguments may call run() as well.
    const codec = this.#scratch ?? new Codec(new Int32Array(JOB_WORDS), this.#ids, this.#far)
    this.#scratch = undefined
    const { words } = codec
    words[FUNC] = func
    let held: Held | undefined
    try {
      held = this.#outgoing.write(codec, 0, args, options.transfer)
    } catch (error) {
      return Promise.reject(error)
    }
    const promise = new Promise<unknown>(grab)
    const id = this.#backlog.nextId()
    this.#backlog.push({ words, nrWords: this.#outgoing.nrWords, held, options, resolve: grabbed, id })
    this.#scratch = codec
    if (options.signal !== undefined) this.#aborts.watch(id, options.signal)
    return promise
  }

  #takeFromBacklog(): void {
    while (this.#backlog.size > 0) {
      const item = this.#wq.alloc()
      if (item === NONE) return
      const { words, nrWords, held, options, resolve, id } = this.#backlog.shift()!
      if (options.signal !== undefined) this.#aborts.forget(id)
      const p = this.#mem.payload(item)
      for (let i = 0; i < nrWords; i++) this.#words[p + i] = words[i]!
      this.#launch(item, p, resolve, held, options)
    }
  }

  /** Settles all jobs that came home; returns how many. */
  #drain(): number {
    let count = 0
    for (let item = this.#wq.popDone(QUEUE); item !== NONE; item = this.#wq.popDone(QUEUE)) {
      count++
      this.#settler.settle(item)
    }
    this.#takeFromBacklog()
    if (this.#onQuiet.length > 0) this.#announceQuiet()
    return count
  }

  #announceQuiet(): void {
    if (this.nrInFlight > 0) return
    const waiters = this.#onQuiet
    this.#onQuiet = []
    for (const resolve of waiters) resolve()
  }

  #onCancelled(item: number): void {
    this.#settler.cancelled(item)
    // The rest not from in here: this may run inside a walk over the items.
    this.#poller.look()
  }

  #onCreateFailed(error: Error): void {
    const message = `no worker can be started: ${error.message}`
    this.#settler.cancelReason = () => poolError('ERR_URING_WORKER_DIED', message, error)
  }

  #onRecovered(): void {
    this.#nrDied++
    this.#poller.look()
  }

  #onWorkerMade(slot: number, worker: import('node:worker_threads').Worker): void {
    // What the last worker in this slot posted is taken before its port goes.
    this.#drain()
    this.#ports.greet(slot, worker)
  }

  #onAbort(job: number, reason: unknown): void {
    if (job < 0) {
      this.#aborts.forget(job)
      const waiting = this.#backlog.remove(job)
      if (waiting !== undefined) this.#cancelWaiting(waiting, () => abortError(reason))
      return
    }
    this.#settler.cancelReason = () => abortError(reason)
    // 'running': the job sees it, and settles when it ends. 'notfound': it has ended, and settles soon.
    this.#wq.cancel(job)
  }

  #cancelWaiting(waiting: Waiting, make: () => Error): void {
    this.#settler.nrCancelled++
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

  maxWorkers(bounded: number, unbounded: number): [bounded: number, unbounded: number] {
    return this.#wq.maxWorkers(bounded, unbounded)
  }

  stats(): PoolStats {
    const { queued, workers, created } = this.#wq.counts()
    const { nrCompleted, nrFailed, nrCancelled } = this.#settler
    return {
      inFlight: this.nrInFlight,
      queued: queued + this.#backlog.size,
      completed: nrCompleted,
      failed: nrFailed,
      cancelled: nrCancelled,
      workers,
      created,
      died: this.#nrDied,
    }
  }

  /** Resolves when no job is in flight. */
  quiet(): Promise<void> {
    if (this.nrInFlight === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onQuiet.push(resolve)
    })
  }

  /** Cancels every job there is; those that run are told. */
  cancelAll(): void {
    this.#settler.cancelReason = closedError
    this.#settler.isDestroying = true
    for (let w = this.#backlog.shift(); w !== undefined; w = this.#backlog.shift()) {
      this.#aborts.forget(w.id)
      this.#cancelWaiting(w, closedError)
    }
    this.#wq.cancelMatch((item) => this.#jobs.has(item), true)
  }

  /** Ends every thread, whatever it does. */
  terminateAll(): void {
    for (let slot = 0; slot < this.#space.nrSlots; slot++) void this.#wq.workerAt(slot)?.terminate()
  }

  /** Resolves when no thread is left. */
  async shutDown(): Promise<void> {
    await this.#wq.exit()
    this.#poller.close()
    this.#ports.close()
  }
}
