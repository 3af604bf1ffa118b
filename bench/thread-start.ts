/**
 * A thread's start: what it costs until a new pool's first job is done. Main thread, one thread a subject.
 *
 * One operation: a pool is made, runs one job that does nothing, and is closed; what comes before the result is counted,
 * by the clock in one setting, in the other as CPU time of the whole process, its end included: on a machine that is busy
 * that is the steadier figure. `Worker` is a thread with a module that posts one message, the price of Node itself.
 */
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { Bench, Plan, Subject } from './bench.js'
import { meterTimed } from './meter.js'
import { openCold, openSubjects, type PoolName } from './pools.js'

const POOLS = ['uring', 'tinypool', 'piscina'] as const satisfies readonly PoolName[]

/** Runs one job in a new thread. Returns how to end that. */
type Start = () => Promise<() => unknown>

export const bench: Bench = {
  question: 'what does a thread cost, until the first job of a new pool is done?',
  unit: 'threads',
  pairs: [['uring/pool', 'tinypool'] as const, ['uring/pool', 'piscina'] as const, ['uring/pool', 'Worker'] as const],
  async settings(plan) {
    return [
      { name: 'wall', open: () => openAll(plan, wallUs) },
      { name: 'cpu', open: () => openAll(plan, cpuUs) },
    ]
  },
}

function openAll(plan: Plan, measure: (start: Start) => Promise<number>): Promise<Subject[]> {
  const openers: Record<string, (name: string) => Promise<Subject>> = {
    Worker: (name) => subject(name, plan, () => measure(startWorker)),
  }
  for (const pool of POOLS) {
    openers[pool === 'uring' ? 'uring/pool' : pool] = (name) =>
      subject(name, plan, () => measure(() => startPool(pool)))
  }
  return openSubjects(plan, openers)
}

/** Runs once when it is opened, so that what cannot run here is left out, and modules are loaded. */
async function subject(name: string, { roundMs }: Plan, op: () => Promise<number>): Promise<Subject> {
  await op()
  return { name, round: () => meterTimed(roundMs, op) }
}

async function startWorker(): Promise<() => unknown> {
  const worker = new Worker(fileURLToPath(new URL('./rivals/start-worker.js', import.meta.url)))
  await once(worker, 'message')
  return () => worker.terminate()
}

async function startPool(name: PoolName): Promise<() => unknown> {
  const pool = await openCold(name, 'noop')
  await pool.run()
  return () => pool.close()
}

async function wallUs(start: Start): Promise<number> {
  const startMs = performance.now()
  const end = await start()
  const us = (performance.now() - startMs) * 1000
  await end()
  return us
}

async function cpuUs(start: Start): Promise<number> {
  const before = process.cpuUsage()
  const end = await start()
  await end()
  const { user, system } = process.cpuUsage(before)
  return user + system
}
