/** init and teardown, recycle, maxJobsPerWorker: a worker's beginning and end. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { loadAcquire } from '../../src/lib/barrier.js'
import { Pool, type PoolOptions } from '../../src/pool/pool.js'
import { retireThread } from '../../src/pool/worker/job.js'
import { Gate, rejectionOf, sharedWords, until } from './gate.js'

const OPENED = 0
const CLOSED = 1

function make(options: PoolOptions) {
  const words = sharedWords(3)
  const url = new URL('./hooks-jobs.js', import.meta.url)
  const pool = new Pool<typeof import('./hooks-jobs.js')>(url, { workerData: { words }, ...options })
  return { pool, opened: () => loadAcquire(words, OPENED), closed: () => loadAcquire(words, CLOSED) }
}

test('init is awaited before the first job, teardown before the thread ends', async () => {
  const { pool, opened, closed } = make({ maxWorkers: 2, init: 'open', teardown: 'close' })
  const gate = new Gate()
  const held = [pool.run('hold', [gate.words]), pool.run('hold', [gate.words])]
  await gate.reached(2)
  gate.open()
  await Promise.all(held)
  assert.equal(await pool.run('isReady'), true)
  assert.deepEqual([opened(), closed()], [2, 0])
  await pool.close()
  assert.deepEqual([opened(), closed()], [2, 2])
})

test('an idle worker that leaves tears down', async () => {
  const { pool, closed } = make({ maxWorkers: 2, idleTimeoutMs: 5, teardown: 'close' })
  const gate = new Gate()
  const held = [pool.run('hold', [gate.words]), pool.run('hold', [gate.words])]
  await gate.reached(2)
  gate.open()
  await Promise.all(held)
  await until(() => closed() === 1, 'one of two leaves')
  await pool.close()
  assert.equal(closed(), 2)
})

test('a worker that is killed does not', async () => {
  const { pool, closed } = make({ maxWorkers: 1, teardown: 'close' })
  await rejectionOf(pool.run('die'))
  await pool.close()
  assert.equal(closed(), 0)
})

test('a failing init fails the jobs, by code; then there is nothing to tear down', async () => {
  const { pool, closed } = make({ maxWorkers: 1, init: 'openBadly', teardown: 'close' })
  for (let i = 0; i < 2; i++) {
    const error = await rejectionOf(pool.run('isReady'))
    assert.equal(error['code'], 'ERR_URING_INIT')
    assert.equal((error.cause as { code: string }).code, 'E_DB')
  }
  await pool.close()
  assert.equal(closed(), 0)
})

test('an init that throws what has no text', async () => {
  const { pool } = make({ maxWorkers: 1, init: 'openHopelessly' })
  assert.equal((await rejectionOf(pool.run('isReady')))['code'], 'ERR_URING_INIT')
  await pool.close()
})

test('an init that the module does not export', async () => {
  const { pool } = make({ maxWorkers: 1, init: 'nothing' })
  const error = await rejectionOf(pool.run('isReady'))
  assert.equal(error['code'], 'ERR_URING_INIT')
  assert.match(error.message, /exports no function 'nothing'/)
  await pool.close()
  assert.throws(() => make({ init: 7 as never }), { code: 'ERR_INVALID_ARG_TYPE' })
})

test('a failing teardown ends the thread all the same', async () => {
  const { pool, closed } = make({ maxWorkers: 1, teardown: 'closeBadly', stderr: true })
  await pool.run('isReady')
  await pool.close()
  assert.equal(closed(), 1)
})

test('recycle replaces every worker after its job, and refuses no job meanwhile', async () => {
  const { pool, opened, closed } = make({ maxWorkers: 2, init: 'open', teardown: 'close' })
  const gate = new Gate()
  const held = pool.run('hold', [gate.words])
  await gate.reached(1)
  const unbounded = new Gate()
  const other = pool.run('hold', [unbounded.words], { unbounded: true })
  await unbounded.reached(1)
  unbounded.open()
  await other
  // One runs a job, one is idle.
  const recycled = pool.recycle()
  const meanwhile = Array.from({ length: 50 }, () => pool.run('isReady'))
  assert.ok((await Promise.all(meanwhile)).every((ready) => ready))
  await until(() => closed() === 1, 'the idle worker leaves')
  gate.open()
  await held
  await recycled
  assert.equal(closed(), 2)
  assert.ok(await pool.run('isReady'))
  assert.ok(opened() >= 3)
  await pool.close()
  assert.equal(closed(), opened())
  assert.equal(pool.stats().died, 0)
})

test('recycle of a pool without threads', async () => {
  const { pool } = make({})
  await pool.recycle()
  await pool.close()
})

test('a worker is replaced after so many jobs', async () => {
  const { pool, opened, closed } = make({ maxWorkers: 1, init: 'open', teardown: 'close', maxJobsPerWorker: 10 })
  const ready = await Promise.all(Array.from({ length: 35 }, () => pool.run('isReady')))
  assert.ok(ready.every((is) => is))
  await pool.close()
  assert.deepEqual([opened(), closed()], [4, 4])
  assert.throws(() => make({ maxJobsPerWorker: 1.5 }), { code: 'ERR_OUT_OF_RANGE' })
})

test('a teardown that fails is a warning', () => {
  const source = `import { Pool } from '${new URL('../../src/pool/pool.js', import.meta.url).href}'
    const words = new Int32Array(new SharedArrayBuffer(12))
    const jobs = new URL('${new URL('./hooks-jobs.js', import.meta.url).href}')
    for (const teardown of ['closeBadly', 'nothing']) {
      const pool = new Pool(jobs, { maxWorkers: 1, teardown, workerData: { words } })
      await pool.run('isReady')
      await pool.close()
    }`
  const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  assert.equal(status, 0, stderr)
  assert.match(stderr, /\[ERR_URING_TEARDOWN\] UringPoolWarning: 'closeBadly', .* failed: Error: it will not close/)
  assert.match(stderr, /UringPoolWarning: 'nothing', .* failed: Error: the module exports no function 'nothing'/)
})

test('a job has its thread replaced, after its end', async () => {
  const { pool, opened, closed } = make({ maxWorkers: 1, init: 'open', teardown: 'close' })
  const before = await pool.run('leave')
  const after = await pool.run('who')
  assert.notEqual(after, before)
  assert.equal(await pool.run('who'), after)
  assert.equal(opened(), 2)
  await pool.close()
  assert.equal(closed(), 2)
  retireThread() // Not in a thread of a pool.
})
