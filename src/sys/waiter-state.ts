/**
 * The arguments of a waiter thread, and the words that it shares with the thread that it wakes. Both threads.
 *
 * Counterpart: none.
 */

/** The command: written by the thread that is to be woken, read by the waiter. */
export const STATE = 0
/** Nobody sleeps: signals stay in the eventfd. */
export const IDLE = 0
/** Poll the eventfd, and send a message for each wake-up. */
export const WATCHING = 1
/** Close the eventfd and end. */
export const STOPPED = 2

/** 1 once the waiter has loaded everything; written by it. */
export const IS_UP = 1

export const NR_WORDS = 2

export interface WaiterData {
  /** The eventfd. */
  readonly fd: number
  /** STATE and IS_UP, in shared memory. */
  readonly words: Int32Array
}
