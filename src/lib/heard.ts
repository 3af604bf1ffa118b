/**
 * A Worker whose errors somebody hears, from its creation until after its exit. Any thread that makes one.
 *
 * A Worker emits 'error' when its thread cannot begin, be it for want of a descriptor; where nobody listens at that
 * instant, the process ends. Its maker may not have come to listen yet, or no longer listen. No counterpart: a kernel
 * thread that cannot be made is an error of the call.
 */

/** What a Worker has of an EventEmitter. */
interface Emitter {
  on(event: 'error', listener: (error: Error) => void): unknown
}

/**
 * The same Worker. To be called with a new one, before anything else is done with it: `heard(new Worker(entry))`. Who
 * needs to know of errors listens besides.
 */
export function heard<T extends Emitter>(worker: T): T {
  worker.on('error', ignore)
  return worker
}

function ignore(): void {}
