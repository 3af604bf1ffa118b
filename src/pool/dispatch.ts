/**
 * The pool's inside, as the Pool calls it: jobs given, waited for, iterated, counted. Runs on the thread that made the
 * pool, the owner.
 *
 * It never blocks, runSync apart. owner.ts has its parts. Counterpart: how io_uring gives work to io-wq and takes it back
 * as task work.
 */
import type { Given } from '../lib/options.js'
import { ACCT_BOUND, ACCT_UNBOUND } from '../wq/layout.js'
import type { StreamStart } from './between/messages.js'
import { isTraced, traced, tracedOptions } from './channels.js'
import { checkAffinity } from './checks.js'
import type { Control } from './control.js'
import type { Giver } from './give/giver.js'
import { QUEUE } from './give/intake.js'
import { SyncOutcome } from './home/sync-outcome.js'
import type { PoolListeners } from './home/untold.js'
import { JobIterator } from './iterate.js'
import { badRunOptions, type JobOptions, RUN_OPTIONS, type StreamOptions } from './jobs/job-options.js'
import type { IterateOptions, PoolOptions, PoolStats, RunSyncOptions } from './options.js'
import { Owner } from './owner.js'
import { waitFor } from './run-sync.js'
import type { PoolThreads } from './threads.js'
import { type Entry, fromCaller, rejection } from './values/failure.js'
import { assertCount } from './worker-options.js'

/** A caller of runSync sleeps in slices of this, or less. */
const SYNC_SLICE_MS = 1000
const DEFAULT_WINDOW = 16

export class Dispatch {
  readonly #owner: Owner
  /** Cancels, flushes. */
  readonly control: Control
  readonly threads: PoolThreads
  readonly name: string | undefined
  /** The options of a job that is given none. */
  readonly noOptions: JobOptions
  readonly #giver: Giver
  #nrStreams = 0

  constructor(href: string, given: PoolOptions, listeners: WeakRef<PoolListeners>) {
    this.#owner = new Owner(href, given, listeners)
    this.#giver = this.#owner.giver
    this.control = this.#owner.control
    this.threads = this.#owner.threads
    this.name = this.#owner.name
    // What the pool's say is looked up where options are.
    this.noOptions = this.#owner.killMs === undefined ? RUN_OPTIONS.none : RUN_OPTIONS.read({})
  }

  setAffinity(cpus: readonly number[] | undefined): void {
    this.#owner.wq.setAffinity(checkAffinity(cpus))
  }

  /** Pool.run. `entry`: what the caller has called, and is inside of, if so. */
  run(name: string, args: readonly unknown[], options: StreamOptions, entry?: Entry): Promise<unknown> {
    if (!isTraced()) return this.#run(name, args, options, entry)
    // What the stream has before them is none of the caller's arguments.
    const own = options.stream === undefined ? args : args.slice(1)
    return traced({ pool: this.name, name, args: own, ...tracedOptions(options) }, () =>
      this.#run(name, args, options, entry),
    )
  }

  #run(name: string, args: readonly unknown[], options: StreamOptions, entry: Entry | undefined): Promise<unknown> {
    // What the caller's own code throws in there, the promise rejects with.
    return new Promise((resolve, reject) => {
      const refusal = this.#giver.give(name, args, options, resolve)
      if (refusal === undefined) return
      if (entry === undefined) resolve(rejection(() => refusal))
      else reject(fromCaller(refusal, entry))
    })
  }

  /** Pool.runSync. */
  runSync(name: string, args: readonly unknown[], given: Given<RunSyncOptions>, entry: Entry): unknown {
    const options: JobOptions = { ...given, signal: undefined, onStart: undefined, runTimeout: undefined }
    const bad = badRunOptions(options)
    if (bad !== undefined) throw fromCaller(bad, entry)
    const { streams, settler, giver, life, wq } = this.#owner
    const acct = options.unbounded === true ? ACCT_UNBOUND : ACCT_BOUND
    // One may have ended that has not come home.
    if (streams.has(options.key)) life.drain()
    streams.assertNotBehind(options.key)
    const outcome = new SyncOutcome()
    settler.syncs.set(outcome.resolve, outcome)
    try {
      const refusal = giver.give(name, args, options, outcome.resolve)
      if (refusal !== undefined) throw fromCaller(refusal, entry)
      waitFor(outcome, wq.mem, acct, () => this.#sleepOnce())
    } finally {
      settler.syncs.delete(outcome.resolve)
    }
    return outcome.result(entry)
  }

  #sleepOnce(): void {
    const { wq, poller, life } = this.#owner
    const ms = Math.min(SYNC_SLICE_MS, this.control.msLeft)
    wq.sleep(ms, 1, () => !wq.isQueueEmpty(QUEUE) || poller.hasClaims())
    this.control.expire()
    poller.answerClaims()
    life.drain()
  }

  /** Pool.iterate. */
  iterate(name: string, args: readonly unknown[], options: Given<IterateOptions>, entry: Entry): JobIterator {
    const bad = badRunOptions({ ...options, onStart: undefined })
    if (bad !== undefined) throw fromCaller(bad, entry)
    const { highWaterMark = DEFAULT_WINDOW, key, signal: ends, onProgress } = options
    assertCount('highWaterMark', highWaterMark)
    const { streams, ports, poller } = this.#owner
    const id = this.#nrStreams++
    return new JobIterator({
      window: highWaterMark,
      signal: ends,
      onProgress,
      start: (stream, signal) => {
        streams.open(stream, key)
        const inner: StreamOptions = { ...options, onStart: undefined, signal, stream }
        const start: StreamStart = [id, highWaterMark]
        const withStart = Array.isArray(args) ? [start, ...(args as unknown[])] : args
        return this.run(name, withStart, inner, entry).finally(() => streams.close(stream))
      },
      giveRoom: (slot, room) => ports.tell(slot, [id, room]),
      onPaused: (isPaused) => {
        this.#owner.nrPaused += isPaused ? 1 : -1
        poller.keepAlive()
      },
    })
  }

  /** Pool.ready. */
  ready(): Promise<void> {
    return this.#owner.giver.ready()
  }

  /** Waits in line until a job given now is not refused for `queueLimit`; undefined where there is none. */
  untilRoom(): Promise<void> | undefined {
    return this.#owner.giver.untilRoom()
  }

  /** Takes no more jobs. */
  shut(): void {
    this.#owner.giver.shut()
  }

  /** Pool.close, without a limit. `isWaited`: somebody waits for it. */
  close(isWaited: boolean): Promise<void> {
    return this.#owner.life.close(isWaited)
  }

  setExitOnIdle(on: boolean): void {
    this.#owner.wq.setExitOnIdle(on)
  }

  maxWorkers(bounded: number, unbounded: number): [bounded: number, unbounded: number] {
    return this.#owner.wq.maxWorkers(bounded, unbounded)
  }

  stats(): PoolStats {
    const { wq, settler, intake, histograms, nrDied } = this.#owner
    const { queued, workers, created } = wq.counts()
    const { nrCompleted, nrFailed, nrCancelled } = settler
    return {
      inFlight: intake.nrInFlight,
      queued: queued + intake.nrWaiting,
      completed: nrCompleted,
      failed: nrFailed,
      cancelled: nrCancelled,
      workers,
      created,
      died: nrDied,
      ...(histograms && { waitTime: histograms.wait, runTime: histograms.run }),
    }
  }
}
