/**
 * What an io-wq is made of, and what it tells the one who made it. Owner thread only; types.
 */
import type { SpareData } from './crew-parts.js'
import type { HashSeat } from './hash-pools.js'
import type { WqShape } from './layout.js'
import type { StartEnd } from './member.js'
import type { ThreadSystem } from './threads.js'

export interface WqHooks {
  /**
   * An item was cancelled before it ran. Runs inside enqueue, cancel or exit; the embedder calls free(). `error`: nobody
   * asked for it, but no worker can be made.
   */
  onCancelled(item: number, error?: Error): void
  /** The worker running this item died. The embedder calls free(). False if nobody was there to be told why. */
  onDied(item: number, error: Error): boolean
  /** No worker can be made for an account with queued work; the work is then cancelled. */
  onCreateFailed?(error: Error): void
  /** Running work is to be interrupted: whatever gets worker `slot`'s thread out of a wait. Called again until it ends. */
  interrupt?(slot: number, tid: number): void
  /** A running item was cancelled: its worker may want to know. */
  onToldToStop?(slot: number): void
  /** A worker died and its items came home: a queue may have something to drain. */
  onRecovered?(): void
  /**
   * A worker's thread is about to start in a slot: what is posted to it now is there when its script runs. A spare one
   * waits to be told that it has a slot.
   */
  onWorkerMade?(slot: number, worker: import('node:worker_threads').Worker, isSpare: boolean): void
  /** A thread ended before it was up. What is returned is final, where the reason is known; else it is tried again. */
  startError?(slot: number, end: StartEnd): Error | undefined
  /** A worker died, or failed as it left, or could not be started, and no item was failed for it. */
  onUntold?(error: Error, isStart: boolean): void
}

export interface WqOptions extends WqShape {
  /** The worker's script: attaches, and runs a WorkerLoop. */
  readonly workerEntry: URL
  /** Handed to the script in workerData.data. */
  readonly workerData?: (slot: number) => unknown
  /** Given: threads that are replaced have a spare one ready, whose seat has no slot. */
  readonly spareData?: () => SpareData
  readonly workerOptions?: import('node:worker_threads').WorkerOptions
  /** Limits for bounded and unbounded workers. */
  readonly maxWorkers: readonly [bound: number, unbound: number]
  /** So many stay when idle, and are made without work; the last one of an account stays anyway. Default 0. */
  readonly minWorkers?: readonly [bound: number, unbound: number]
  /** Up to how many running workers queued work makes another. The kernel's is 1, and so is the default. */
  readonly concurrency?: number
  /** How many workers may run at once; beyond that only a blocked one makes room. Default: the number of CPUs. */
  readonly maxRunning?: number
  /**
   * How long queued work may have to wait for workers that are busy with short items before one more is woken or made.
   * Default 0: not at all. Otherwise the embedder calls nudge() when nothing comes home for a while.
   */
  readonly patienceUs?: number
  /** How long a thread may take to come up, within an eighth; it is ended then. Default: for ever. */
  readonly startTimeoutMs?: number
  /** Default 5000. */
  readonly idleTimeoutMs?: number
  /** How long an idle worker spins before it sleeps. Default 50. */
  readonly spinUs?: number
  readonly hooks: WqHooks
  /** The hash object that this pool shares with others, and its place there, which it gives back at its exit. */
  readonly hashSeat?: HashSeat | undefined
  /** For the interleaving explorer: zeroed memory of just the size needed, and threads of its own. */
  readonly sab?: SharedArrayBuffer
  readonly threads?: ThreadSystem
}
