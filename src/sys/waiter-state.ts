/**
 * What a waiter thread is told, and the one word that it and the thread it wakes share. Both run it.
 *
 * Counterpart: none.
 */

/** The word: written by the thread that is to be woken, read by the waiter. */
export const STATE = 0
/** Nobody sleeps: what is signalled stays in the eventfd. */
export const IDLE = 0
/** Poll the eventfd, and send a message for each wake-up. */
export const WATCHING = 1
/** Close the eventfd and end. */
export const STOPPED = 2

export interface WaiterData {
  /** The eventfd. */
  readonly fd: number
  /** STATE, in shared memory. */
  readonly words: Int32Array
}
