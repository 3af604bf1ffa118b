/**
 * The system's clocks, for absolute times in the kernel's structures. Any thread; requires FFI.
 *
 * Durations are measured with lib/clock.ts. Counterpart: clock_gettime(2).
 */
import { libc } from './libc.js'
import { addressOf } from './memory.js'

const timespec = new BigInt64Array(2)

/** A clock's time in milliseconds. */
export function clockMs(clock: number): number {
  libc('clock_gettime')(clock, addressOf(timespec))
  return Number(timespec[0]!) * 1000 + Number(timespec[1]!) / 1e6
}

/** A clock's time in nanoseconds, exactly. */
export function clockNs(clock: number): bigint {
  libc('clock_gettime')(clock, addressOf(timespec))
  return timespec[0]! * 1_000_000_000n + timespec[1]!
}
