/**
 * The parts of a crew, and its reports to its maker. Owner thread only; types, but a worker finds its seat here.
 */
import type { TransferListItem, Worker, WorkerOptions } from 'node:worker_threads'
import type { Casualty, StartEnd } from './member.js'
import type { ThreadSystem } from './threads.js'

/** What a worker entry finds in workerData. */
export interface WorkerSeat {
  readonly sab: SharedArrayBuffer
  /** NONE for a spare thread, which learns its slot when it is used. */
  readonly slot: number
  /** Where the hash is shared with other pools. */
  readonly hash: SharedArrayBuffer | undefined
  readonly data: unknown
}

/** A spare thread's workerData.data, and what is transferred with it. */
export interface SpareData {
  readonly data: unknown
  readonly transferList: readonly TransferListItem[]
}

export interface CrewOptions {
  readonly workerEntry: URL
  readonly workerData?: (slot: number) => unknown
  readonly spareData?: () => SpareData
  readonly workerOptions?: WorkerOptions
  readonly startTimeoutMs?: number
  readonly hooks: {
    interrupt?(slot: number, tid: number): void
    onWorkerMade?(slot: number, worker: Worker, isSpare: boolean): void
    startError?(slot: number, end: StartEnd): Error | undefined
    onUntold?(error: Error, isStart: boolean): void
  }
  readonly threads?: ThreadSystem
}

export interface CrewOwner {
  recover(dead: readonly Casualty[]): void
  /** `insist`: regardless of the speed of the running workers. */
  wakeOrClaimWorker(acct: number, insist: boolean): boolean
  /** Cancels what no worker will run. True if there were items. */
  giveUp(acct: number, error: Error): boolean
}
