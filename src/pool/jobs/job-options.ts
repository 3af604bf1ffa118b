/**
 * What a caller may ask of a job, and what is wrong with it. Owner thread only.
 */
import type { TransferListItem } from 'node:worker_threads'
import { type Given, OptionTable } from '../../lib/options.js'
import { badFlag, badNumber, badTime, badType } from '../values/checks.js'
import { poolError } from '../values/failure.js'
import type { Listener } from './waiting.js'

export interface RunOptions {
  /** Jobs with one key run one at a time, in the order given. Any value; compared as Map does. */
  readonly key?: unknown
  /** The job will mostly wait: it gets a thread of the second kind, and takes none from jobs that compute. */
  readonly unbounded?: boolean
  readonly signal?: AbortSignal | undefined
  /** Moved to the worker instead of copied, as with postMessage. */
  readonly transfer?: readonly TransferListItem[]
  /** Gets what the job gives to reportProgress(), in order, and before the promise settles. */
  readonly onProgress?: ((value: unknown) => void) | undefined
  /** What `pool.cancel(id)` finds the job by, compared with `===`. Any value but a function; several jobs may share one. */
  readonly id?: unknown
  /**
   * Milliseconds from the call until the job is to have ended; Infinity for no limit. One that has not begun then rejects
   * with ERR_URING_TIMEOUT at once. One that runs is told (currentSignal().aborted) and rejects with it when it ends.
   */
  readonly timeout?: number
  /**
   * A job that runs is ended with its thread when its `timeout` is over, its `signal` aborts or it is cancelled: at once, so
   * it rejects in time whatever it does, with a TimeoutError or an AbortError. Another thread takes the place of that one.
   * What was at the thread beside it and had begun, other jobs that await something, rejects with ERR_URING_WORKER_DIED;
   * what had not begun is run elsewhere. Default: the pool's `kill`; if false, the job is told (currentSignal().aborted), and ends by itself.
   */
  readonly kill?: boolean
  /**
   * Milliseconds from when a worker begins the job, as the pool hears of it, in which it is to end; Infinity for no limit.
   * Then it is told and rejects with ERR_URING_TIMEOUT as by `timeout`, which counts besides: the first that is over.
   */
  readonly runTimeout?: number
  /** Is called, without arguments, when a worker begins the job: once, before its progress and before the promise settles. */
  readonly onStart?: (() => void) | undefined
  /** As `kill`, this many milliseconds after the job was told, if it has not ended by then. Infinity: not. */
  readonly killAfter?: number
  /**
   * An integer; higher goes first. A job begins before all of lower priority that are of its kind (ordinary, or
   * unbounded) and in no thread's hands, except that none overtakes one of its key. Default 0.
   */
  readonly priority?: number
}

/** What a job takes, at nothing given. */
const noRunOptions = () => ({
  key: undefined,
  id: undefined,
  priority: undefined,
  unbounded: undefined,
  timeout: undefined,
  kill: undefined,
  killAfter: undefined,
  signal: undefined,
  transfer: undefined,
  onProgress: undefined,
  onStart: undefined,
  runTimeout: undefined,
})
export const NO_RUN_OPTIONS = noRunOptions()
/** Options of jobs as read. */
export type JobOptions = Given<RunOptions>

export const RUN_OPTIONS = new OptionTable<RunOptions>('Pool.run', noRunOptions)

/** Options of a job, and who gets what it yields. */
export interface StreamOptions extends JobOptions {
  readonly stream?: Listener
}

/** Why a job with these options is not even begun, if there is a reason. */
export function badRunOptions(options: Given<Omit<RunOptions, 'key'>>): Error | undefined {
  const { id, timeout, priority, unbounded, signal, transfer, onProgress, onStart, runTimeout } = options
  if (typeof id === 'function') return poolError('ERR_INVALID_ARG_TYPE', 'the id of a job is no function')
  if (unbounded !== undefined && typeof unbounded !== 'boolean') return badFlag('unbounded', unbounded)
  if (signal !== undefined && !isSignal(signal)) return badType('signal', 'an AbortSignal', signal)
  if (transfer !== undefined && !Array.isArray(transfer)) return badType('transfer', 'an array', transfer)
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    return badType('onProgress', 'a function', onProgress)
  }
  if (onStart !== undefined && typeof onStart !== 'function') return badType('onStart', 'a function', onStart)
  const badEnd = badHardEnd(options) ?? (runTimeout === undefined ? undefined : badTime('runTimeout', runTimeout))
  if (badEnd !== undefined) return badEnd
  if (priority !== undefined && !Number.isSafeInteger(priority)) return badNumber('priority', 'an integer', priority)
  return timeout === undefined ? undefined : badTime('timeout', timeout)
}

/** What is wrong with how a job, or each of a pool, is ended. */
export function badHardEnd({ kill, killAfter }: HardEnd): Error | undefined {
  if (kill !== undefined && typeof kill !== 'boolean') return badFlag('kill', kill)
  if (killAfter === undefined) return undefined
  if (kill === false) {
    return poolError('ERR_INVALID_ARG_VALUE', 'killAfter says when to kill, and kill that it is not to be')
  }
  return badTime('killAfter', killAfter)
}

/** Milliseconds from when a job is told to stop until its thread is ended; undefined: it is not. */
export function killMsOf({ kill, killAfter }: HardEnd): number | undefined {
  return killAfter ?? (kill === true ? 0 : undefined)
}

type HardEnd = Given<Pick<RunOptions, 'kill' | 'killAfter'>>

/** One of another realm, or somebody's own, will do. */
function isSignal(value: Partial<AbortSignal> | null): boolean {
  return typeof value?.addEventListener === 'function' && typeof value.aborted === 'boolean'
}
