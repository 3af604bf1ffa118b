/**
 * Monotonic time. Any thread. Tests replace it to make time stand still or jump; nothing else may.
 *
 * Counterpart: ktime_get(). Milliseconds with a fraction, from an arbitrary origin: compare, and subtract.
 */
import { hrtime } from './globals.js'

/** Not performance.now(): it is no quicker, and the first use of `performance` loads Node's modules for 1.5 ms. */
function real(): number {
  const [seconds, nanoseconds] = hrtime()
  return seconds * 1e3 + nanoseconds / 1e6
}

let source: () => number = real

/** Milliseconds since some moment in the past; never goes back. */
export function nowMs(): number {
  return source()
}

/** Replaces the clock of this thread; undefined puts the real one back. Tests only. */
export function setClock(next: (() => number) | undefined): void {
  source = next ?? real
}
