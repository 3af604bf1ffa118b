/**
 * What of the caller's AsyncLocalStorages a job finds, by jobContext() of job.ts. Worker threads only.
 *
 * Values come as the first argument of a job whose number says so (names.ts), and are kept with what else belongs to the
 * job, so that they are found after an `await` too.
 */
import { currentJob } from './job-context.js'
import type { JobFunction } from './jobs-module.js'

/** Worker entry only: the function as it is called with the values before its arguments. */
export function takingStores(job: JobFunction): JobFunction {
  return (stores, ...args) => {
    const current = currentJob()
    if (current !== undefined) current.stores = stores as Record<string, unknown>
    return job(...args)
  }
}
