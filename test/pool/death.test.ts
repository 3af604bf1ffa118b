/** A worker's death fails the job it ran, and nothing else. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pool, type PoolOptions } from '../../src/pool/pool.js'
import { Gate, rejectionOf, sharedWords } from './gate.js'

type Jobs = typeof import('./jobs.js')
const make = (options: PoolOptions) => new Pool<Jobs>(new URL('./jobs.js', import.meta.url), options)

test('process.exit in a job: what is queued goes on', async () => {
  await using pool = make({ maxWorkers: 1 })
  const dying = rejectionOf(pool.run('die', [7]))
  const rest = Array.from({ length: 100 }, (_, i) => pool.run('add', [i, 1]))
  const error = await dying
  assert.equal(error['code'], 'ERR_URING_WORKER_DIED')
  assert.match(error.message, /exit code 7/)
  assert.deepEqual(
    await Promise.all(rest),
    rest.map((_, i) => i + 1),
  )
  assert.equal(pool.stats().died, 1)
})

test('an error outside of any job', async () => {
  await using pool = make({ maxWorkers: 1 })
  const error = await rejectionOf(pool.run('dieLater'))
  assert.equal(error['code'], 'ERR_URING_WORKER_DIED')
  assert.match(error.message, /out of the blue/)
  assert.equal((error.cause as Error).message, 'out of the blue')
  assert.equal(await pool.run('add', [1, 2]), 3)
})

test('out of memory', async () => {
  await using pool = make({ maxWorkers: 1, resourceLimits: { maxOldGenerationSizeMb: 16 } })
  const error = await rejectionOf(pool.run('eat'))
  assert.equal(error['code'], 'ERR_URING_WORKER_DIED')
  assert.equal((error.cause as { code: string }).code, 'ERR_WORKER_OUT_OF_MEMORY')
  assert.equal(await pool.run('add', [1, 2]), 3)
})

test('the rest of a key runs on, in order, on another worker', async () => {
  await using pool = make({ maxWorkers: 2 })
  const log = sharedWords(100)
  const gate = new Gate()
  const held = pool.run('hold', [gate.words], { key: 'k' })
  await gate.reached(1)
  const dying = rejectionOf(pool.run('die', [1], { key: 'k' }))
  const notes = Array.from({ length: 20 }, (_, i) => pool.run('note', [log, i], { key: 'k' }))
  gate.open()
  await held
  assert.equal((await dying)['code'], 'ERR_URING_WORKER_DIED')
  await Promise.all(notes)
  assert.deepEqual(
    [...log.subarray(1, 21)],
    Array.from({ length: 20 }, (_, i) => i),
  )
})

test('a key across both kinds of worker is free when the one that had it dies', async () => {
  await using pool = make({ maxWorkers: 1 })
  await pool.run('noop')
  const gate = new Gate()
  const dying = rejectionOf(pool.run('die', [1], { key: 'k', unbounded: true }))
  const others = Array.from({ length: 10 }, (_, i) => pool.run('add', [i, 1], { key: 'k' }))
  gate.open()
  await dying
  assert.deepEqual(
    await Promise.all(others),
    others.map((_, i) => i + 1),
  )
})

test('cancelled jobs in the hands of a worker that dies leave nothing behind', async () => {
  await using pool = make({ maxWorkers: 1 })
  const controller = new AbortController()
  const { signal } = controller
  for (let round = 0; round < 3; round++) {
    const gate = new Gate()
    const held = pool.run('hold', [gate.words], { key: 'k' })
    // Taken as one run: first, dies, cancelled ones.
    const blocker = pool.run('die', [1], { key: 'k' }).catch(() => {})
    const cancelled = Array.from({ length: 50 }, () =>
      pool.run('noop', [], { key: 'k', signal }).catch(() => 'cancelled'),
    )
    await gate.reached(1)
    if (round === 2) controller.abort()
    gate.open()
    await Promise.all([held, blocker, ...cancelled])
  }
  assert.equal(await pool.run('add', [1, 2]), 3)
  assert.equal(pool.stats().inFlight, 0)
})

test('many deaths in a row, under load', async () => {
  await using pool = make({ maxWorkers: 2 })
  const jobs: Promise<unknown>[] = []
  let died = 0
  for (let i = 0; i < 300; i++) {
    if (i % 30 === 0) {
      jobs.push(
        pool.run('die', [1]).catch((error: { code: string }) => {
          if (error.code === 'ERR_URING_WORKER_DIED') died++
        }),
      )
    } else jobs.push(pool.run('echo', [{ text: 'x'.repeat(i * 10) }]))
  }
  await Promise.all(jobs)
  assert.equal(died, 10)
})

test('a worker that cannot start fails the jobs that wait for it', async () => {
  await using pool = make({ maxWorkers: 1, execArgv: ['--import', 'data:text/javascript,process.exit(9)'] })
  const error = await rejectionOf(pool.run('noop'))
  assert.equal(error['code'], 'ERR_URING_WORKER_DIED')
  assert.match(error.message, /no worker can be started/)
})
