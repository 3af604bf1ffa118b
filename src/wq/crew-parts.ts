/**
 * What a crew is made of, and what it tells the one who made it. Owner thread only; types, but a worker finds its seat here.
 */
import type { TransferListItem, Worker, WorkerOptions } from 'node:worker_threads'
import type { Casualty, StartEnd } from './member.js'
import type { ThreadSystem } from './threads.js'

/** What a worker entry finds in workerData. */
export interface WorkerSeat {
  readonly sab: SharedArrayBuffer
  /** NONE: it is a spare, and is told when it is taken. */
  readonly slot: number
  /** Where the hash is shared with other pools. */
  readonly hash: SharedArrayBuffer | undefined
  readonly data: unknown
}

/** What a spare thread's script finds in workerData.data, and what of it moves there. */
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
  /** `insist`: whatever the workers that run seem to manage. */
  wantsWorker(acct: number, insist: boolean): boolean
  /** True if items were cancelled for it. */
  giveUp(acct: number, error: Error): boolean
}
