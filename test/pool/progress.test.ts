/** What jobs report while they run. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Pool } from '../../src/pool/pool.js'
import { reportProgress } from '../../src/pool/worker/job.js'
import { rejectionOf } from './gate.js'

const url = new URL('./async-jobs.js', import.meta.url)
const pool = new Pool<typeof import('./async-jobs.js')>(url, { maxWorkers: 1 })
after(() => pool.close())

test('every report arrives, in order, before the promise settles, and none after', async () => {
  for (const isSlow of [false, true]) {
    const got: unknown[] = []
    await pool.run('report', [50, isSlow], { onProgress: (value) => got.push(value) })
    const atEnd = got.length
    // Whatever the worker might still have sent would come before the answers to these.
    for (let i = 0; i < 10; i++) await pool.run('add', [i, i])
    assert.equal(got.length, atEnd)
    assert.deepEqual(
      got,
      Array.from({ length: 50 }, (_, i) => ({ i })),
    )
  }
})

test('from a function that returns no promise', async () => {
  const got: unknown[] = []
  assert.equal(await pool.run('reportNow', [100], { onProgress: (value) => got.push(value) }), 100)
  assert.deepEqual(
    got,
    Array.from({ length: 100 }, (_, i) => i),
  )
})

test('each to its own caller', async () => {
  const got = Array.from({ length: 8 }, () => [] as unknown[])
  await Promise.all(got.map((list, i) => pool.run('report', [i, true], { onProgress: (value) => list.push(value) })))
  assert.deepEqual(
    got.map((list) => list.length),
    [0, 1, 2, 3, 4, 5, 6, 7],
  )
})

test('where nobody listens nothing is sent, outside a worker nothing is done', async () => {
  assert.equal(await pool.run('reportNow', [3]), 3)
  reportProgress('anything')
})

test('what cannot be cloned is thrown in the job', async () => {
  assert.equal((await rejectionOf(pool.run('reportBadly', [], { onProgress() {} }))).name, 'DataCloneError')
})

test('the last words of a worker that dies', async () => {
  const got: unknown[] = []
  const job = pool.run('reportAndDie', [], { onProgress: (value) => got.push(value) })
  assert.equal((await rejectionOf(job))['code'], 'ERR_URING_WORKER_DIED')
  assert.deepEqual(got, ['last words'])
})

test('from the backlog too', async () => {
  let nr = 0
  const jobs = Array.from({ length: 9000 }, () => pool.run('reportNow', [1], { onProgress: () => nr++ }))
  await Promise.all(jobs)
  assert.equal(nr, 9000)
})

test('with the values of a generator', async () => {
  const got: unknown[] = []
  const values: number[] = []
  for await (const value of pool.iterate('countReporting', [5], { onProgress: (p) => got.push(p) })) values.push(value)
  assert.deepEqual(
    [values, got],
    [
      [0, 1, 2, 3, 4],
      [0, 1, 2, 3, 4],
    ],
  )
})

test('an error thrown by the listener is the caller’s, and the job’s promise settles', async (t) => {
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  t.after(() => {
    for (const listener of listeners) process.on('uncaughtException', listener)
  })
  const caught = new Promise((resolve) => process.once('uncaughtException', resolve))
  const onProgress = () => {
    throw new Error('the listener’s own')
  }
  assert.equal(await pool.run('reportNow', [1], { onProgress }), 1)
  assert.equal(((await caught) as Error).message, 'the listener’s own')
})
