/**
 * What a caller gets wrong, told before anything is queued: each check returns the error, or throws it. Owner thread only.
 */
import { availableParallelism } from 'node:os'
import { mayRunOn } from '../sys/affinity.js'
import { MAX_SLOTS } from '../wq/hash.js'
import { poolError } from './failure.js'
import { DEFAULT_UNBOUNDED, type PoolOptions, type RunOptions } from './options.js'

/** Throws unless it is undefined, or names processors of which this machine lets the pool use at least one. */
export function checkAffinity(cpus: readonly number[] | undefined): void {
  if (cpus === undefined) return
  if (!Array.isArray(cpus) || !cpus.every((cpu) => Number.isInteger(cpu) && cpu >= 0)) {
    throw poolError('ERR_INVALID_ARG_TYPE', 'affinity is a list of processor numbers')
  }
  if (!mayRunOn(cpus)) throw poolError('ERR_OUT_OF_RANGE', `no processor of ${cpus.join()} may be used here`)
}

/** What is wrong with a pool's options, if anything is. */
export function badPoolOptions(options: PoolOptions): Error | undefined {
  const { minWorkers, maxWorkers, maxUnbounded, queueLimit, keys } = options
  if (keys !== undefined && typeof keys?.join !== 'function') {
    return poolError('ERR_INVALID_ARG_TYPE', 'keys is a SharedKeys of uring/pool/keys')
  }
  if (keys !== undefined && (maxWorkers ?? availableParallelism()) + (maxUnbounded ?? DEFAULT_UNBOUNDED) > MAX_SLOTS) {
    return poolError('ERR_OUT_OF_RANGE', `a pool that shares its keys has ${MAX_SLOTS} workers at most`)
  }
  if (queueLimit !== undefined && queueLimit !== Number.POSITIVE_INFINITY) {
    const bad = badCount('queueLimit', queueLimit, 1)
    if (bad !== undefined) return bad
  }
  if (minWorkers === undefined) return undefined
  const max = maxWorkers ?? availableParallelism()
  if (Number.isSafeInteger(minWorkers) && minWorkers > max) {
    return poolError('ERR_OUT_OF_RANGE', `minWorkers is at most maxWorkers, ${max}: ${minWorkers} is not`)
  }
  return badCount('minWorkers', minWorkers, 0)
}

/** Why a job with these options is not even begun, if there is a reason. */
export function badRunOptions({ id, timeout, priority }: RunOptions): Error | undefined {
  if (typeof id === 'function') return poolError('ERR_INVALID_ARG_TYPE', 'the id of a job is no function')
  if (priority !== undefined && !Number.isSafeInteger(priority)) return badNumber('priority', 'an integer', priority)
  return timeout === undefined ? undefined : badTime('timeout', timeout)
}

/** Why a value is no source of items, if there is a reason. */
export function badSource(source: unknown): Error | undefined {
  const { [Symbol.iterator]: sync, [Symbol.asyncIterator]: async } = Object(source) as Partial<
    Iterable<unknown> & AsyncIterable<unknown>
  >
  if (typeof sync === 'function' || typeof async === 'function') return undefined
  return poolError('ERR_INVALID_ARG_TYPE', 'map takes an iterable or an async iterable first, then the name of a job')
}

/** What is wrong with a time in milliseconds, if anything is. */
export function badTime(name: string, ms: unknown): Error | undefined {
  return typeof ms === 'number' && ms >= 0 ? undefined : badNumber(name, 'a number of milliseconds, not negative', ms)
}

/** What is wrong with a count, if anything is. */
export function badCount(name: string, count: unknown, min: number): Error | undefined {
  if (Number.isSafeInteger(count) && (count as number) >= min) return undefined
  return badNumber(name, `an integer, at least ${min}`, count)
}

function badNumber(name: string, what: string, value: unknown): Error {
  const code = typeof value === 'number' ? 'ERR_OUT_OF_RANGE' : 'ERR_INVALID_ARG_TYPE'
  return poolError(code, `${name} is ${what}: ${String(value)} is not`)
}
