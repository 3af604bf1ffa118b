/**
 * Cancelling a job: how long until its worker's next job has run. Main thread, one worker.
 *
 * One operation: the job to cancel is under way (or waits behind one that is), the next job is given behind it; then the
 * clock starts, the abort is called, and the clock stops when the next job's promise settles. `queued` also releases the
 * job in front. A rival's job cannot see the signal: those that abort running jobs kill the thread, whatever it does, and
 * start another. poolifier is left out: a job that runs goes on there.
 */
import { fileURLToPath } from 'node:url'
import { futexWake, loadAcquire, storeRelease } from '../src/lib/barrier.js'
import type { Bench, Subject } from './bench.js'
import { meterTimed } from './meter.js'
import { openSubjects } from './pools.js'
import { BEGUN, RELEASED } from './rivals/cancel-jobs.js'

const JOBS = new URL('./rivals/cancel-jobs.js', import.meta.url)
const JOBS_WORKERPOOL = fileURLToPath(new URL('./rivals/cancel-workerpool.js', import.meta.url))
const WAYS = ['queued', 'cooperative', 'busy', 'deaf'] as const
type Way = (typeof WAYS)[number]
type JobName = 'hold' | 'cooperative' | 'busy' | 'deaf' | 'noop'

interface Given {
  readonly promise: PromiseLike<unknown>
  abort(): void
}

interface Canceller {
  run(job: JobName, words: Int32Array): Given
  close(): unknown
}

export const bench: Bench = {
  question: 'how long from the abort of a job until its worker has run the next one?',
  unit: 'cancels',
  pairs: ['piscina', 'tinypool', 'workerpool'].map((rival) => ['uring', rival] as const),
  async settings(plan) {
    return WAYS.map((way) => ({
      name: `job=${way}`,
      open: () =>
        openSubjects(
          plan,
          Object.fromEntries(
            Object.entries(CANCELLERS).map(([name, open]) => [name, () => openSubject(name, open, way, plan.roundMs)]),
          ),
        ),
    }))
  },
}

const CANCELLERS: Readonly<Record<string, () => Promise<Canceller>>> = {
  async uring() {
    const { Pool } = await import('uring/pool')
    const pool = new Pool<typeof import('./rivals/cancel-jobs.js')>(JOBS, { maxWorkers: 1 })
    return {
      run(job, words) {
        const controller = new AbortController()
        const promise = pool.run(job, [words] as never, { signal: controller.signal, id: job })
        // It does not look: killing its thread is all there is.
        if (job === 'deaf') return { promise, abort: () => void pool.kill('deaf') }
        return { promise, abort: () => controller.abort() }
      },
      close: () => pool.close(),
    }
  },

  async piscina() {
    const { Piscina } = await import('piscina')
    const pool = new Piscina({ filename: fileURLToPath(JOBS), minThreads: 1, maxThreads: 1 })
    return { run: bySignal((words, options) => pool.run(words, options)), close: () => pool.destroy() }
  },

  async tinypool() {
    const { Tinypool } = await import('tinypool')
    const pool = new Tinypool({ filename: fileURLToPath(JOBS), minThreads: 1, maxThreads: 1 })
    return { run: bySignal((words, options) => pool.run(words, options)), close: () => pool.destroy() }
  },

  async workerpool() {
    const { default: workerpool } = await import('workerpool')
    const pool = workerpool.pool(JOBS_WORKERPOOL, { minWorkers: 1, maxWorkers: 1, workerType: 'thread' })
    return {
      run(job, words) {
        const promise = pool.exec(job, [words])
        return { promise, abort: () => void promise.cancel() }
      },
      close: () => pool.terminate(true),
    }
  },
}

function bySignal(
  run: (words: Int32Array, options: { name: string; signal: AbortSignal }) => Promise<unknown>,
): Canceller['run'] {
  return (name, words) => {
    const controller = new AbortController()
    return { promise: run(words, { name, signal: controller.signal }), abort: () => controller.abort() }
  }
}

async function openSubject(name: string, open: () => Promise<Canceller>, way: Way, roundMs: number): Promise<Subject> {
  const pool = await open()
  const words = new Int32Array(new SharedArrayBuffer(128))
  await pool.run('noop', words).promise
  return {
    name,
    round: () => meterTimed(roundMs, () => cancelOne(pool, way, words)),
    async close() {
      await pool.close()
    },
  }
}

async function cancelOne(pool: Canceller, way: Way, words: Int32Array): Promise<number> {
  storeRelease(words, BEGUN, 0)
  storeRelease(words, RELEASED, 0)
  const running = pool.run(way === 'queued' ? 'hold' : way, words)
  const ended = outcome(running.promise)
  while (loadAcquire(words, BEGUN) === 0) await new Promise(setImmediate)
  const doomed = way === 'queued' ? pool.run('noop', words) : running
  const doom = way === 'queued' ? outcome(doomed.promise) : ended
  // A killed thread takes what it had with it: only a job that is still in the pool's own queue is given before.
  const next = way === 'deaf' ? undefined : pool.run('noop', words).promise
  const startMs = performance.now()
  doomed.abort()
  storeRelease(words, RELEASED, 1)
  futexWake(words, RELEASED, 1)
  await (next ?? pool.run('noop', words).promise)
  const us = (performance.now() - startMs) * 1000
  if ((await doom) !== 'rejected') throw new Error('a cancelled job succeeded')
  await ended
  return us
}

function outcome(promise: PromiseLike<unknown>): Promise<'resolved' | 'rejected'> {
  return Promise.resolve(promise).then(
    () => 'resolved',
    () => 'rejected',
  )
}
