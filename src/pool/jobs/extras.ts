/**
 * What few jobs have, an object for each that asks for some of it: id, timeout, priority, a hard end, a flush that waits
 * for it, a name without a number.
 * Owner thread only.
 *
 * It goes with the job from the backlog to its record and back, so whoever holds one finds the job by it.
 */

import type { Heaped } from '../../lib/heap.js'
import type { Flush } from './flush.js'

export class Extras implements Heaped {
  /** The job: its item, or its name while it has none. */
  job: number
  readonly id: unknown
  readonly priority: number
  /** RunOptions.timeout; from its start on RunOptions.runTimeout, if that ends first. */
  timeoutMs: number | undefined
  /** RunOptions.killAfter, or PoolOptions.killAfter. */
  readonly killMs: number | undefined
  /** RunOptions.runTimeout, until it begins. */
  runMs: number | undefined = undefined
  /** When the timeout ends, or once it is being stopped the time till its thread does, on this thread's clock. */
  dueMs = 0
  heapAt = -1
  /** The timeout ended while the job ran: its promise rejects when it has ended. */
  isTimedOut = false
  /** It was told to stop: what it rejects with if it does not. Only of jobs that have a hard end. */
  stopping: (() => Error) | undefined = undefined
  flush: Flush | undefined = undefined
  /** Where the job stands among those of its priority: by when it was given. */
  order = 0
  /** The function's name, where the job brings it itself. */
  readonly name: string | undefined

  constructor(job: number, id?: unknown, priority = 0, timeoutMs?: number, name?: string, killMs?: number) {
    this.job = job
    this.id = id
    this.priority = priority
    this.timeoutMs = timeoutMs
    this.name = name
    this.killMs = killMs
  }
}
