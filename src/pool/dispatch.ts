/**
 * The pool's inside: gives jobs to io-wq and drains what comes home. Runs on the thread that made the pool, the owner.
 *
 * It never blocks. A job without a free record waits in the backlog; all others are in io-wq's hands until the settler
 * has them. Counterpart: how io_uring gives work to io-wq and takes it back as task work.
 */
import { loadAcquire } from '../lib/barrier.js'
import { URL } from '../lib/globals.js'
import { NONE } from '../lib/mpscq.js'
import type { Given } from '../lib/options.js'
import { ACCT_BOUND, ACCT_UNBOUND, ITEM, ITEM_RUNNING, ITEM_SLOT_SHIFT, type WqMemory } from '../wq/layout.js'
import { Wq } from '../wq/wq.js'
import { verifyAtRest } from './at-rest.js'
import { Blocks } from './between/arena.js'
import type { StreamStart } from './between/messages.js'
import { NAMED, NameTable } from './between/names.js'
import { FUNC, JOB, JOB_WORDS, Space } from './between/record.js'
import { SharedBufferIds } from './between/shared-buffers.js'
import { isTraced, traced, tracedOptions } from './channels.js'
import { badPoolOptions, checkAffinity } from './checks.js'
import { Control } from './control.js'
import { Encoding } from './give/encoding.js'
import { Intake, QUEUE } from './give/intake.js'
import { Outgoing } from './give/outgoing.js'
import { Room } from './give/room.js'
import { Histograms } from './home/histograms.js'
import { Incoming } from './home/incoming.js'
import { JobEvents, listenerOf, listenFlags } from './home/job-events.js'
import { Poller } from './home/poller.js'
import { Ports } from './home/ports.js'
import { closedError, Settler } from './home/settler.js'
import { SyncOutcome } from './home/sync-outcome.js'
import type { PoolListeners } from './home/untold.js'
import { JobIterator } from './iterate.js'
import { Aborts } from './jobs/aborts.js'
import { Carried } from './jobs/carried.js'
import { type Held, letGo } from './jobs/held.js'
import { InFlight, type Resolve } from './jobs/in-flight.js'
import { badRunOptions, type JobOptions, RUN_OPTIONS, type StreamOptions } from './jobs/job-options.js'
import { KeyTable, NR_BUCKETS } from './jobs/keys.js'
import { type IterateOptions, POOL_OPTIONS, type PoolOptions, type PoolStats, type RunSyncOptions } from './options.js'
import { OpenStreams, waitFor } from './run-sync.js'
import { PoolThreads, startFailure } from './threads.js'
import { abortError, poolError } from './values/failure.js'
import { assertCount, crewOf, seatOf } from './worker-options.js'

const STATE = ITEM.at.state >> 2
/** Jobs that have records; more wait in private memory. */
const NR_ITEMS = 8192
/** A caller of runSync sleeps in slices of this, or less. */
const SYNC_SLICE_MS = 1000
const DEFAULT_WINDOW = 16

const NOBODY: Resolve = () => {}
let grabbed = NOBODY
/** One executor for every promise: nobody else runs between it and the line behind `new Promise`. */
const grab = (resolve: Resolve) => {
  grabbed = resolve
}

export class Dispatch {
  readonly #wq: Wq
  readonly #mem: WqMemory
  readonly #words: Int32Array
  readonly #space: Space
  readonly #newEncoding: (words: Int32Array) => Encoding
  /** Whoever writes arguments takes it, and puts it back. */
  #encoding: Encoding | undefined
  readonly #names: NameTable
  readonly #ids: SharedBufferIds
  readonly #outgoing: Outgoing
  readonly #ports: Ports
  readonly #poller: Poller
  readonly #jobs: InFlight
  readonly #settler: Settler
  readonly #verifyAtRest: (isClosed: boolean) => void
  readonly #events = new JobEvents(
    () => this.#ports,
    (listener) => this.#streams.close(listener),
    (error) => this.threads.tell(error),
  )
  readonly #streams: OpenStreams
  readonly #intake: Intake
  readonly threads: PoolThreads
  /** Where the arguments of jobs that have to wait are written. */
  #scratch: Encoding | undefined
  /** Cancels, flushes. */
  readonly control: Control
  readonly #aborts = new Aborts((job, reason) => this.control.onAbort(job, reason))
  readonly #queueLimit: number
  readonly #room: Room | undefined
  readonly #carried: Carried | undefined
  readonly #histograms: Histograms | undefined
  readonly name: string | undefined
  #onQuiet: (() => void)[] = []
  #nrDied = 0
  #nrStreams = 0
  /** Of these, those of which nothing will come while nobody asks. */
  #nrPaused = 0
  #closed: Promise<void> | undefined
  isOpen = true

  constructor(href: string, given: PoolOptions, listeners: WeakRef<PoolListeners>) {
    const options = POOL_OPTIONS.read(given)
    const bad = badPoolOptions(options)
    if (bad !== undefined) throw bad
    const crew = crewOf(options)
    this.name = options.name
    this.#queueLimit = options.queueLimit ?? Number.POSITIVE_INFINITY
    const affinity = checkAffinity(options.affinity)
    if (options.queueLimit !== undefined) this.#room = new Room(options.queueLimit, () => this.nrInFlight)
    if (options.asyncContext !== undefined) this.#carried = new Carried(options.asyncContext)
    if (options.histograms === true) this.#histograms = new Histograms(NR_ITEMS)
    this.#space = Space.create(crew.nrSlots)
    this.#poller = new Poller(this.#space, {
      drain: () => this.#drain(),
      isDrained: () => this.#wq.isQueueEmpty(QUEUE),
      onClaims: () => this.threads.onClaims(() => this.#answerClaims()),
      onStall: () => this.#wq.nudge(),
      isBusy: () => this.nrInFlight > 0,
      onRest: () => this.#verifyAtRest(false),
      isAwaited: () => this.nrInFlight > this.#nrPaused || this.#onQuiet.length > 0 || this.control.isFlushing,
    })
    const seat = seatOf(this.#space.sab, this.#histograms?.sab, href, options)
    this.threads = new PoolThreads(this.#space, seat, {
      wq: () => this.#wq,
      ports: () => this.#ports,
      drain: () => this.#drain(),
      look: () => this.#poller.look(),
      name: options.name,
      listeners,
    })
    const sharedKeys = options.keys?.join()
    this.#streams = OpenStreams.of(options.keys?.buffer)
    this.#wq = new Wq({
      ...crew,
      nrQueues: 1,
      nrBuckets: NR_BUCKETS,
      nrItems: NR_ITEMS,
      payloadBytes: JOB.size,
      payloadHash: JOB.hash,
      workerEntry: new URL('./worker/worker.js', import.meta.url),
      ...this.threads.seats,
      startTimeoutMs: seat.startTimeoutMs,
      hashSeat: sharedKeys?.hashSeat,
      hooks: {
        onCancelled: (item) => this.#onCancelled(item),
        onDied: (item, error) => this.#settler.died(item, error),
        onCreateFailed: (error) => {
          this.#settler.cancelReason = () => startFailure(error)
        },
        onRecovered: () => {
          this.#nrDied++
          this.#poller.look()
        },
        onToldToStop: (slot) => this.#ports.tell(slot, null),
        onWorkerMade: this.threads.onMade,
        startError: this.threads.startError,
        onUntold: this.threads.onUntold,
      },
    })
    if (affinity !== undefined) this.#wq.setAffinity(affinity)
    this.#mem = this.#wq.mem
    this.#words = this.#mem.words
    this.#ids = new SharedBufferIds(this.#space)
    const blocks = Blocks.ofArena(this.#space)
    this.#newEncoding = (words) => new Encoding(words, this.#space, this.#ids, blocks)
    this.#names = new NameTable(this.#space)
    this.#ports = new Ports(this.#space, this.#ids, {
      onWake: this.#poller.onWake,
      onWakeTaken: () => this.#poller.look(),
      onEvent: (message, slot) => this.#events.deliver(message, slot),
    })
    this.#outgoing = new Outgoing(this.#space, blocks)
    const keys = new KeyTable(this.#wq.tails, sharedKeys, (bucket, word) => this.#mem.setHolderAt(bucket, word))
    this.#jobs = new InFlight(NR_ITEMS, keys, blocks)
    this.#jobs.onEnded = (extras) => this.control.onEnded(extras)
    this.#settler = new Settler({
      mem: this.#mem,
      jobs: this.#jobs,
      incoming: new Incoming(this.#mem, this.#space, this.#newEncoding(this.#words).codec, this.#ports),
      aborts: this.#aborts,
      events: this.#events,
      histograms: this.#histograms,
      prove: (name, func) => this.#names.prove(name, func),
      free: (item) => this.#wq.free(item),
    })
    const own = {
      wq: this.#wq,
      jobs: this.#jobs,
      aborts: this.#aborts,
      events: this.#events,
      histograms: this.#histograms,
      poller: this.#poller,
      settler: this.#settler,
      names: this.#names,
      outgoing: this.#outgoing,
    }
    this.#intake = new Intake(own)
    this.control = new Control({ ...own, intake: this.#intake, threads: this.threads })
    const all = { ...own, blocks, control: this.control }
    this.#verifyAtRest = (isClosed) => verifyAtRest(all, isClosed)
    this.#wq.start()
  }

  setAffinity(cpus: readonly number[] | undefined): void {
    this.#wq.setAffinity(checkAffinity(cpus))
  }

  get nrInFlight(): number {
    return this.#jobs.count + this.#intake.nrWaiting
  }

  /** Pool.run. */
  run(name: string, args: readonly unknown[], options: StreamOptions): Promise<unknown> {
    if (!isTraced()) return this.#run(name, args, options)
    // What the stream has before them is none of the caller's arguments.
    const own = options.stream === undefined ? args : args.slice(1)
    return traced({ pool: this.name, name, args: own, ...tracedOptions(options) }, () => this.#run(name, args, options))
  }

  #run(name: string, args: readonly unknown[], options: StreamOptions): Promise<unknown> {
    const promise = new Promise<unknown>(grab)
    const resolve = grabbed
    // The last job's result is not to live on for this.
    grabbed = NOBODY
    try {
      this.#give(name, args, options, resolve)
    } catch (error) {
      return Promise.reject(error)
    }
    return promise
  }

  /** Pool.runSync. */
  runSync(name: string, args: readonly unknown[], given: Given<RunSyncOptions>): unknown {
    const options: JobOptions = { ...given, signal: undefined }
    const bad = badRunOptions(options)
    if (bad !== undefined) throw bad
    const acct = options.unbounded === true ? ACCT_UNBOUND : ACCT_BOUND
    // One may have ended that has not come home.
    if (this.#streams.has(options.key)) this.#drain()
    this.#streams.assertNotBehind(options.key)
    const outcome = new SyncOutcome()
    this.#settler.syncs.set(outcome.resolve, outcome)
    try {
      this.#give(name, args, options, outcome.resolve)
      waitFor(outcome, this.#mem, acct, () => this.#sleepOnce())
    } finally {
      this.#settler.syncs.delete(outcome.resolve)
    }
    return outcome.result()
  }

  #sleepOnce(): void {
    const ms = Math.min(SYNC_SLICE_MS, this.control.msLeft)
    this.#wq.sleep(ms, 1, () => !this.#wq.isQueueEmpty(QUEUE) || this.#poller.hasClaims())
    this.control.expire()
    this.#poller.answerClaims()
    this.#drain()
  }

  /** Pool.iterate. */
  iterate(name: string, args: readonly unknown[], options: Given<IterateOptions>): JobIterator {
    const bad = badRunOptions(options)
    if (bad !== undefined) throw bad
    const { highWaterMark = DEFAULT_WINDOW, key, signal: ends, onProgress } = options
    assertCount('highWaterMark', highWaterMark)
    const id = this.#nrStreams++
    return new JobIterator({
      window: highWaterMark,
      signal: ends,
      onProgress,
      start: (stream, signal) => {
        this.#streams.open(stream, key)
        const inner: StreamOptions = { ...options, signal, stream }
        const start: StreamStart = [id, highWaterMark]
        const withStart = Array.isArray(args) ? [start, ...(args as unknown[])] : args
        return this.run(name, withStart, inner).finally(() => this.#streams.close(stream))
      },
      giveRoom: (slot, room) => this.#ports.tell(slot, [id, room]),
      onPaused: (isPaused) => {
        this.#nrPaused += isPaused ? 1 : -1
        this.#poller.keepAlive()
      },
    })
  }

  /** Queues a job, which will end with a call of `resolve`. Throws why it is not even begun. */
  #give(name: string, args: readonly unknown[], options: StreamOptions, resolve: Resolve): void {
    const refusal = this.#refuse(args, options)
    if (refusal !== undefined) throw refusal
    const { key, unbounded, signal, onProgress, stream } = options
    const context = this.#carried?.values()
    const func = context === undefined ? this.#names.numberOf(name) : this.#names.numberWithContext(name)
    // The first argument of a job that yields is for the stream, then comes the function's.
    const at = stream === undefined ? 0 : 1
    let values = context === undefined ? args : (args as unknown[]).toSpliced(at, 0, context)
    const unnumbered = func >= NAMED ? name : undefined
    if (unnumbered !== undefined) values = [name, ...values]
    const item = this.#intake.alloc(options.priority)
    if (item === NONE) {
      this.#wait(func, unnumbered, values, options, resolve)
      return
    }
    const p = this.#mem.payload(item)
    this.#words[p + FUNC] = func
    let held: Held | undefined
    const encoding = this.#encoding ?? this.#newEncoding(this.#words)
    this.#encoding = undefined
    try {
      held = this.#outgoing.write(encoding, p, values, options.transfer)
      if (values.length > 0) this.#checkAgain(encoding, p, options, held)
    } catch (error) {
      this.#wq.free(item)
      throw error
    }
    this.#encoding = encoding
    this.#jobs.add(item, resolve, this.#words, p, held)
    if (this.#histograms !== undefined) this.#histograms.given(item, this.#histograms.now())
    let flags = 0
    if (options !== RUN_OPTIONS.none || unnumbered !== undefined) {
      const extras = this.control.extrasFrom(options, item, unnumbered)
      if (extras !== undefined) this.#jobs.setExtras(item, extras)
      flags = listenFlags(onProgress, stream)
      if (flags !== 0) this.#intake.listen(item, listenerOf(onProgress, stream))
    }
    this.#intake.enqueue(item, flags, key, unbounded === true, signal)
    if (this.#room !== undefined) this.#room.taken()
  }

  /** Why a job is not even begun. */
  #refuse(args: readonly unknown[], options: JobOptions): Error | undefined {
    if (!this.isOpen) return closedError()
    if (!Array.isArray(args)) return poolError('ERR_INVALID_ARG_TYPE', 'the arguments of a job come in an array')
    const bad = options === RUN_OPTIONS.none ? undefined : badRunOptions(options)
    return bad ?? this.#refuseNow(options)
  }

  /** Accessors among the arguments may have closed the pool, filled it, aborted: throws as if that had been before. */
  #checkAgain(encoding: Encoding, base: number, options: JobOptions, held: Held | undefined): void {
    const refusal = this.#refuseNow(options)
    if (refusal === undefined) return
    if (held !== undefined) letGo(held)
    this.#outgoing.letGo(encoding.codec.words, base)
    throw refusal
  }

  /** Why a job cannot be given as things are, whatever is asked for. */
  #refuseNow(options: JobOptions): Error | undefined {
    if (!this.isOpen) return closedError()
    if (this.nrInFlight >= this.#queueLimit) {
      return poolError('ERR_URING_QUEUE_FULL', `${this.#queueLimit} jobs are in flight, as many as this pool takes`)
    }
    if (options === RUN_OPTIONS.none) return undefined
    const bad = this.#jobs.keys.refusal(options.key)
    if (bad !== undefined) return bad
    const { signal } = options
    return signal?.aborted === true ? abortError(signal.reason) : undefined
  }

  /** No record is free, or the job has to wait for its turn: it is written to private memory. */
  #wait(
    func: number,
    name: string | undefined,
    args: readonly unknown[],
    options: StreamOptions,
    resolve: Resolve,
  ): void {
    const encoding = this.#scratch ?? this.#newEncoding(new Int32Array(JOB_WORDS))
    this.#scratch = undefined
    const { words } = encoding.codec
    words[FUNC] = func
    const held = this.#outgoing.write(encoding, 0, args, options.transfer)
    if (args.length > 0) this.#checkAgain(encoding, 0, options, held)
    const { key, signal, onProgress, stream } = options
    const flags = listenFlags(onProgress, stream)
    const id = this.#intake.nextId(options.priority)
    this.#intake.push({
      words,
      nrWords: encoding.nrWords,
      held,
      key,
      isUnbounded: options.unbounded === true,
      signal,
      listener: flags === 0 ? undefined : listenerOf(onProgress, stream),
      listenFlags: flags,
      extras: this.control.extrasFrom(options, id, name),
      givenNs: this.#histograms === undefined ? 0 : this.#histograms.now(),
      resolve,
      id,
    })
    this.#scratch = encoding
    if (this.#room !== undefined) this.#room.taken()
  }

  /** Settles all jobs that came home; returns how many. */
  #drain(): number {
    let count = 0
    for (let item = this.#wq.popDone(QUEUE); item !== NONE; item = this.#wq.popDone(QUEUE)) {
      count++
      this.#settler.settle(item)
    }
    this.#intake.feed()
    if (this.#room !== undefined) this.#room.admit()
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

  /** Pool.ready. */
  ready(): Promise<void> {
    if (!this.isOpen) return Promise.reject(closedError())
    return this.#room?.wait() ?? Promise.resolve()
  }

  /** Waits in line until a job given now is not refused for `queueLimit`; undefined where there is none. */
  untilRoom(): Promise<void> | undefined {
    return this.#room?.waitInLine()
  }

  /** Takes no more jobs. */
  shut(): void {
    this.isOpen = false
    this.#room?.close(closedError)
  }

  setExitOnIdle(on: boolean): void {
    this.#wq.setExitOnIdle(on)
  }

  #answerClaims(): void {
    this.#ports.answerClaims((item, slot) => {
      const state = loadAcquire(this.#words, this.#mem.item(item) + STATE)
      return state === (ITEM_RUNNING | (slot << ITEM_SLOT_SHIFT)) ? (this.#jobs.heldFor(item) ?? null) : undefined
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
      queued: queued + this.#intake.nrWaiting,
      completed: nrCompleted,
      failed: nrFailed,
      cancelled: nrCancelled,
      workers,
      created,
      died: this.#nrDied,
      ...(this.#histograms && { waitTime: this.#histograms.wait, runTime: this.#histograms.run }),
    }
  }

  /** Resolves when no job is in flight. `isWaited`: the process is to stay for that. */
  #quiet(isWaited: boolean): Promise<void> {
    if (this.nrInFlight === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onQuiet.push(resolve)
      if (isWaited) this.#poller.keepAlive()
    })
  }

  /** Pool.close, without a limit. `isWaited`: somebody waits for it. */
  close(isWaited: boolean): Promise<void> {
    this.shut()
    this.#closed ??= this.#quiet(isWaited).then(() => this.#shutDown())
    return this.#closed
  }

  /** Resolves when no thread is left. */
  async #shutDown(): Promise<void> {
    await this.#wq.exit()
    this.#poller.close()
    this.control.close()
    this.#ports.close()
    this.#verifyAtRest(true)
  }
}
