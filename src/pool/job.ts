/**
 * What a job's function may ask for: `import { currentSignal, reportProgress } from 'uring/pool/job'`. Runs on workers.
 *
 * On any other thread, where a test may call the same function, nothing is ever aborted, and progress goes nowhere.
 * Counterpart: the IO_WQ_WORK_CANCEL flag, which a kernel work item looks at.
 */
import type { TransferListItem } from 'node:worker_threads'
import { currentJob } from './job-context.js'

export { jobContext } from './job-stores.js'

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
  return currentJob()?.signal ?? controller.signal
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
  currentJob()?.report(value)
}

export class Transferring {
  readonly value: unknown
  readonly transfer: readonly TransferListItem[]

  constructor(value: unknown, transfer: readonly TransferListItem[]) {
    this.value = value
    this.transfer = transfer
  }
}

/**
 * A job's result with parts that move to the caller instead of being copied: ArrayBuffers, MessagePorts. Return what
 * this returns, and nothing else around it.
 *
 * @example
 * return transferring(pixels, [pixels.buffer])
 */
export function transferring<T>(value: T, transfer: readonly TransferListItem[]): T {
  // The caller gets the value: to both sides' types this is nothing but it.
  return new Transferring(value, transfer) as unknown as T
}
