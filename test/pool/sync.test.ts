/** runSync: the caller sleeps until the job has ended. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { after, test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import { SharedKeys } from '../../src/pool/jobs/shared-keys.js'
import { Pool } from '../../src/pool/pool.js'
import { Gate, rejectionOf, sharedWords } from './gate.js'

const jobs = new URL('./jobs.js', import.meta.url)
const asyncJobs = new URL('./async-jobs.js', import.meta.url)
const pool = new Pool<typeof import('./jobs.js')>(jobs, { maxWorkers: 1 })
after(() => pool.close())

test('a result at once, from a worker that has yet to start and from one that sleeps', () => {
  assert.equal(pool.runSync('add', [1, 2]), 3)
  for (let i = 0; i < 100; i++) assert.equal(pool.runSync('add', [i, 1]), i + 1)
})

test('results of every size and kind, and arguments that are claimed', () => {
  assert.deepEqual(pool.runSync('echo', [{ a: [1, 'x'.repeat(1000)] }]), { a: [1, 'x'.repeat(1000)] })
  const big = 'y'.repeat(3e5)
  assert.equal(pool.runSync('echo', [big]), big)
  assert.deepEqual(pool.runSync('echo', [new Map([[{ a: 1 }, new Date(5)]])]), new Map([[{ a: 1 }, new Date(5)]]))
  const { port1, port2 } = new MessageChannel()
  pool.runSync('say', [port2, 'hello'], { transfer: [port2] })
  port1.close()
  const words = sharedWords(2)
  pool.runSync('setWord', [words.buffer as SharedArrayBuffer, 1, 7])
  assert.equal(words[1], 7)
})

test('throws what the job throws, with the caller’s stack', () => {
  let thrown: (Error & Record<string, unknown>) | undefined
  try {
    pool.runSync('fail')
  } catch (error) {
    thrown = error as typeof thrown
  }
  assert.ok(thrown instanceof TypeError)
  assert.equal(thrown['status'], 503)
  assert.match(String(thrown.stack), /jobs\.[jt]s[\s\S]*sync\.test\.[jt]s/)
  assert.throws(() => pool.runSync('nothing' as 'noop'), { code: 'ERR_URING_NO_SUCH_JOB' })
  assert.throws(() => pool.runSync('echo', [() => {}] as never), { name: 'DataCloneError' })
  assert.throws(() => pool.runSync('add', 1 as never), { code: 'ERR_INVALID_ARG_TYPE' })
})

test('jobs given before end first, and their promises settle later', async () => {
  const log = sharedWords(40)
  const before = Array.from({ length: 20 }, (_, i) => pool.run('note', [log, i]))
  pool.runSync('note', [log, 99])
  assert.deepEqual([...log.subarray(1, 22)], [...Array.from({ length: 20 }, (_, i) => i), 99])
  await Promise.all(before)
})

test('behind a full backlog, and behind its key', async () => {
  const log = sharedWords(10_010)
  const before = Array.from({ length: 10_000 }, (_, i) => pool.run('note', [log, i], { key: 'k' }))
  pool.runSync('note', [log, -1], { key: 'k' })
  assert.equal(log[10_001], -1)
  await Promise.all(before)
})

test('a worker that dies meanwhile', async () => {
  assert.throws(() => pool.runSync('die', [3]), { code: 'ERR_URING_WORKER_DIED' })
  const held = new Gate()
  held.open()
  assert.equal(pool.runSync('add', [2, 2]), 4)
  const dying = rejectionOf(pool.run('die', [3]))
  assert.equal(pool.runSync('add', [2, 3]), 5)
  assert.equal((await dying)['code'], 'ERR_URING_WORKER_DIED')
})

test('async jobs, and their progress in one go', async () => {
  await using other = new Pool<typeof import('./async-jobs.js')>(asyncJobs, { maxWorkers: 1 })
  const got: unknown[] = []
  assert.equal(other.runSync('report', [3, true], { onProgress: (value) => got.push(value) }), 'done')
  assert.equal(got.length, 3)
  const gate = new Gate()
  const pending = other.run('await_', [gate.words])
  await gate.reached(1)
  assert.equal(other.runSync('add', [1, 2]), 3)
  gate.open()
  await pending
})

test('what would wait for this very thread is refused', async () => {
  await using other = new Pool<typeof import('./async-jobs.js')>(asyncJobs, { maxWorkers: 1, concurrentJobs: 2 })
  const first = other.iterate('count', [1000], { key: 'k' })
  await first.next()
  assert.throws(() => other.runSync('add', [1, 2], { key: 'k' }), { code: 'ERR_URING_DEADLOCK' })
  assert.equal(other.runSync('add', [1, 2]), 3)
  const second = other.iterate('count', [1000])
  await second.next()
  // Both wait for this thread, and are in nobody's way.
  assert.equal(other.runSync('add', [1, 2]), 3)
  assert.equal(other.runSync('add', [1, 2], { unbounded: true }), 3)
  await first.return?.()
  assert.equal(other.runSync('add', [1, 2], { key: 'k' }), 3)
  await second.return?.()
})

test('an iteration that has ended is in nobody’s way, in the same turn of this thread too', async () => {
  await using other = new Pool<typeof import('./async-jobs.js')>(asyncJobs, { maxWorkers: 1 })
  const values = other.iterate('count', [3], { key: 'k' })
  // Its values fit the room that it has.
  while (other.stats().inFlight > 0) other.runSync('add', [0, 0])
  assert.equal(other.runSync('add', [1, 2], { key: 'k' }), 3)
  const got: number[] = []
  for await (const value of values) got.push(value)
  assert.deepEqual(got, [0, 1, 2])
})

test('nor is one that was cancelled before it began', async () => {
  const gate = new Gate()
  const held = pool.run('hold', [gate.words])
  await gate.reached(1)
  const refused = rejectionOf(pool.iterate('yieldContexts', ['none'], { key: 'k' }).next())
  assert.equal(
    pool.cancel(({ key }) => key === 'k'),
    'ok',
  )
  gate.open()
  assert.equal(pool.runSync('add', [1, 2], { key: 'k' }), 3)
  assert.equal((await refused)['code'], 'ABORT_ERR')
  await held
})

test('an iteration of a key that pools share', async () => {
  const keys = new SharedKeys()
  await using one = new Pool<typeof import('./async-jobs.js')>(asyncJobs, { maxWorkers: 1, keys })
  await using two = new Pool<typeof import('./async-jobs.js')>(asyncJobs, { maxWorkers: 1, keys })
  const values = one.iterate('count', [1000], { key: 'k' })
  await values.next()
  assert.throws(() => two.runSync('add', [1, 2], { key: 'k' }), { code: 'ERR_URING_DEADLOCK' })
  assert.equal(two.runSync('add', [1, 2], { key: 'other' }), 3)
  await values.return?.()
  assert.equal(two.runSync('add', [1, 2], { key: 'k' }), 3)
})

test('from a pool that is closed', async () => {
  const other = new Pool<typeof import('./jobs.js')>(jobs)
  await other.close()
  assert.throws(() => other.runSync('noop'), { code: 'ERR_URING_POOL_CLOSED' })
})

test('at the top of a program, in a thread of its own too', () => {
  const program = `
    import { Worker } from 'node:worker_threads'
    import { Pool } from ${JSON.stringify(new URL('../../src/pool/pool.js', import.meta.url).href)}
    const pool = new Pool(new URL(${JSON.stringify(jobs.href)}))
    console.log(pool.runSync('add', [1, 2]))
    new Worker(new URL('data:text/javascript,' + encodeURIComponent(\`
      import { Pool } from ${JSON.stringify(new URL('../../src/pool/pool.js', import.meta.url).href)}
      const pool = new Pool(new URL(${JSON.stringify(jobs.href)}))
      console.log(pool.runSync('add', [2, 2]))\`)))`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  assert.equal(stdout, '3\n4\n', stderr)
})
