/**
 * What a worker's loop asks of the worker entry that embeds it. Runs on the worker thread.
 *
 * Counterpart: the work functions that io_wq_worker calls, and the scheduler's part in its sleep.
 */

/** doWork's result for an async item, which goes on in Node's event loop. */
export const ASYNC = 1

export interface WorkerHooks {
  /**
   * Runs one item. ASYNC: the item goes on in Node's event loop, and ends with finish(); it stays RUNNING until then,
   * and the loop runs other items meanwhile, as `pause` allows.
   */
  doWork(item: number): undefined | typeof ASYNC
  /** A task-work queue went from empty to non-empty: wake its owner. */
  onEdge(queue: number): void
  /** The worker has left the pool: let the thread end. */
  onLeave(): void
  /**
   * Asked after each item, and before a sleep (`idle`). True: the thread returns to Node's event loop, so that timers,
   * streams and promises run there, and the loop goes on when `resume` is called. With async items it must return true
   * before a sleep, and for as long as the worker retires. `now` is nowMs().
   */
  pause?(resume: () => void, idle: boolean, now: number): boolean
  /**
   * Asked before an item is taken. True: the worker takes no more, and leaves when all items in its hands have ended;
   * the answer may become false again until then.
   */
  retires?(): boolean
}
