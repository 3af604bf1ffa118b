/**
 * The system's clocks, for points in time that the kernel's structures name. Any thread; needs FFI.
 *
 * Durations are measured with lib/clock.ts. Counterpart: clock_gettime(2).
 */
import { libc } from './libc.js'
import { addressOf } from './memory.js'

export const CLOCK_REALTIME = 0
export const CLOCK_MONOTONIC = 1
export const CLOCK_BOOTTIME = 7

const timespec = new BigInt64Array(2)

/** What a clock shows, in milliseconds. */
export function clockMs(clock: number): number {
  libc('clock_gettime')(clock, addressOf(timespec))
  return Number(timespec[0]!) * 1000 + Number(timespec[1]!) / 1e6
}

/** The same in nanoseconds, exactly. */
export function clockNs(clock: number): bigint {
  libc('clock_gettime')(clock, addressOf(timespec))
  return timespec[0]! * 1_000_000_000n + timespec[1]!
}
