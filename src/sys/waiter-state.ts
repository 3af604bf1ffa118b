/**
 * What a waiter thread is told, and the words that it and the thread it wakes share. Both run it.
 *
 * Counterpart: none.
 */

/** What to do: written by the thread that is to be woken, read by the waiter. */
export const STATE = 0
/** Nobody sleeps: what is signalled stays in the eventfd. */
export const IDLE = 0
/** Poll the eventfd, and send a message for each wake-up. */
export const WATCHING = 1
/** Close the eventfd and end. */
export const STOPPED = 2

/** 1 once the waiter has loaded all that it needs; written by it. */
export const IS_UP = 1

export const NR_WORDS = 2

export interface WaiterData {
  /** The eventfd. */
  readonly fd: number
  /** STATE and IS_UP, in shared memory. */
  readonly words: Int32Array
}
