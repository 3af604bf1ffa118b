/** pool.ready: waiting for room under queueLimit. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pool } from '../../src/pool/pool.js'
import { Gate, rejectionOf, until } from './gate.js'

const jobs = new URL('./jobs.js', import.meta.url)
const make = (queueLimit?: number) =>
  new Pool<typeof import('./jobs.js')>(jobs, { maxWorkers: 1, ...(queueLimit !== undefined && { queueLimit }) })

test('where there is room, or no limit, it resolves at once', async () => {
  await using pool = make(1)
  await pool.ready()
  await using free = make()
  await free.ready()
})

test('a producer that asks first never meets a full pool', async () => {
  await using pool = make(3)
  const results: Promise<number>[] = []
  for (let i = 0; i < 500; i++) {
    await pool.ready()
    results.push(pool.run('add', [i, 0]))
    assert.ok(pool.stats().inFlight <= 3)
  }
  assert.ok((await Promise.all(results)).every((result, i) => result === i))
})

test('many producers wait in line: first come, first served, none refused', async () => {
  await using pool = make(2)
  const gate = new Gate()
  const held = [pool.run('hold', [gate.words]), pool.run('hold', [gate.words])]
  await gate.reached(1)
  const admitted: number[] = []
  const producers = Array.from({ length: 40 }, async (_, i) => {
    await pool.ready()
    admitted.push(i)
    return pool.run('add', [i, 1])
  })
  assert.deepEqual(admitted, [])
  gate.open()
  const sums = await Promise.all(producers)
  assert.deepEqual(
    admitted,
    sums.map((_, i) => i),
  )
  assert.ok(sums.every((sum, i) => sum === i + 1))
  await Promise.all(held)
})

test('many producers at once in an empty pool: room is promised once', async () => {
  await using pool = make(2)
  const producers = Array.from({ length: 40 }, async (_, i) => {
    await pool.ready()
    await undefined
    return pool.run('add', [i, 1])
  })
  assert.ok((await Promise.all(producers)).every((sum, i) => sum === i + 1))
})

test('who is told and gives nothing keeps nobody out', async () => {
  await using pool = make(1)
  const told = Promise.all(Array.from({ length: 20 }, () => pool.ready()))
  await told
  assert.equal(await pool.run('add', [1, 1]), 2)
})

test('a cancelled job makes room', async () => {
  await using pool = make(2)
  const gate = new Gate()
  const held = pool.run('hold', [gate.words])
  await gate.reached(1)
  const queued = rejectionOf(pool.run('noop', [], { id: 'q' }))
  const ready = pool.ready()
  assert.equal(pool.cancel('q'), 'ok')
  await ready
  gate.open()
  await Promise.all([held, queued])
})

test('close and destroy reject those who wait, and those who come', async () => {
  const pool = make(1)
  const gate = new Gate()
  const held = pool.run('hold', [gate.words])
  const waiting = rejectionOf(pool.ready())
  const closed = pool.close()
  assert.equal((await waiting)['code'], 'ERR_URING_POOL_CLOSED')
  assert.equal((await rejectionOf(pool.ready()))['code'], 'ERR_URING_POOL_CLOSED')
  gate.open()
  await Promise.all([held, closed])
  await until(() => pool.stats().workers[0] === 0, 'the worker leaves')
})

test('a limit is at least 1', () => {
  assert.throws(() => make(0), { code: 'ERR_OUT_OF_RANGE' })
  assert.throws(() => make(1.5), { code: 'ERR_OUT_OF_RANGE' })
})
