/**
 * The errors of the pool itself, and how promises reject. Runs on the owner and on workers; what jobs throw is thrown.ts's.
 *
 * No counterpart.
 */
import { stackOf, withHidden, withProps, withStack } from '../../lib/error-props.js'
import { captureStackTrace } from '../../lib/globals.js'
import { type Failure, rebuild, withoutOwn } from './thrown.js'

export type PoolErrorCode =
  | 'ERR_URING_NO_SUCH_JOB'
  | 'ERR_URING_JOBS_MODULE'
  | 'ERR_URING_WORKER_DIED'
  | 'ERR_URING_POOL_CLOSED'
  | 'ERR_URING_QUEUE_FULL'
  | 'ERR_URING_INIT'
  | 'ERR_URING_TEARDOWN'
  | 'ERR_URING_NOT_ITERABLE'
  | 'ERR_URING_NOT_ITERATED'
  | 'ERR_URING_DEADLOCK'
  | 'ERR_URING_TIMEOUT'
  | 'ERR_INVALID_ARG_TYPE'
  | 'ERR_INVALID_ARG_VALUE'
  | 'ERR_OUT_OF_RANGE'

/** An Error of the pool's own: `code` says which. */
export function poolError(code: PoolErrorCode, message: string, cause?: unknown): Error {
  const Class = code.startsWith('ERR_INVALID_ARG') ? TypeError : code === 'ERR_OUT_OF_RANGE' ? RangeError : Error
  const error = cause === undefined ? new Class(message) : new Class(message, { cause })
  return withProps(error, { code })
}

/** What `timeout` rejects with. */
export function timeoutError(what: string, ms: number): Error {
  return withHidden(poolError('ERR_URING_TIMEOUT', `${what} did not end in ${ms} ms`), 'name', 'TimeoutError')
}

/** What an aborted job rejects with, as Node's own APIs do. */
export function abortError(reason: unknown): Error {
  const error = withProps(new Error('The operation was aborted', { cause: reason }), { code: 'ABORT_ERR' })
  return withHidden(error, 'name', 'AbortError')
}

/** What was thrown, for a message. Not everything has a text. */
export function reasonOf(thrown: unknown): string {
  try {
    return String(thrown)
  } catch {
    return 'something without a text was thrown'
  }
}

/** A function that callers of this package call. */
export type Entry = (...args: never[]) => unknown

/**
 * An error of our own that a caller is told at once: its stack begins below `entry`, the function of this package that the
 * caller has called. As with rejection(), nothing is written out until somebody reads it.
 */
export function fromCaller(error: Error, entry: Entry): Error {
  captureStackTrace(error, entry)
  return error
}

/**
 * A promise that rejects with an error of our own, which `make` makes; its stack is the frames that await it.
 *
 * Capturing the caller's stack for each job would cost more than the job. This costs nothing until a job fails: two
 * turns later the job's promise waits for this function's, and V8 finds the awaiting functions along that chain. What V8
 * has found it writes out as somebody reads `stack`: for a million jobs cancelled at once, never perhaps.
 */
export async function rejection(make: () => Error): Promise<never> {
  await undefined
  await undefined
  const error = make()
  captureStackTrace(error, rejection)
  throw error
}

/** A promise that rejects with what a job threw, as rejection(): its stack there, then the frames that await it here. */
export async function rejectionOf(failure: Failure): Promise<never> {
  await undefined
  await undefined
  const thrown = rebuild(failure)
  if (thrown instanceof Error) appendCallers(thrown, stackOf(new Error()))
  throw thrown
}

function appendCallers(error: Error, here: string | undefined): void {
  const stack = stackOf(error)
  if (here === undefined || stack === undefined) return
  const callers = withoutOwn(here.split('\n')).filter((line) => line.startsWith('    at async '))
  if (callers.length > 0) withStack(error, `${stack}\n${callers.join('\n')}`)
}
