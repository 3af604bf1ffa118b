/**
 * What a pool's options say about each worker: checked here, handed over in the worker's seat. Owner thread only.
 */
import { poolError } from './failure.js'
import type { PoolOptions } from './options.js'
import type { PoolSeat } from './worker.js'

export const DEFAULT_CONCURRENT_JOBS = 16

/** Throws ERR_OUT_OF_RANGE, ERR_INVALID_ARG_TYPE. */
export function seatOf(
  space: SharedArrayBuffer,
  stamps: SharedArrayBuffer | undefined,
  jobs: string,
  options: PoolOptions,
): PoolSeat {
  const { concurrentJobs = DEFAULT_CONCURRENT_JOBS, maxJobsPerWorker, workerData } = options
  assertCount('concurrentJobs', concurrentJobs)
  if (maxJobsPerWorker !== undefined) assertCount('maxJobsPerWorker', maxJobsPerWorker)
  const hooks = { init: hookName('init', options.init), teardown: hookName('teardown', options.teardown) }
  const maxJobs = maxJobsPerWorker ?? Number.POSITIVE_INFINITY
  return { space, jobs, hooks, concurrentJobs, maxJobs, workerData, stamps }
}

/** A whole number from 1. */
export function assertCount(name: string, value: unknown): void {
  if (typeof value !== 'number') throw poolError('ERR_INVALID_ARG_TYPE', `${name} is a number`)
  if (!Number.isInteger(value) || value < 1) {
    throw poolError('ERR_OUT_OF_RANGE', `${name} is a whole number from 1, not ${value}`)
  }
}

function hookName(option: string, name: unknown): string | undefined {
  if (name === undefined || typeof name === 'string') return name
  throw poolError('ERR_INVALID_ARG_TYPE', `${option} is the name of a function that the module of jobs exports`)
}
