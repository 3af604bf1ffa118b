/**
 * The options of an io-wq, and its reports to its maker. Owner thread only; types.
 */
import type { SpareData } from './crew-parts.js'
import type { HashSeat } from './hash-pools.js'
import type { WqShape } from './layout.js'
import type { StartEnd } from './member.js'
import type { ThreadSystem } from './threads.js'

export interface WqHooks {
  /**
   * An item was cancelled before it ran. Called inside enqueue, cancel or exit; the embedder calls free(). `noWorker`: the
   * item was cancelled because no worker can be made. `why`: what cancel() was given.
   */
  onCancelled(item: number, noWorker?: Error, why?: () => Error): void
  /** The worker running this item died with it. The embedder calls free(). False if nobody received the error. */
  onDied(item: number, error: Error): boolean
  /** No worker can be made for an account with queued work; the work is then cancelled. */
  onCreateFailed?(error: Error): void
  /** Running work must be interrupted: gets worker `slot`'s thread out of a wait. Called again until the work ends. */
  interrupt?(slot: number, tid: number): void
  /** A running item was cancelled: the embedder may notify its worker. */
  onToldToStop?(slot: number): void
  /** A worker died and its items are task work: a queue may have something to pop. */
  onRecovered?(): void
  /**
   * A worker's thread is about to start in a slot: its script will find messages posted now. A spare thread waits for a
   * message that it has a slot.
   */
  onWorkerMade?(slot: number, worker: import('node:worker_threads').Worker, isSpare: boolean): void
  /**
   * A thread ended before it was up. A returned error is final: the reason is known. Otherwise the crew tries again.
   */
  startError?(slot: number, end: StartEnd): Error | undefined
  /** A worker died, or failed as it left, or could not be started, and no item failed for it. */
  onUntold?(error: Error, isStart: boolean): void
}

export interface WqOptions extends WqShape {
  /** The worker's script, which attaches and runs a WorkerLoop. */
  readonly workerEntry: URL
  /** Passed to the script in workerData.data. */
  readonly workerData?: (slot: number) => unknown
  /** If given, one spare thread, whose seat has no slot, is kept ready once threads are replaced. */
  readonly spareData?: () => SpareData
  readonly workerOptions?: import('node:worker_threads').WorkerOptions
  /** Limits for bounded and unbounded workers. */
  readonly maxWorkers: readonly [bound: number, unbound: number]
  /** So many workers stay when idle, and are made without work; the last one of an account stays anyway. Default 0. */
  readonly minWorkers?: readonly [bound: number, unbound: number]
  /** Queued work makes another worker while fewer than this run. The kernel's is 1, and so is the default. */
  readonly concurrency?: number
  /**
   * How many workers may run at once; beyond that a worker is added only when one blocks. Default: the number of CPUs.
   */
  readonly maxRunning?: number
  /**
   * How long queued work may wait for workers that are busy with short items before one more is woken or made. Default
   * 0: not at all. Otherwise the embedder calls nudge() when no item has ended for a while.
   */
  readonly patienceUs?: number
  /** How long a thread may take to come up, within an eighth; then it is ended. Default: for ever. */
  readonly startTimeoutMs?: number
  /** Default 5000. */
  readonly idleTimeoutMs?: number
  /** How long an idle worker spins before it sleeps. Default 50. */
  readonly spinUs?: number
  readonly hooks: WqHooks
  /** The hash object that this pool shares with others, and its seat there, which it leaves at its exit. */
  readonly hashSeat?: HashSeat | undefined
  /** For the interleaving explorer: zeroed memory of exactly the size required, and threads of its own. */
  readonly sab?: SharedArrayBuffer
  readonly threads?: ThreadSystem
}
