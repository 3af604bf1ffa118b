/**
 * The asynchronous context of a call, kept for what is called back for it later. Owner thread only.
 *
 * Ports and timers of the pool are made in whichever request comes first, so what runs from there is bound to the call
 * that it belongs to. What is only awaited needs none of this. Counterpart: a request's credentials, which io_uring takes
 * where it is submitted and uses where it runs.
 */
import { AsyncResource } from 'node:async_hooks'
import { queueMicrotask } from '../../lib/globals.js'

/** Runs what belongs to one call. */
export class CallersContext {
  /** Nobody watches its end, so no finalizer is asked for. */
  readonly #resource = new AsyncResource('UringPool', { requireManualDestroy: true })

  run<T>(callback: () => T): T {
    return this.#resource.runInAsyncScope(callback)
  }

  call<A>(callback: (arg: A) => void, arg: A): void {
    this.#resource.runInAsyncScope(callback, undefined, arg)
  }
}

/**
 * The caller's callback, in the context it was given in. What it throws is the caller's own, as of an event listener:
 * nothing of ours is to stop for it.
 */
export function inCallersContext<A>(callback: (arg: A) => void): (arg: A) => void {
  const context = new CallersContext()
  const guarded = (arg: A): void => {
    try {
      callback(arg)
    } catch (error) {
      queueMicrotask(() => {
        throw error
      })
    }
  }
  return (arg) => context.call(guarded, arg)
}
