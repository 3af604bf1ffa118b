/**
 * What a Tinypool rejects with, in tinypool's words, and what of the Pool's errors each stands for. Owner thread only.
 */

class AbortError extends Error {
  constructor() {
    super('The task has been aborted')
  }
  override get name(): string {
    return 'AbortError'
  }
}

class CancelError extends Error {
  constructor() {
    super('The task has been cancelled')
  }
  override get name(): string {
    return 'CancelError'
  }
}

export const aborted = (): Error => new AbortError()
export const cancelled = (): Error => new CancelError()
export const isCancel = (error: unknown): boolean => (error as Error | undefined)?.name === 'CancelError'
export const terminated = (): Error => new Error('Terminating worker thread')
export const noFilename = (): Error => new Error('filename must be provided to run() or in options object')
export const queueFull = (): Error => new Error('Task queue is at limit')
export const noQueue = (): Error => new Error('No task queue available and all Workers are busy')

/** What has become of a task and its pool. */
export interface Fate {
  readonly isAborted: boolean
  readonly isDestroyed: boolean
  /** Whether pending tasks were ever cancelled. */
  readonly hasCancelled: boolean
}

/** What a task ends with that the Pool has ended so. */
export function taskError(error: unknown, { isAborted, isDestroyed, hasCancelled }: Fate): unknown {
  if (typeof error !== 'object' || error === null) return error
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  // One that a task itself throws, as fetch() does, says nothing of a cause.
  const isStopped = code === 'ABORT_ERR' && Object.hasOwn(error, 'cause')
  if (isStopped && isAborted) return aborted()
  if (isDestroyed && (isStopped || code === 'ERR_URING_POOL_CLOSED' || code === 'ERR_URING_WORKER_DIED')) {
    return terminated()
  }
  if (isStopped && hasCancelled) return cancelled()
  return code === 'ERR_URING_WORKER_DIED' && cause !== undefined ? cause : error
}
