/** `timeout`: of jobs, of flush, of close. A job is held for as long as a test needs; no test waits for a time to pass. */
import assert from 'node:assert/strict'
import { after, afterEach, test } from 'node:test'
import { setClock } from '../../src/lib/clock.js'
import { Pool, type RunOptions } from '../../src/pool/pool.js'
import { Gate, rejectionOf } from './gate.js'

const jobs = new URL('./jobs.js', import.meta.url)
const make = () => new Pool<typeof import('./jobs.js')>(jobs, { maxWorkers: 1 })
const pool = make()
after(() => pool.close())
afterEach(() => setClock(undefined))

/** Time stands still on this thread until it is moved on. */
function stopClock(): (ms: number) => void {
  let now = performance.now()
  setClock(() => now)
  return (ms) => {
    now += ms
  }
}

function assertTimedOut(error: Error & Record<string, unknown>): void {
  assert.equal(error.name, 'TimeoutError')
  assert.equal(error['code'], 'ERR_URING_TIMEOUT')
}

test('a job that waits rejects when its time is over, though another keeps the worker', async () => {
  const gate = new Gate()
  const held = pool.run('hold', [gate.words])
  await gate.reached(1)
  const controller = new AbortController()
  const options: RunOptions = { timeout: 5, signal: controller.signal }
  const late = rejectionOf(pool.run('hold', [gate.words], options))
  const keyed = rejectionOf(pool.run('hold', [gate.words], { timeout: 1, key: 'k' }))
  const patient = pool.run('add', [1, 2], { timeout: 60_000 })
  assertTimedOut(await late)
  assertTimedOut(await keyed)
  controller.abort()
  gate.open()
  await held
  assert.equal(await patient, 3)
  assert.equal(gate.arrived, 1)
})

test('one that runs is told, and rejects when it has ended, whatever it returns', async () => {
  for (const name of ['spinUntilAborted', 'throwWhenAborted'] as const) {
    const gate = new Gate()
    const pass = stopClock()
    const job = rejectionOf(pool.run(name, [gate.words], { timeout: 1 }))
    await gate.reached(1)
    pass(1)
    assertTimedOut(await job)
  }
})

test('one that does not look keeps its promise waiting', async () => {
  const gate = new Gate()
  let settled = false
  const pass = stopClock()
  const job = rejectionOf(pool.run('heedless', [gate.words], { timeout: 1 })).finally(() => {
    settled = true
  })
  await gate.reached(1)
  const behind = rejectionOf(pool.run('noop', [], { timeout: 2 }))
  pass(2)
  assertTimedOut(await behind)
  assert.equal(settled, false)
  gate.open()
  assertTimedOut(await job)
})

test('in the backlog, and taken out of it', async () => {
  const gate = new Gate()
  const held = pool.run('hold', [gate.words])
  const many = Array.from({ length: 8200 }, () => pool.run('noop', []))
  const late = Array.from({ length: 50 }, (_, i) => rejectionOf(pool.run('noop', [], { timeout: i % 7 })))
  const patient = pool.run('add', [1, 1], { timeout: 60_000 })
  for (const error of await Promise.all(late)) assertTimedOut(error)
  gate.open()
  await Promise.all([held, ...many])
  assert.equal(await patient, 2)
})

test('jobs that end in time leave nothing behind', async () => {
  const results = await Promise.all(
    Array.from({ length: 1000 }, (_, i) => pool.run('add', [i, 1], { timeout: 60_000 })),
  )
  assert.ok(results.every((result, i) => result === i + 1))
  assert.equal(await pool.run('add', [1, 1], { timeout: Number.POSITIVE_INFINITY }), 2)
  assert.equal(pool.stats().inFlight, 0)
})

test('a caller that sleeps in runSync: its job’s timeout, and those of others', async () => {
  const gate = new Gate()
  const held = pool.run('hold', [gate.words])
  await gate.reached(1)
  const other = rejectionOf(pool.run('noop', [], { timeout: 1 }))
  assert.throws(() => pool.runSync('hold', [gate.words], { timeout: 5 }), { code: 'ERR_URING_TIMEOUT' })
  assertTimedOut(await other)
  assert.throws(() => pool.runSync('spinUntilAborted', [new Gate().words], { timeout: 20, unbounded: true }), {
    name: 'TimeoutError',
  })
  assert.equal(pool.runSync('add', [1, 2], { timeout: 60_000, unbounded: true }), 3)
  gate.open()
  await held
})

test('a timeout is a number, and not negative', async () => {
  const run = (timeout: unknown) => rejectionOf(pool.run('noop', [], { timeout: timeout as number }))
  assert.equal((await run('1'))['code'], 'ERR_INVALID_ARG_TYPE')
  assert.equal((await run(-1))['code'], 'ERR_OUT_OF_RANGE')
  assert.equal((await run(Number.NaN))['code'], 'ERR_OUT_OF_RANGE')
  assert.equal((await rejectionOf(pool.flush({ timeout: -1 })))['code'], 'ERR_OUT_OF_RANGE')
  assert.equal((await rejectionOf(pool.close({ timeout: -1 })))['code'], 'ERR_OUT_OF_RANGE')
})

test('a flush that takes too long rejects, and cancels nothing', async () => {
  const gate = new Gate()
  const held = pool.run('hold', [gate.words])
  assertTimedOut(await rejectionOf(pool.flush({ timeout: 1 })))
  await gate.reached(1)
  gate.open()
  await held
  await pool.flush({ timeout: 60_000 })
})

test('close finishes in time, or does what destroy does', async () => {
  const quick = make()
  const sums = Array.from({ length: 100 }, (_, i) => quick.run('add', [i, 0]))
  await quick.close({ timeout: 60_000 })
  assert.equal((await Promise.all(sums)).length, 100)

  const slow = make()
  const gate = new Gate()
  const stuck = rejectionOf(slow.run('hold', [gate.words]))
  await gate.reached(1)
  const queued = rejectionOf(slow.run('noop'))
  await slow.close({ timeout: 1 })
  assert.equal((await stuck)['code'], 'ERR_URING_POOL_CLOSED')
  assert.equal((await queued)['code'], 'ERR_URING_POOL_CLOSED')
})

test('a close that waits can be hurried by another', async () => {
  const slow = make()
  const gate = new Gate()
  const stuck = rejectionOf(slow.run('hold', [gate.words]))
  await gate.reached(1)
  const closed = slow.close()
  assert.equal(slow.close({ timeout: 1 }), closed)
  await closed
  assert.equal((await stuck)['code'], 'ERR_URING_POOL_CLOSED')
})

test('told by its timeout, then ended by destroy: one error', async () => {
  const own = make()
  const gate = new Gate()
  const pass = stopClock()
  const job = rejectionOf(own.run('hold', [gate.words], { timeout: 1 }))
  await gate.reached(1)
  const behind = rejectionOf(own.run('noop', [], { timeout: 2 }))
  pass(2)
  assertTimedOut(await behind)
  setClock(undefined)
  await own.destroy(0)
  assert.equal((await job)['code'], 'ERR_URING_POOL_CLOSED')
  assert.equal(own.stats().inFlight, 0)
})
