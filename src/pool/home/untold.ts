/**
 * What went wrong in a pool's threads while no job was there to be told: for listeners of `error`, else a process warning.
 * Owner thread only.
 *
 * The Pool holds its listeners, and its inside knows them weakly: a listener may well refer to the Pool, which is to be
 * collected all the same once its program drops it. Counterpart: none; io-wq's own failures end requests.
 */
import { stackOf, withStack } from '../../lib/error-props.js'
import { emitWarning } from '../../lib/globals.js'
import { forNode } from '../../lib/options.js'
import { inCallersContext } from '../jobs/callers-context.js'
import { badType } from '../values/checks.js'
import { poolError } from '../values/failure.js'
import { jobsStack } from '../values/thrown.js'

/** The events of a pool, and what its listeners get. */
export interface PoolEvents {
  /**
   * A thread died between jobs, failed as it left, or could not be started, and no job was failed for it. `code` says
   * which: `ERR_URING_WORKER_DIED`, `ERR_URING_TEARDOWN`, `ERR_URING_INIT`, `ERR_URING_JOBS_MODULE`. `cause` is what was
   * thrown there, the stack the worker's.
   */
  error: [error: Error]
}

export type PoolListener<E extends keyof PoolEvents> = (...args: PoolEvents[E]) => void

interface Entry {
  /** It may wrap one that it is found by as well. */
  readonly listener: PoolListener<'error'> & { readonly listener?: unknown }
  /** In the context that it was added in. */
  readonly call: PoolListener<'error'>
  readonly isOnce: boolean
}

/** As an EventEmitter's: in order, as often as added, removed from the end; those there are when it happens are called. */
export class PoolListeners {
  #entries: readonly Entry[] = []

  add(name: unknown, listener: unknown, isOnce: boolean): void {
    check(name, listener)
    this.#entries = [...this.#entries, { listener, call: inCallersContext(listener), isOnce }]
  }

  remove(name: unknown, listener: unknown): void {
    check(name, listener)
    const at = this.#entries.findLastIndex(({ listener: own }) => own === listener || own.listener === listener)
    if (at >= 0) this.#entries = this.#entries.toSpliced(at, 1)
  }

  /** False if nobody listens. */
  tell(error: Error): boolean {
    const entries = this.#entries
    this.#entries = entries.filter(({ isOnce }) => !isOnce)
    for (const { call } of entries) call(error)
    return entries.length > 0
  }
}

function check(name: unknown, listener: unknown): asserts listener is PoolListener<'error'> {
  if (name !== 'error') {
    throw poolError(
      'ERR_INVALID_ARG_VALUE',
      `a pool has no event ${typeof name === 'string' ? `'${name}'` : 'of this name'}, but 'error'`,
    )
  }
  if (typeof listener !== 'function') throw badType('listener', 'a function', listener)
}

/** Tells an error to who listens, or to the process. Never throws. */
export function tellUntold(listeners: WeakRef<PoolListeners>, error: Error): void {
  const frames = workersFrames(error.cause)
  withStack(error, [`${error.name}: ${error.message}`, ...frames].join('\n'))
  if (listeners.deref()?.tell(error) === true) return
  const { code } = error as { code?: string }
  const detail = frames.length > 0 ? frames.join('\n') : undefined
  emitWarning(error.message, forNode({ type: 'UringPoolWarning', code, detail }))
}

/** Of an error that came from there: those that this thread has made have frames of Node and this package alone. */
function workersFrames(cause: unknown): string[] {
  const stack = cause instanceof Error ? stackOf(cause) : undefined
  return stack === undefined
    ? []
    : jobsStack(stack)
        .split('\n')
        .filter((line) => line.startsWith('    at ') && !/\(node:internal\/worker/.test(line))
}
