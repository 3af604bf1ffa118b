/**
 * The life of a waiter thread: asleep, polling, over. Runs on that thread; waiter-worker.ts supplies the system calls.
 *
 * Counterpart: none.
 */
import { futexWait, futexWake, loadAcquire, storeRelease } from '../lib/barrier.js'
import { IDLE, IS_UP, STATE, STOPPED } from './waiter-state.js'

const PAUSE = Number.POSITIVE_INFINITY

export interface WaiterCalls {
  /** Waits for a signal, a bounded time. True if there is one. */
  poll(): boolean
  /** Empties the eventfd. */
  empty(): void
  /** Wakes the event loop. */
  post(): void
  /** Closes the eventfd. */
  close(): void
}

/** Returns when the eventfd is closed. */
export function runWaiter(words: Int32Array, { poll, empty, post, close }: WaiterCalls): void {
  storeRelease(words, IS_UP, 1)
  futexWake(words, IS_UP, 1)
  for (;;) {
    const state = loadAcquire(words, STATE)
    if (state === STOPPED) break
    if (state === IDLE) {
      futexWait(words, STATE, IDLE, PAUSE)
      continue
    }
    if (!poll()) continue
    // The eventfd is emptied before the message: a later signal is another wake-up.
    empty()
    post()
  }
  close()
}
