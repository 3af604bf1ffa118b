/** What a pool does with nothing to do: nothing. And one job at a time is one thread's work. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pool, type PoolOptions } from '../../src/pool/pool.js'
import { Gate, until } from './gate.js'

type Jobs = typeof import('./async-jobs.js')
const make = (options: PoolOptions = {}) => new Pool<Jobs>(new URL('./async-jobs.js', import.meta.url), options)

/** Long enough that a thread which spins or keeps waking shows. */
const WINDOW_MS = 1000
/** A thread that spins uses all of the window, one woken each millisecond a tenth; the garbage collector may come by. */
const QUIET_MS = 60
const TRIES = 5

/** CPU time that this process used while nothing was to be done. */
async function idleCpuMs(): Promise<number> {
  const before = process.cpuUsage()
  await new Promise((resolve) => setTimeout(resolve, WINDOW_MS))
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

test('an idle pool uses no CPU, whatever its idle timeout, spin and minWorkers are', async () => {
  const pools: Pool<Jobs>[] = []
  for (const idleTimeoutMs of [0, 1, 10, Number.POSITIVE_INFINITY]) {
    for (const spinUs of [0, 20_000]) {
      for (const minWorkers of [0, 2]) pools.push(make({ idleTimeoutMs, spinUs, minWorkers, maxWorkers: 2 }))
    }
  }
  await Promise.all(pools.map((pool) => pool.run('add', [1, 2])))
  const used: number[] = []
  // Threads that come up late, and those that leave, do that in an early one.
  while (used.length < TRIES && !used.some((ms) => ms < QUIET_MS)) used.push(await idleCpuMs())
  assert.ok(
    used.some((ms) => ms < QUIET_MS),
    `${used.map(Math.round)} ms of ${WINDOW_MS}`,
  )
  for (const pool of pools) assert.equal(await pool.run('add', [1, 2]), 3)
  await Promise.all(pools.map((pool) => pool.close()))
})

test('a thread that stayed past its idle timeout leaves when it has a reason', async () => {
  const pool = make({ maxWorkers: 1, idleTimeoutMs: 0 })
  await pool.run('add', [1, 2])
  pool.setExitOnIdle(true)
  await until(() => pool.stats().workers[0] === 0, 'it leaves')
  await pool.close()
})

test('one of two leaves after the timeout, also if it was kept by a pending job', async () => {
  await using pool = make({ maxWorkers: 2, idleTimeoutMs: 0, concurrentJobs: 1 })
  const gate = new Gate()
  const pending = [pool.run('plainAwait', [gate.words]), pool.run('plainAwait', [gate.words])]
  await gate.reached(2)
  assert.equal(pool.stats().workers[0], 2)
  gate.open()
  await Promise.all(pending)
  await until(() => pool.stats().workers[0] === 1, 'one leaves')
})

test('one job at a time makes one thread', async () => {
  const kinds: PoolOptions[] = [{}, { minWorkers: 1 }, { maxWorkers: 6 }, { concurrentJobs: 1 }]
  for (const options of kinds) {
    const created: number[] = []
    // A thread that gets no CPU for a long while, where all are much in demand, looks as if its event loop kept it.
    while (created.length < TRIES && !created.includes(1)) {
      await using pool = make(options)
      for (let i = 0; i < 200; i++) await pool.run('add', [i, 1])
      created.push(pool.stats().created)
    }
    assert.ok(created.includes(1), `${JSON.stringify(options)}: ${created}`)
  }
})

test('a job does not wait long for a thread that is kept by its own event loop', async () => {
  await using pool = make({ maxWorkers: 2 })
  const gate = new Gate()
  await pool.run('holdLater', [gate.words])
  await gate.reached(1)
  const job = pool.run('add', [1, 2])
  await until(() => pool.stats().created === 2, 'another is made')
  gate.open()
  assert.equal(await job, 3)
})
