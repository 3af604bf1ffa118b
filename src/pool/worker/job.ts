/**
 * What a job's function may ask for: `import { currentSignal, reportProgress } from 'uring/pool/job'`. Runs on workers.
 *
 * On any other thread, where a test may call the same function, nothing is ever aborted, and progress goes nowhere. There
 * may be several copies of this module on a thread, in bundles for one: it has no state but the protocol's. Counterpart: the IO_WQ_WORK_CANCEL flag, which a kernel work item looks at.
 */
import type { TransferListItem } from 'node:worker_threads'
import { AbortController } from '../../lib/globals.js'
import { hostOfThread, moving } from './job-protocol.js'

/** What currentSignal() returns. */
export type JobSignal = AbortSignal

const controller = new AbortController()

/**
 * The running job's AbortSignal, of the caller's `signal`. Its `aborted` and throwIfAborted() read shared memory: they
 * tell the truth inside a busy loop too. Its `abort` event comes when the worker's event loop turns, so it is for jobs
 * that return a promise: pass the signal to `fetch`, to timers, to streams. After an `await` it is still the same job's.
 *
 * @example
 * const response = await fetch(url, { signal: currentSignal() })
 * for (const row of rows) {
 *   currentSignal().throwIfAborted()
 *   work(row)
 * }
 */
export function currentSignal(): JobSignal {
  return hostOfThread()?.currentJob()?.signal ?? controller.signal
}

/**
 * Tells the caller how far the running job has come: its `onProgress` gets the value, copied as by postMessage, in the
 * order reported and before the job's promise settles. Returns at once; does nothing where nobody listens, or when the
 * job has ended. Throws a DataCloneError.
 *
 * @example
 * for (const [i, row] of rows.entries()) {
 *   work(row)
 *   if (i % 1000 === 0) reportProgress({ done: i })
 * }
 */
export function reportProgress(value: unknown): void {
  hostOfThread()?.currentJob()?.report(value)
}

/**
 * The value that the caller's AsyncLocalStorage held when it called `run`: a copy, under the name that the pool's
 * `asyncContext` option gives it. Undefined where it held none.
 *
 * @example
 * const { requestId } = jobContext<{ requestId: string }>('request') ?? { requestId: 'none' }
 */
export function jobContext<T = unknown>(name: string): T | undefined {
  const stores = hostOfThread()?.currentJob()?.stores
  return stores !== undefined && Object.hasOwn(stores, name) ? (stores[name] as T) : undefined
}

/**
 * A job's result with parts that move to the caller instead of being copied: ArrayBuffers, MessagePorts. Return what
 * this returns, yield it, or report it, and nothing else around it: that would be a DataCloneError.
 *
 * @example
 * return transferring(pixels, [pixels.buffer])
 */
export function transferring<T>(value: T, transfer: readonly TransferListItem[]): T {
  // The caller gets the value: to both sides' types this is nothing but it.
  return moving(value, transfer) as unknown as T
}

/**
 * Has the thread of the running job replaced, as pool.recycle() does with all: it begins no more jobs, leaves when those
 * that it has begun have ended, after `teardown`, and another starts in its place. For a job that finds its thread too
 * large, or what it keeps there broken. Does nothing outside of a job.
 *
 * @example
 * if (process.memoryUsage().heapUsed > LIMIT) retireThread()
 */
export function retireThread(): void {
  const host = hostOfThread()
  if (host?.currentJob() !== undefined) host.retire?.()
}
