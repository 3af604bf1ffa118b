/**
 * Monotonic time. Any thread. Tests replace it to make time stand still or jump; nothing else may.
 *
 * Counterpart: ktime_get(). Milliseconds with a fraction, from an origin that differs between threads: compare only
 * values taken on one thread.
 */

let source: () => number = () => performance.now()

/** Milliseconds since this thread's origin; never goes back. */
export function nowMs(): number {
  return source()
}

/** Replaces the clock of this thread; undefined puts the real one back. Tests only. */
export function setClock(next: (() => number) | undefined): void {
  source = next ?? (() => performance.now())
}
