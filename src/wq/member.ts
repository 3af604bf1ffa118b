/**
 * One worker thread on the side of its crew, and the report of its end. Owner thread only.
 *
 * It decides nothing: crew.ts does. Counterpart: struct io_worker of io-wq.c.
 */
import type { Worker } from 'node:worker_threads'

export interface Member {
  readonly worker: Worker
  readonly acct: number
  readonly tries: number
  error: Error | undefined
  /** Slices of the time for its start that have passed. */
  slices: number
  isLate: boolean
  isTerminated: boolean
  /** It is being ended, and another may replace it. */
  isDoomed: boolean
  /** Its end is not reported: it was meant, or was reported before. */
  isTold: boolean
  /** It had announced that it leaves. */
  isInOrder: boolean
  /** Called when its thread is gone. */
  readonly mourners: (() => void)[]
}

/** The end of a thread that was not up yet. */
export interface StartEnd {
  /** In words. */
  readonly how: string
  /** Undefined if unknown. */
  readonly exitCode: number | undefined
  /** The error that ended it. */
  readonly cause: Error | undefined
  /** It was ended because it took more than startTimeoutMs. */
  readonly isLate: boolean
}

/** A worker that died, and the error with which its item fails. */
export interface Casualty {
  readonly slot: number
  readonly error: Error
  /** Set by the recovery: an item of it failed with that error. */
  isTold: boolean
}

/** The error with which a member's item fails. */
export function casualty(slot: number, { error: cause }: Member, how: string): Casualty {
  const text = cause === undefined ? how : cause.message
  const error = new Error(`the worker running this ended unexpectedly (${text})`, { cause })
  return { slot, error, isTold: false }
}

/** The end of a thread that was not reported; undefined if it was, or there is nothing to report. */
export function untoldOf({ error: cause, isTold, isTerminated, isInOrder }: Member, code: number): Error | undefined {
  if (isTold || isTerminated || (isInOrder && cause === undefined)) return undefined
  const how = isInOrder ? 'failed as it left' : 'ended unexpectedly, with nothing to do'
  return new Error(`a worker ${how} (${cause === undefined ? `exit code ${code}` : cause.message})`, { cause })
}
