/** Jobs that say how many of them run at once, in words: now, at most, _, the gate. Pool threads. */
import { fetchAdd, futexWait, futexWake, loadAcquire, storeRelease } from '../../src/lib/barrier.js'

export function hold(words: Int32Array, how: 'wait' | 'pass'): void {
  const now = fetchAdd(words, 0, 1) + 1
  if (now > loadAcquire(words, 1)) storeRelease(words, 1, now)
  futexWake(words, 0, 1)
  while (how === 'wait' && loadAcquire(words, 3) === 0) futexWait(words, 3, 0, 10_000)
  fetchAdd(words, 0, -1)
}
