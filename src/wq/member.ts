/**
 * One worker thread as its crew knows it, and what is said of its end. Owner thread only.
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
  /** It is being ended, and another may have its place. */
  isDoomed: boolean
  /** Nobody is to be told of its end: it was meant, or somebody has been. */
  isTold: boolean
  /** It had said that it leaves. */
  isInOrder: boolean
  /** Who waits for its thread to be gone. */
  readonly mourners: (() => void)[]
}

/** How a thread ended, or was ended, before it was up. */
export interface StartEnd {
  /** In words. */
  readonly how: string
  /** Undefined where it is not known. */
  readonly exitCode: number | undefined
  /** What it ended with. */
  readonly cause: Error | undefined
  /** It was ended, for it took more than startTimeoutMs. */
  readonly isLate: boolean
}

/** A worker that died, and what its item is to be failed with. */
export interface Casualty {
  readonly slot: number
  readonly error: Error
  /** By whoever recovers: an item of it was failed with that. */
  isTold: boolean
}

/** What a member's item is failed with. */
export function casualty(slot: number, { error: cause }: Member, how: string): Casualty {
  const text = cause === undefined ? how : cause.message
  const error = new Error(`the worker running this ended unexpectedly (${text})`, { cause })
  return { slot, error, isTold: false }
}

/** The end of a thread that nobody has been told of; undefined if somebody was, or there is nothing to tell. */
export function untoldOf({ error: cause, isTold, isTerminated, isInOrder }: Member, code: number): Error | undefined {
  if (isTold || isTerminated || (isInOrder && cause === undefined)) return undefined
  const how = isInOrder ? 'failed as it left' : 'ended unexpectedly, with nothing to do'
  return new Error(`a worker ${how} (${cause === undefined ? `exit code ${code}` : cause.message})`, { cause })
}
