/** Jobs that return promises: their worker runs others meanwhile. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pool, type PoolOptions } from '../../src/pool/pool.js'
import { Gate, rejectionOf, sharedWords, until } from './gate.js'

type Jobs = typeof import('./async-jobs.js')
const make = (options: PoolOptions) => new Pool<Jobs>(new URL('./async-jobs.js', import.meta.url), options)

test('a job that awaits leaves its worker to others', async () => {
  await using pool = make({ maxWorkers: 1 })
  const gate = new Gate()
  const pending = pool.run('await_', [gate.words])
  await gate.reached(1)
  for (let i = 0; i < 200; i++) assert.equal(await pool.run('add', [i, 1]), i + 1)
  const thread = await pool.run('tid')
  gate.open()
  assert.equal(await pending, thread)
  assert.equal(pool.stats().created, 1)
})

test('so does a function that is not declared async, and the first call of one', async () => {
  await using pool = make({ maxWorkers: 1 })
  const gate = new Gate()
  const pending = [pool.run('plainAwait', [gate.words]), pool.run('plainAwait', [gate.words])]
  await gate.reached(2)
  assert.equal(await pool.run('add', [1, 2]), 3)
  gate.open()
  await Promise.all(pending)
})

test('as many are pending in a worker as concurrentJobs says', async () => {
  for (const concurrentJobs of [1, 3]) {
    await using pool = make({ maxWorkers: 1, concurrentJobs })
    const words = sharedWords(1)
    const others = await Promise.all(Array.from({ length: 40 }, () => pool.run('inside', [words])))
    assert.equal(Math.max(...others), concurrentJobs - 1)
  }
})

test('a worker that is full makes room for another', async () => {
  await using pool = make({ maxWorkers: 3, concurrentJobs: 2 })
  const gate = new Gate()
  const pending = Array.from({ length: 6 }, () => pool.run('await_', [gate.words]))
  await gate.reached(6)
  gate.open()
  assert.equal(new Set(await Promise.all(pending)).size, 3)
})

test('concurrentJobs is checked', () => {
  assert.throws(() => make({ concurrentJobs: 0 }), { code: 'ERR_OUT_OF_RANGE', name: 'RangeError' })
  assert.throws(() => make({ concurrentJobs: '2' as never }), { code: 'ERR_INVALID_ARG_TYPE', name: 'TypeError' })
})

test('a key is held until the promise settles, and only the key', async () => {
  await using pool = make({ maxWorkers: 1 })
  const nr = 20
  const log = sharedWords(1 + 2 * nr)
  const gate = new Gate()
  const held = pool.run('await_', [gate.words], { key: 'k' })
  await gate.reached(1)
  const notes = Array.from({ length: nr }, (_, i) => pool.run('note', [log, i + 1], { key: 'k' }))
  assert.equal(await pool.run('add', [1, 2], { key: 'another' }), 3)
  assert.equal(log[0], 0)
  gate.open()
  await held
  await Promise.all(notes)
  assert.deepEqual([...log.subarray(1)], Array.from({ length: nr }, (_, i) => [i + 1, -i - 1]).flat())
})

test('keys of async jobs on several workers, of both kinds', async () => {
  await using pool = make({ maxWorkers: 3 })
  const keys = Array.from({ length: 5 }, () => sharedWords(1))
  const jobs = Array.from({ length: 200 }, (_, i) =>
    pool.run('inside', [keys[i % 5]!], { key: i % 5, unbounded: i % 3 === 0 }),
  )
  assert.ok((await Promise.all(jobs)).every((others) => others === 0))
})

test('a queued job of a key whose worker awaits the one before can be cancelled', async () => {
  await using pool = make({ maxWorkers: 1 })
  const gate = new Gate()
  const blocker = new Gate()
  const first = pool.run('awaitThenBlock', [gate.words, blocker.words])
  await gate.reached(1)
  gate.open()
  await blocker.reached(1)
  // Taken as one run.
  const keyed = new Gate()
  const controller = new AbortController()
  const held = pool.run('await_', [keyed.words], { key: 'k' })
  const cancelled = pool.run('await_', [keyed.words], { key: 'k', signal: controller.signal })
  const behind = pool.run('add', [1, 2], { key: 'k' })
  blocker.open()
  await keyed.reached(1)
  controller.abort()
  assert.equal((await rejectionOf(cancelled)).name, 'AbortError')
  keyed.open()
  await Promise.all([first, held])
  assert.equal(await behind, 3)
  assert.equal(keyed.arrived, 1)
})

test('a worker that dies takes all its pending jobs with it, and nothing else', async () => {
  await using pool = make({ maxWorkers: 1 })
  const gate = new Gate()
  let nrSettled = 0
  const codes = Array.from({ length: 6 }, (_, i) =>
    pool.run('await_', [gate.words], i < 3 ? {} : { key: i }).catch((error: { code: string }) => {
      nrSettled++
      return error.code
    }),
  )
  await gate.reached(6)
  const log = sharedWords(20)
  const behind = [1, 2, 3].map((i) => pool.run('note', [log, i], { key: 5 }))
  const dying = rejectionOf(pool.run('die'))
  const after = pool.run('add', [1, 2])
  assert.equal((await dying)['code'], 'ERR_URING_WORKER_DIED')
  assert.deepEqual(await Promise.all(codes), new Array(6).fill('ERR_URING_WORKER_DIED'))
  assert.equal(nrSettled, 6)
  assert.equal(await after, 3)
  await Promise.all(behind)
  assert.deepEqual([...log.subarray(1, 7)], [1, -1, 2, -2, 3, -3])
  assert.equal(pool.stats().inFlight, 0)
  assert.equal(pool.stats().died, 1)
})

test('close waits for what is pending, destroy kills it', async () => {
  const pool = make({ maxWorkers: 1 })
  const gate = new Gate()
  const pending = pool.run('await_', [gate.words])
  await gate.reached(1)
  const closed = pool.close()
  gate.open()
  await Promise.all([pending, closed])

  const other = make({ maxWorkers: 1 })
  const never = new Gate()
  const killed = rejectionOf(other.run('await_', [never.words]))
  await never.reached(1)
  await other.destroy(0)
  assert.equal((await killed)['code'], 'ERR_URING_POOL_CLOSED')
})

test('an idle timeout takes no worker that has something pending', async () => {
  await using pool = make({ maxWorkers: 2, concurrentJobs: 1, idleTimeoutMs: 5 })
  const gates = [new Gate(), new Gate()]
  const pending = gates.map((gate) => pool.run('await_', [gate.words]))
  await Promise.all(gates.map((gate) => gate.reached(1)))
  gates[0]!.open()
  await pending[0]
  for (let i = 0; i < 20; i++) await pool.run('add', [i, i])
  gates[1]!.open()
  await pending[1]
  await until(() => pool.stats().workers[0] === 1, 'one of two workers leaves')
  assert.equal(pool.stats().died, 0)
})

test('a pending job that blocks its thread holds up no others', async () => {
  await using pool = make({ maxWorkers: 2 })
  const gate = new Gate()
  const second = new Gate()
  const blocking = pool.run('awaitThenBlock', [gate.words, second.words])
  await gate.reached(1)
  assert.equal(await pool.run('add', [1, 2]), 3)
  gate.open()
  await second.reached(1)
  for (let i = 0; i < 10; i++) assert.equal(await pool.run('add', [i, 2]), i + 2)
  second.open()
  await blocking
})

test('after an await a job still knows itself', async () => {
  await using pool = make({ maxWorkers: 1 })
  const gates = Array.from({ length: 4 }, () => new Gate())
  const controllers = gates.map(() => new AbortController())
  const jobs = gates.map((gate, i) => pool.run('abortedAfter', [gate.words], { signal: controllers[i]!.signal }))
  await Promise.all(gates.map((gate) => gate.reached(1)))
  controllers[1]!.abort()
  controllers[2]!.abort()
  for (const gate of gates) gate.open()
  assert.deepEqual(await Promise.all(jobs), [false, true, true, false])
})

test('so does one whose function returned no promise before', async () => {
  await using pool = make({ maxWorkers: 1 })
  assert.equal(await pool.run('sometimes', [undefined]), 'at once')
  const gate = new Gate()
  const controller = new AbortController()
  const pending = pool.run('sometimes', [gate.words], { signal: controller.signal })
  await gate.reached(1)
  controller.abort()
  gate.open()
  assert.equal(await pending, true)
})

test('many async jobs, on few workers', async () => {
  await using pool = make({ maxWorkers: 2 })
  const words = sharedWords(1)
  const jobs = Array.from({ length: 3000 }, (_, i) =>
    i % 2 === 0 ? pool.run('inside', [words]) : pool.run('add', [i, 0]),
  )
  const results = await Promise.all(jobs)
  assert.ok(results.every((result, i) => i % 2 === 0 || result === i))
})
