/**
 * What of the caller's AsyncLocalStorages a job finds: `jobContext('name')`. Worker threads only; elsewhere there is none.
 *
 * Values come as the first argument of a job whose number says so (names.ts), and are kept with what else belongs to the
 * job, so that they are found after an `await` too.
 */
import { currentJob } from './job-context.js'
import type { JobFunction } from './jobs-module.js'

/**
 * The value that the caller's AsyncLocalStorage held when it called `run`: a copy, under the name that the pool's
 * `asyncContext` option gives it. Undefined where it held none.
 *
 * @example
 * const { requestId } = jobContext<{ requestId: string }>('request') ?? { requestId: 'none' }
 */
export function jobContext<T = unknown>(name: string): T | undefined {
  const stores = currentJob()?.stores
  return stores !== undefined && Object.hasOwn(stores, name) ? (stores[name] as T) : undefined
}

/** Worker entry only: the function as it is called with the values before its arguments. */
export function takingStores(job: JobFunction): JobFunction {
  return (stores, ...args) => {
    const current = currentJob()
    if (current !== undefined) current.stores = stores as Record<string, unknown>
    return job(...args)
  }
}
