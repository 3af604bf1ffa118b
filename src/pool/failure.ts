/**
 * Errors across threads: described on the worker, made again on the owner. Also the errors of the pool itself.
 *
 * Structured cloning keeps of an error its message and little more. A description keeps the class (of those that
 * JavaScript itself has), name, message, code and other own properties, cause, and both stacks.
 */
import { inspect } from 'node:util'
import { isPlainData } from './shape.js'

/** An error as plain data; or what was thrown, if it was no error. */
export type Failure =
  | { readonly value: unknown }
  | {
      readonly base: string
      readonly name: string
      readonly message: string
      readonly stack: string
      readonly props: Record<string, unknown> | undefined
      readonly cause: Failure | undefined
      readonly errors: Failure[] | undefined
    }

export type PoolErrorCode =
  | 'ERR_URING_NO_SUCH_JOB'
  | 'ERR_URING_JOBS_MODULE'
  | 'ERR_URING_WORKER_DIED'
  | 'ERR_URING_POOL_CLOSED'
  | 'ERR_URING_QUEUE_FULL'
  | 'ERR_URING_INIT'
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
  return Object.assign(error, { code })
}

/** What `timeout` rejects with. */
export function timeoutError(what: string, ms: number): Error {
  return hidden(poolError('ERR_URING_TIMEOUT', `${what} did not end in ${ms} ms`), 'name', 'TimeoutError')
}

/** What an aborted job rejects with, as Node's own APIs do. */
export function abortError(reason: unknown): Error {
  const error = Object.assign(new Error('The operation was aborted', { cause: reason }), { code: 'ABORT_ERR' })
  return hidden(error, 'name', 'AbortError')
}

const BASES: Readonly<Record<string, ErrorConstructor>> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
}

/** Describes what was thrown. Properties that cannot cross are left out, and the stack's frames from our own on. */
export function describe(thrown: unknown, depth = 0): Failure {
  if (!(thrown instanceof Error) && !isErrorLike(thrown))
    return { value: isPlainData(thrown) ? thrown : textOf(thrown) }
  const { name, message, stack } = thrown
  const cause = depth < 8 && thrown.cause !== undefined ? describe(thrown.cause, depth + 1) : undefined
  const list: unknown = thrown instanceof AggregateError ? thrown.errors : undefined
  const errors = Array.isArray(list) ? list.slice(0, 100) : undefined
  return {
    base: baseOf(thrown),
    name: String(name),
    message: String(message),
    stack: typeof stack === 'string' ? jobsStack(stack) : `${String(name)}: ${String(message)}`,
    props: ownProps(thrown),
    cause,
    errors: depth < 8 ? errors?.map((error) => describe(error, depth + 1)) : undefined,
  }
}

/** What was thrown, for a message. Not everything has a text. */
export function reasonOf(thrown: unknown): string {
  try {
    return String(thrown)
  } catch {
    return 'something without a text was thrown'
  }
}

/** What is thrown and cannot cross, in words. */
function textOf(thrown: unknown): string {
  return typeof thrown === 'object' ? inspect(thrown) : String(thrown)
}

/** The frame that calls a job, compiled or, where source maps are on, as it was written. */
const OWN_FRAME = /^ {4}at .*[\\/]pool[\\/](run-job|job-stores)\.[jt]s:/

/** A stack up to our own first frame: below it is the worker's machinery. */
function jobsStack(stack: string): string {
  const lines = stack.split('\n')
  const own = lines.findIndex((line) => OWN_FRAME.test(line))
  return own < 0 ? stack : lines.slice(0, own).join('\n')
}

/** An error of another realm (node:vm) is no instance of this one's Error. */
function isErrorLike(thrown: unknown): thrown is Error {
  return Object.prototype.toString.call(thrown) === '[object Error]'
}

function baseOf(error: Error): string {
  if (error instanceof DOMException) return 'DOMException'
  if (error instanceof AggregateError) return 'AggregateError'
  for (const base of Object.keys(BASES)) if (base !== 'Error' && error instanceof BASES[base]!) return base
  return 'Error'
}

function ownProps(error: Error): Record<string, unknown> | undefined {
  let props: Record<string, unknown> | undefined
  for (const key of Object.keys(error)) {
    if (key === 'name' || key === 'message' || key === 'stack' || key === 'cause' || key === '__proto__') continue
    // An error's own properties, whatever its class says that there are.
    const value = (error as unknown as Record<string, unknown>)[key]
    if (!isPlainData(value)) continue
    props ??= {}
    props[key] = value
  }
  return props
}

/** What was thrown, made again. */
export function rebuild(failure: Failure): unknown {
  if ('value' in failure) return failure.value
  const error = construct(failure)
  if (error.name !== failure.name) hidden(error, 'name', failure.name)
  if (failure.cause !== undefined) hidden(error, 'cause', rebuild(failure.cause))
  hidden(error, 'stack', failure.stack)
  return Object.assign(error, failure.props)
}

function construct(failure: Exclude<Failure, { value: unknown }>): Error {
  if (failure.base === 'DOMException') return new DOMException(failure.message, failure.name) as Error
  if (failure.base === 'AggregateError') return new AggregateError((failure.errors ?? []).map(rebuild), failure.message)
  return new (BASES[failure.base] ?? Error)(failure.message)
}

/** Defines a property that is not enumerable, as those of errors are. */
function hidden<T extends object>(object: T, key: string, value: unknown): T {
  return Object.defineProperty(object, key, { value, configurable: true, writable: true, enumerable: false })
}

/**
 * A promise that rejects with an error of our own, which `make` makes; its stack ends with the frames that await it.
 *
 * Capturing the caller's stack for each job would cost more than the job. This costs nothing until a job fails: two
 * turns later the job's promise waits for this function's, and V8 finds the awaiting functions along that chain. What V8
 * has found it writes out as somebody reads `stack`: for a million jobs cancelled at once, never perhaps.
 */
export async function rejection(make: () => unknown): Promise<never> {
  await undefined
  await undefined
  throw make()
}

/** A promise that rejects with what a job threw, as rejection(): its stack there, then the frames that await it here. */
export async function rejectionOf(failure: Failure): Promise<never> {
  await undefined
  await undefined
  const thrown = rebuild(failure)
  if (thrown instanceof Error) appendCallers(thrown, new Error().stack)
  throw thrown
}

function appendCallers(error: Error, here: string | undefined): void {
  if (typeof here !== 'string' || typeof error.stack !== 'string') return
  const callers = here.split('\n').filter((line) => line.startsWith('    at async '))
  if (callers.length > 0) hidden(error, 'stack', `${error.stack}\n${callers.join('\n')}`)
}
