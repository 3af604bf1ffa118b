/**
 * Our Pool and its rivals behind one face: `openPool(name, job)` starts one, warm, for one job. Main thread.
 *
 * A job is a function of one argument. rivals/<job>.ts exports it by name, for us; beside it stand the forms that the
 * others ask for: -default (piscina, tinypool), -workerpool, -poolifier.
 */
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Plan, Subject } from './bench.js'

export const RIVALS = ['piscina', 'piscina/tuned', 'tinypool', 'workerpool', 'poolifier'] as const
export type PoolName = 'uring' | (typeof RIVALS)[number]
export const POOL_NAMES: readonly PoolName[] = ['uring', ...RIVALS]

/** Jobs with all their forms in rivals/. */
export type JobName = 'noop' | 'echo'

export interface JobPool {
  run(arg?: unknown): PromiseLike<unknown>
  close(): unknown
}

const WARM_UP_JOBS = 200
const CLOSE_LIMIT_MS = 1000

const jobFile = (file: string) => fileURLToPath(new URL(`./rivals/${file}.js`, import.meta.url))

/** With `workers` threads, started. Rejects if the rival cannot be loaded. */
export async function openPool(name: PoolName, job: JobName, workers = 1): Promise<JobPool> {
  const pool = await OPENERS[name](job, workers)
  // One after the other would leave all but one of several workers cold.
  for (let i = 0; i < WARM_UP_JOBS; i += workers) await Promise.all(Array.from({ length: workers }, () => pool.run()))
  return pool
}

/** With one thread, which need not be up. Rejects if the rival cannot be loaded. */
export function openCold(name: PoolName, job: JobName): Promise<JobPool> {
  return OPENERS[name](job, 1)
}

const OPENERS: Readonly<Record<PoolName, (job: JobName, workers: number) => Promise<JobPool>>> = {
  async uring(job, workers) {
    const { Pool } = await import('uring/pool')
    const pool = new Pool(new URL(`./rivals/${job}.js`, import.meta.url), { maxWorkers: workers })
    return { run: (arg) => pool.run(job, arg === undefined ? [] : [arg]), close: () => pool.close() }
  },

  async piscina(job, workers) {
    const { Piscina } = await import('piscina')
    const pool = new Piscina({ filename: jobFile(`${job}-default`), minThreads: workers, maxThreads: workers })
    return { run: (arg) => pool.run(arg), close: () => pool.close() }
  },

  // What its documentation names for speed: many tasks to a worker, its faster queue, no timing of each task. Workers
  // sleep in Atomics.wait between tasks by default ('sync'), which it says is the fastest.
  async 'piscina/tuned'(job, workers) {
    const { FixedQueue, Piscina } = await import('piscina')
    const pool = new Piscina({
      filename: jobFile(`${job}-default`),
      minThreads: workers,
      maxThreads: workers,
      concurrentTasksPerWorker: 64,
      taskQueue: new FixedQueue(),
      recordTiming: false,
      idleTimeout: Number.POSITIVE_INFINITY,
    })
    return { run: (arg) => pool.run(arg), close: () => pool.close() }
  },

  async tinypool(job, workers) {
    const { Tinypool } = await import('tinypool')
    const pool = new Tinypool({ filename: jobFile(`${job}-default`), minThreads: workers, maxThreads: workers })
    return { run: (arg) => pool.run(arg), close: () => pool.destroy() }
  },

  async workerpool(job, workers) {
    const { default: workerpool } = await import('workerpool')
    const options = { minWorkers: workers, maxWorkers: workers, workerType: 'thread' } as const
    const pool = workerpool.pool(jobFile(`${job}-workerpool`), options)
    return { run: (arg) => pool.exec(job, arg === undefined ? [] : [arg]), close: () => pool.terminate() }
  },

  // Its own queue is off by default: every task goes to the worker at once.
  async poolifier(job, workers) {
    const { FixedThreadPool } = await import('poolifier')
    const pool = new FixedThreadPool<unknown, unknown>(workers, jobFile(`${job}-poolifier`))
    // Now and then its destroy() never settles and nothing keeps the process: that must not end the run.
    return { run: (arg) => pool.execute(arg), close: () => Promise.race([pool.destroy(), setTimeout(CLOSE_LIMIT_MS)]) }
  },
}

/** Opens what can be opened; the others are left out, with the reason. */
export async function openSubjects(
  plan: Plan,
  openers: Readonly<Record<string, (name: string) => Promise<Subject>>>,
): Promise<Subject[]> {
  const subjects: Subject[] = []
  for (const [name, open] of Object.entries(openers)) {
    try {
      subjects.push(await open(name))
    } catch (error) {
      plan.leaveOut(name, (error as Error).message.split('\n')[0]!)
    }
  }
  return subjects
}
