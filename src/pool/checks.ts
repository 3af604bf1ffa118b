/**
 * What a caller gets wrong of a pool's options, told before anything is queued: each check returns the error, or throws it. Owner thread only.
 */
import { availableParallelism } from 'node:os'
import type { Given } from '../lib/options.js'
import { mayRunOn } from '../sys/affinity.js'
import { MAX_SLOTS, WqHash } from '../wq/hash.js'
import { badHardEnd } from './jobs/job-options.js'
import { DEFAULT_UNBOUNDED, type PoolOptions, type TimeLimit } from './options.js'
import { badCount, badFlag, badNumber, badTime, badType } from './values/checks.js'
import { poolError } from './values/failure.js'

/** Of each kind. There are as many records for jobs, so more would have nothing to do. */
export const MAX_WORKERS = 8192
/** A second: whoever spins longer does not mean it. */
const MAX_SPIN_US = 1_000_000

/**
 * The processors as they are now. Throws unless it is undefined, or names processors of which this machine lets the pool
 * use at least one.
 */
export function checkAffinity(given: readonly number[] | undefined): readonly number[] | undefined {
  if (given === undefined) return undefined
  const cpus = Array.isArray(given) ? Array.from(given) : undefined
  if (cpus === undefined || !cpus.every((cpu) => Number.isInteger(cpu) && cpu >= 0)) {
    throw poolError('ERR_INVALID_ARG_TYPE', 'affinity is a list of processor numbers')
  }
  if (mayRunOn(cpus)) return cpus
  throw poolError('ERR_OUT_OF_RANGE', `no processor of ${cpus.join()} may be used here`)
}

/** What is wrong with a pool's options, if anything is. */
export function badPoolOptions(options: Given<PoolOptions>): Error | undefined {
  const { name, histograms, keys, idleTimeoutMs, startTimeoutMs, spinUs } = options
  if (name !== undefined && typeof name !== 'string') return badType('name', 'a string', name)
  return (
    badFlag('histograms', histograms) ??
    badHardEnd(options) ??
    badWorkers(options) ??
    (idleTimeoutMs === undefined ? undefined : badTime('idleTimeoutMs', idleTimeoutMs)) ??
    (startTimeoutMs === undefined ? undefined : badTime('startTimeoutMs', startTimeoutMs)) ??
    badSpin(spinUs) ??
    (keys === undefined ? undefined : badKeys(options))
  )
}

function badSpin(spinUs: unknown): Error | undefined {
  if (spinUs === undefined || (typeof spinUs === 'number' && spinUs >= 0 && spinUs <= MAX_SPIN_US)) return undefined
  return badNumber('spinUs', `a number of microseconds, 0 to ${MAX_SPIN_US}`, spinUs)
}

/** Numbers of threads and of jobs. */
function badWorkers(options: Given<PoolOptions>): Error | undefined {
  const { minWorkers, maxWorkers = availableParallelism(), maxUnbounded = DEFAULT_UNBOUNDED, queueLimit } = options
  const badMax =
    badCount('maxWorkers', maxWorkers, 1, MAX_WORKERS) ?? badCount('maxUnbounded', maxUnbounded, 1, MAX_WORKERS)
  if (badMax !== undefined) return badMax
  if (queueLimit !== undefined && queueLimit !== Number.POSITIVE_INFINITY) {
    const bad = badCount('queueLimit', queueLimit, 1)
    if (bad !== undefined) return bad
  }
  if (minWorkers === undefined) return undefined
  if (Number.isSafeInteger(minWorkers) && minWorkers > maxWorkers) {
    return poolError('ERR_OUT_OF_RANGE', `minWorkers is at most maxWorkers, ${maxWorkers}: ${minWorkers} is not`)
  }
  return badCount('minWorkers', minWorkers, 0)
}

function badKeys({ keys, maxWorkers, maxUnbounded }: Given<PoolOptions>): Error | undefined {
  if (typeof keys?.join !== 'function' || !(keys.buffer instanceof SharedArrayBuffer)) {
    return poolError('ERR_INVALID_ARG_TYPE', 'keys is a SharedKeys of uring/pool/keys')
  }
  // Made by another copy of this package it will do, if that lays the table out alike.
  if (keys.buffer.byteLength % 4 !== 0 || !WqHash.isOne(new Int32Array(keys.buffer))) {
    return poolError('ERR_INVALID_ARG_VALUE', 'keys is a SharedKeys of another version of uring')
  }
  if ((maxWorkers ?? availableParallelism()) + (maxUnbounded ?? DEFAULT_UNBOUNDED) <= MAX_SLOTS) return undefined
  return poolError('ERR_OUT_OF_RANGE', `a pool that shares its keys has ${MAX_SLOTS} workers at most`)
}

/** What is wrong with the options of close() and flush(), if anything is. */
export function badLimit(limit: Given<TimeLimit>): Error | undefined {
  return limit.timeout === undefined ? undefined : badTime('timeout', limit.timeout)
}

/** Why a value is no source of items, if there is a reason. */
export function badSource(source: unknown): Error | undefined {
  const { [Symbol.iterator]: sync, [Symbol.asyncIterator]: async } = Object(source) as Partial<
    Iterable<unknown> & AsyncIterable<unknown>
  >
  if (typeof sync === 'function' || typeof async === 'function') return undefined
  return poolError('ERR_INVALID_ARG_TYPE', 'map takes an iterable or an async iterable first, then the name of a job')
}
