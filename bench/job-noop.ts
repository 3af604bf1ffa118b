/**
 * An empty job: what it costs to have a function run on another thread, all of it overhead. Main thread, one worker.
 *
 * Every pool has one worker, started and warm. `inflight=1` is the round trip; `inflight=64` is what a busy pool gives.
 */
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Bench, Subject } from './bench.js'
import { meterPromises } from './meter.js'

const INFLIGHT = [1, 64]
const WARM_UP_JOBS = 200
const CLOSE_LIMIT_MS = 1000
const RIVALS = ['piscina', 'piscina/tuned', 'tinypool', 'workerpool', 'poolifier'] as const

/** The jobs, in the form that each pool asks for. */
const NOOP = new URL('./rivals/noop.js', import.meta.url)
const NOOP_DEFAULT = fileURLToPath(new URL('./rivals/noop-default.js', import.meta.url))
const NOOP_WORKERPOOL = fileURLToPath(new URL('./rivals/noop-workerpool.js', import.meta.url))
const NOOP_POOLIFIER = fileURLToPath(new URL('./rivals/noop-poolifier.js', import.meta.url))

interface NoopPool {
  run(): PromiseLike<unknown>
  close(): unknown
}

const POOLS: Readonly<Record<'uring' | (typeof RIVALS)[number], () => Promise<NoopPool>>> = {
  async uring() {
    const { Pool } = await import('../src/pool/pool.js')
    const pool = new Pool<typeof import('./rivals/noop.js')>(NOOP, { maxWorkers: 1 })
    return { run: () => pool.run('noop', []), close: () => pool.close() }
  },

  async piscina() {
    const { Piscina } = await import('piscina')
    const pool = new Piscina({ filename: NOOP_DEFAULT, minThreads: 1, maxThreads: 1 })
    return { run: () => pool.run(undefined), close: () => pool.close() }
  },

  // What its documentation names for speed: many tasks to a worker, its faster queue, no timing of each task. Workers
  // sleep in Atomics.wait between tasks by default ('sync'), which it says is the fastest.
  async 'piscina/tuned'() {
    const { FixedQueue, Piscina } = await import('piscina')
    const pool = new Piscina({
      filename: NOOP_DEFAULT,
      minThreads: 1,
      maxThreads: 1,
      concurrentTasksPerWorker: 64,
      taskQueue: new FixedQueue(),
      recordTiming: false,
      idleTimeout: Number.POSITIVE_INFINITY,
    })
    return { run: () => pool.run(undefined), close: () => pool.close() }
  },

  async tinypool() {
    const { Tinypool } = await import('tinypool')
    const pool = new Tinypool({ filename: NOOP_DEFAULT, minThreads: 1, maxThreads: 1 })
    return { run: () => pool.run(undefined), close: () => pool.destroy() }
  },

  async workerpool() {
    const { default: workerpool } = await import('workerpool')
    const pool = workerpool.pool(NOOP_WORKERPOOL, { minWorkers: 1, maxWorkers: 1, workerType: 'thread' })
    return { run: () => pool.exec('noop', []), close: () => pool.terminate() }
  },

  // Its own queue is off by default: every task goes to the worker at once.
  async poolifier() {
    const { FixedThreadPool } = await import('poolifier')
    const pool = new FixedThreadPool<undefined, undefined>(1, NOOP_POOLIFIER)
    // Now and then its destroy() never settles and nothing keeps the process: that must not end the run.
    return { run: () => pool.execute(), close: () => Promise.race([pool.destroy(), setTimeout(CLOSE_LIMIT_MS)]) }
  },
}

export const bench: Bench = {
  question: 'how many empty jobs a second does one worker run, with `inflight` of them given to the pool at once?',
  unit: 'jobs',
  pairs: RIVALS.map((rival) => ['uring', rival] as const),
  async settings(plan) {
    return INFLIGHT.map((inflight) => ({
      name: `inflight=${inflight}`,
      async open() {
        const subjects: Subject[] = []
        for (const [name, openPool] of Object.entries(POOLS)) {
          try {
            subjects.push(await openSubject(name, await openPool(), inflight, plan.roundMs))
          } catch (error) {
            plan.leaveOut(name, (error as Error).message.split('\n')[0]!)
          }
        }
        return subjects
      },
    }))
  },
}

async function openSubject(name: string, pool: NoopPool, inflight: number, roundMs: number): Promise<Subject> {
  for (let i = 0; i < WARM_UP_JOBS; i++) await pool.run()
  return {
    name,
    round: () => meterPromises(roundMs, inflight, () => pool.run(), check),
    async close() {
      await pool.close()
    },
  }
}

function check(result: unknown): void {
  // workerpool turns undefined into null on the way.
  if (result !== undefined && result !== null) throw new Error('an empty job returned something')
}
