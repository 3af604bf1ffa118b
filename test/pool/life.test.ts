/** From the first job to the last thread: close, destroy, limits, and a process that ends by itself. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { test } from 'node:test'
import { Pool, type PoolOptions } from '../../src/pool/pool.js'
import { Gate, rejectionOf, sharedWords, until } from './gate.js'

type Jobs = typeof import('./jobs.js')
const jobs = new URL('./jobs.js', import.meta.url)
const make = (options: PoolOptions = {}) => new Pool<Jobs>(jobs, options)

/** Threads of this process that are io-wq workers. */
function workerThreads(): number {
  const names = readdirSync('/proc/self/task').map((tid) => {
    try {
      return readFileSync(`/proc/self/task/${tid}/comm`, 'latin1')
    } catch {
      return ''
    }
  })
  return names.filter((name) => name.startsWith('iou-wrk-')).length
}

test('close finishes all that was given, and leaves no thread', async () => {
  const pool = make({ maxWorkers: 2 })
  const given = Array.from({ length: 500 }, (_, i) => pool.run('add', [i, 0]))
  const later = pool.run('echoLater', ['x'])
  const unbounded = pool.run('echo', ['u'], { unbounded: true })
  const closed = pool.close()
  assert.equal((await rejectionOf(pool.run('noop')))['code'], 'ERR_URING_POOL_CLOSED')
  await closed
  assert.equal(workerThreads(), 0)
  assert.equal((await Promise.all(given)).length, 500)
  assert.deepEqual([await later, await unbounded], ['x', 'u'])
  assert.equal(pool.close(), pool.close())
})

test('close of a pool that never ran a job', async () => {
  await make().close()
})

test('await using closes', async () => {
  let job: Promise<number>
  {
    await using pool = make()
    job = pool.run('add', [1, 2])
  }
  assert.equal(workerThreads(), 0)
  assert.equal(await job, 3)
})

test('destroy rejects what is queued, tells what runs, and kills what does not listen', async () => {
  const pool = make({ maxWorkers: 1 })
  const deaf = new Gate()
  const listening = new Gate()
  const stuck = rejectionOf(pool.run('hold', [deaf.words]))
  const told = pool.run('spinUntilAborted', [listening.words], { unbounded: true })
  await Promise.all([deaf.reached(1), listening.reached(1)])
  const queued = rejectionOf(pool.run('noop'))
  await pool.destroy(500)
  assert.equal(workerThreads(), 0)
  assert.equal(await told, 'stopped')
  assert.equal((await queued)['code'], 'ERR_URING_POOL_CLOSED')
  assert.equal((await stuck)['code'], 'ERR_URING_POOL_CLOSED')
})

test('destroy while workers are being started', async () => {
  const pool = make({ maxWorkers: 2 })
  const job = rejectionOf(pool.run('noop'))
  await pool.destroy()
  assert.equal((await job)['code'], 'ERR_URING_POOL_CLOSED')
  assert.equal(workerThreads(), 0)
})

test('destroy after close hurries it', async () => {
  const pool = make({ maxWorkers: 1 })
  const gate = new Gate()
  const stuck = rejectionOf(pool.run('hold', [gate.words]))
  await gate.reached(1)
  const closed = pool.close()
  await pool.destroy(0)
  await closed
  assert.equal((await stuck)['code'], 'ERR_URING_POOL_CLOSED')
})

test('no more jobs run at once than there may be workers', async () => {
  await using pool = make({ maxWorkers: 2 })
  const words = sharedWords(1)
  const results = await Promise.all(Array.from({ length: 200 }, () => pool.run('inside', [words, 200])))
  assert.ok(Math.max(...results) <= 1)
  assert.ok(pool.stats().workers[0] <= 2)
})

test('blocked jobs make room for others, up to the limit', async () => {
  await using pool = make({ maxWorkers: 6 })
  const gate = new Gate()
  const held = Array.from({ length: 6 }, () => pool.run('hold', [gate.words]))
  await gate.reached(6)
  assert.equal(pool.stats().workers[0], 6)
  gate.open()
  assert.equal(new Set(await Promise.all(held)).size, 6)
})

const skip = availableParallelism() < 2 && 'jobs that spin need a CPU each'

test('after a flood of short jobs, long ones still run beside each other', { skip }, async () => {
  await using pool = make({ maxWorkers: 2 })
  const flood = () => Promise.all(Array.from({ length: 500 }, (_, i) => pool.run('add', [i, 1])))
  for (let i = 0; i < 5; i++) await flood()
  const words = sharedWords(2)
  await Promise.all([pool.run('meet', [words, 2]), pool.run('meet', [words, 2])])
  await flood()
  const first = pool.run('meet', [words, 4])
  pool.runSync('meet', [words, 4])
  await first
})

test('unbounded jobs take no worker from the others', async () => {
  await using pool = make({ maxWorkers: 1, maxUnbounded: 3 })
  const gate = new Gate()
  const held = Array.from({ length: 5 }, () => pool.run('hold', [gate.words], { unbounded: true }))
  await gate.reached(3)
  assert.equal(await pool.run('add', [1, 1]), 2)
  assert.deepEqual(pool.stats().workers, [1, 3])
  assert.equal(gate.arrived, 3)
  gate.open()
  await Promise.all(held)
})

test('limits change while the pool runs', async () => {
  await using pool = make({ maxWorkers: 1, maxUnbounded: 2 })
  const gate = new Gate()
  const held = Array.from({ length: 3 }, () => pool.run('hold', [gate.words]))
  await gate.reached(1)
  assert.deepEqual(pool.maxWorkers(3, 0), [1, 2])
  await gate.reached(3)
  assert.deepEqual(pool.maxWorkers(0, 0), [3, 2])
  gate.open()
  await Promise.all(held)
})

test('a limit on the queue', async () => {
  await using pool = make({ maxWorkers: 1, queueLimit: 2 })
  const gate = new Gate()
  const held = [pool.run('hold', [gate.words]), pool.run('hold', [gate.words])]
  assert.equal((await rejectionOf(pool.run('noop')))['code'], 'ERR_URING_QUEUE_FULL')
  gate.open()
  await Promise.all(held)
  await pool.run('noop')
})

test('idle workers leave after a while, but for one', async () => {
  await using pool = make({ maxWorkers: 3, idleTimeoutMs: 20 })
  const gate = new Gate()
  const held = Array.from({ length: 3 }, () => pool.run('hold', [gate.words]))
  await gate.reached(3)
  gate.open()
  await Promise.all(held)
  await until(() => pool.stats().workers[0] === 1, 'two of three workers leave')
  assert.equal(await pool.run('add', [1, 2]), 3)
})

test('an idle timeout without end is one', async () => {
  await using pool = make({ maxWorkers: 2, idleTimeoutMs: Number.POSITIVE_INFINITY })
  for (let round = 0; round < 20; round++) {
    const words = new Int32Array(new SharedArrayBuffer(4))
    await Promise.all([pool.run('meet', [words, 2]), pool.run('meet', [words, 2])])
    await pool.run('noop')
  }
  assert.equal(pool.stats().created, 2)
})

test('minWorkers are started at once, stay, and are replaced', async () => {
  await using pool = make({ minWorkers: 2, maxWorkers: 3, idleTimeoutMs: 10 })
  assert.deepEqual(pool.stats().workers, [2, 0])
  const gate = new Gate()
  const held = Array.from({ length: 3 }, () => pool.run('hold', [gate.words]))
  await gate.reached(3)
  gate.open()
  const threads = new Set(await Promise.all(held))
  await until(() => pool.stats().workers[0] === 2, 'one of three workers leaves')
  assert.equal(threads.size, 3)
  await rejectionOf(pool.run('die', [1]))
  await until(() => pool.stats().created === 4, 'the dead one is replaced')
  assert.equal(pool.stats().workers[0], 2)
  // Both are live: they hold two jobs at once.
  const again = new Gate()
  const two = [pool.run('hold', [again.words]), pool.run('hold', [again.words])]
  await again.reached(2)
  again.open()
  await Promise.all(two)
})

test('with exit-on-idle all threads leave, minWorkers too; without it these come back', async () => {
  await using pool = make({ minWorkers: 1, maxWorkers: 2 })
  assert.equal(await pool.run('add', [1, 2]), 3)
  await pool.run('noop', [], { unbounded: true })
  pool.setExitOnIdle(true)
  await until(() => pool.stats().workers.every((count) => count === 0), 'all threads leave')
  assert.equal(await pool.run('add', [1, 2]), 3)
  await until(() => pool.stats().workers[0] === 0, 'the new one leaves as well')
  pool.setExitOnIdle(false)
  assert.equal(pool.stats().workers[0], 1)
  assert.equal(await pool.run('add', [1, 2]), 3)
})

test('minWorkers are counted in threads, and no more than there may be', () => {
  assert.throws(() => make({ minWorkers: -1 }), { code: 'ERR_OUT_OF_RANGE' })
  assert.throws(() => make({ minWorkers: 3, maxWorkers: 2 }), { code: 'ERR_OUT_OF_RANGE' })
  assert.throws(() => make({ minWorkers: '1' as unknown as number }), { code: 'ERR_INVALID_ARG_TYPE' })
})

test('options for workers reach them', async () => {
  await using pool = make({ maxWorkers: 1, workerData: { a: [1] } })
  assert.deepEqual(await pool.run('data'), { a: [1] })
})

/** Runs a program; what it prints, once it has ended by itself. */
function run(program: string): string {
  const head = `
    import { Pool } from ${JSON.stringify(new URL('../../src/pool/pool.js', import.meta.url).href)}
    const jobs = new URL(${JSON.stringify(jobs.href)})\n`
  const args = ['--input-type=module', '--eval', head + program]
  const child = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 30_000 })
  assert.equal(child.status, 0, `status ${child.status} ${child.signal}: ${child.stderr}`)
  return child.stdout
}

test('a process ends by itself with an idle pool that nobody closed', () => {
  assert.equal(run(`const pool = new Pool(jobs); console.log(await pool.run('add', [1, 2]))`), '3\n')
  assert.equal(run(`new Pool(jobs)`), '')
  assert.equal(run(`const pool = new Pool(jobs, { minWorkers: 2 }); await pool.run('noop')`), '')
  assert.equal(run(`new Pool(jobs, { minWorkers: 2 })`), '')
})

test('a process does not end while a job runs', () => {
  assert.equal(run(`const pool = new Pool(jobs); pool.run('echoLater', ['late']).then(console.log)`), 'late\n')
  const wait = `new Int32Array(new SharedArrayBuffer(8))`
  const out = run(`
    const pool = new Pool(jobs), gate = ${wait}
    pool.run('hold', [gate]).then(() => console.log('released'))
    setTimeout(() => { Atomics.store(gate, 1, 1); Atomics.notify(gate, 1) }, 300).unref()`)
  assert.equal(out, 'released\n')
})

test('timeouts and priorities keep no process alive', () => {
  const options = `{ timeout: 600_000, priority: 1, id: 1 }`
  const out = run(
    `const pool = new Pool(jobs); console.log(await pool.run('add', [1, 2], ${options})); await pool.flush({ timeout: 600_000 })`,
  )
  assert.equal(out, '3\n')
})

test('what a job prints is seen', () => {
  assert.equal(run(`const pool = new Pool(jobs); await pool.run('log', ['text']); await pool.close()`), 'text\ntext\n')
})

test('a thread’s exit handlers run', async () => {
  const path = `/tmp/uring-pool-${process.pid}`
  const pool = make({ maxWorkers: 1 })
  await pool.run('writeAtExit', [path])
  await pool.close()
  assert.equal(readFileSync(path, 'utf8'), 'left')
})

test('a pool in a worker that is terminated takes nothing down with it', () => {
  const out = run(`
    import { Worker } from 'node:worker_threads'
    const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(\`
      import { parentPort } from 'node:worker_threads'
      import { Pool } from ${JSON.stringify(new URL('../../src/pool/pool.js', import.meta.url).href)}
      const pool = new Pool(new URL(${JSON.stringify(jobs.href)}), { maxWorkers: 2 })
      await pool.run('noop')
      pool.run('hold', [new Int32Array(new SharedArrayBuffer(8))])
      setTimeout(() => parentPort.postMessage('up'), 50)\`)))
    worker.on('message', async () => { await worker.terminate(); console.log('terminated') })`)
  assert.equal(out, 'terminated\n')
})
