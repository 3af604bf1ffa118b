/**
 * What is wrong with one value that a caller gave: each check returns the error, if there is one. Owner thread only.
 *
 * The options of a job are checked where they are (job-options.ts), those of a pool in checks.ts.
 */
import { poolError } from './failure.js'

/** What is wrong with an option that is on or off, if anything is. */
export function badFlag(name: string, value: unknown): Error | undefined {
  return value === undefined || typeof value === 'boolean' ? undefined : badType(name, 'true or false', value)
}

/** What is wrong with a time in milliseconds, if anything is. */
export function badTime(name: string, ms: unknown): Error | undefined {
  return typeof ms === 'number' && ms >= 0 ? undefined : badNumber(name, 'a number of milliseconds, not negative', ms)
}

/** What is wrong with a count, if anything is. */
export function badCount(name: string, count: unknown, min: number, max = Number.POSITIVE_INFINITY): Error | undefined {
  if (Number.isSafeInteger(count) && (count as number) >= min && (count as number) <= max) return undefined
  return badNumber(
    name,
    max < Number.POSITIVE_INFINITY ? `an integer, ${min} to ${max}` : `an integer, at least ${min}`,
    count,
  )
}

/** Why a value is none of the numbers that an option takes. */
export function badNumber(name: string, what: string, value: unknown): Error {
  const code = typeof value === 'number' ? 'ERR_OUT_OF_RANGE' : 'ERR_INVALID_ARG_TYPE'
  return poolError(code, `${name} is ${what}: ${shown(value)} is not`)
}

/** Why a value is none of what an option takes. */
export function badType(name: string, what: string, value: unknown): Error {
  return poolError('ERR_INVALID_ARG_TYPE', `${name} is ${what}: ${shown(value)} is not`)
}

/** Not every object has a text. */
function shown(value: unknown): string {
  return typeof value === 'object' && value !== null ? Object.prototype.toString.call(value) : String(value)
}
