/**
 * What a pool tells on node:diagnostics_channel: each job to `uring.pool.run`, a tracing channel, and each thread's
 * beginning and end to `uring.pool.worker`. Owner thread only. Without subscribers nothing is made for either.
 */
import { channel, type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import type { Worker } from 'node:worker_threads'
import type { CallersContext } from './jobs/callers-context.js'
import type { JobOptions } from './jobs/job-options.js'

/** What subscribers of `uring.pool.run` get, one object a job; `result` or `error` is there when it has ended. */
export interface RunMessage {
  /** The pool's `name` option. */
  readonly pool: string | undefined
  readonly name: string
  readonly args: readonly unknown[]
  readonly key: unknown
  readonly id: unknown
  readonly priority: number
  readonly unbounded: boolean
  result?: unknown
  error?: unknown
}

/** What subscribers of `uring.pool.worker` get. */
export interface WorkerMessage {
  /**
   * `died`: it ended in the middle of a job, or without having been told to leave; `error` says why, where
   * that is known.
   */
  readonly event: 'created' | 'exited' | 'died'
  readonly pool: string | undefined
  readonly threadId: number
  readonly error?: Error | undefined
}

const runs: TracingChannel<RunMessage> = tracingChannel('uring.pool.run')
const workers = channel('uring.pool.worker')

/** Whether anybody listens to jobs. */
export function isTraced(): boolean {
  // TracingChannel.hasSubscribers is younger than the oldest Node that this runs on.
  const { start, end, asyncStart, asyncEnd, error } = runs
  return (
    start.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers
  )
}

/** What is told of a job's options. */
export function tracedOptions(
  options: Pick<JobOptions, 'key' | 'id' | 'priority' | 'unbounded'>,
): Pick<RunMessage, 'key' | 'id' | 'priority' | 'unbounded'> {
  const { key, id, priority = 0, unbounded = false } = options
  return { key, id, priority, unbounded }
}

/** Gives a job, and tells of it. */
export function traced<T>(message: RunMessage, run: () => Promise<T>): Promise<T> {
  return runs.tracePromise(run, message)
}

/** Runs a job that the caller waits for, and tells of it: between `start` and `end` alone. */
export function tracedSync<T>(message: RunMessage, run: () => T): T {
  return runs.traceSync(run, message)
}

/** Tells of a thread that is about to start, and of its end, in the pool's own context. `leftInOrder` is asked as its exit event comes. */
export function traceWorker(
  worker: Worker,
  pool: string | undefined,
  home: CallersContext,
  leftInOrder: () => boolean,
): void {
  const { threadId } = worker
  let error: Error | undefined
  worker.on('error', (thrown) => {
    error = thrown instanceof Error ? thrown : new Error(String(thrown))
  })
  worker.on('exit', () => {
    if (!workers.hasSubscribers) return
    const message: WorkerMessage = leftInOrder()
      ? { event: 'exited', pool, threadId }
      : { event: 'died', pool, threadId, error }
    home.call(tell, message)
  })
  if (workers.hasSubscribers) tell({ event: 'created', pool, threadId })
}

function tell(message: WorkerMessage): void {
  workers.publish(message)
}
