/** pool.cancel: by id and by what jobs are; waiting, in a worker's hands, running, in the backlog. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type JobInfo, Pool } from '../../src/pool/pool.js'
import { Gate, rejectionOf } from './gate.js'

const pool = new Pool<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url), { maxWorkers: 1 })
after(() => pool.close())

/** Keeps the one worker busy. */
async function block(): Promise<{ gate: Gate; held: Promise<number> }> {
  const gate = new Gate()
  const held = pool.run('hold', [gate.words], { id: 'blocker' })
  await gate.reached(1)
  return { gate, held }
}

test('a job that waits is cancelled by its id: it never runs, and the others do', async () => {
  const { gate, held } = await block()
  const id = { any: 'object' }
  const before = pool.stats().cancelled
  const first = rejectionOf(pool.run('hold', [gate.words], { id }))
  const second = rejectionOf(pool.run('hold', [gate.words], { id }))
  const other = pool.run('add', [1, 2], { id: { any: 'object' } })
  assert.equal(pool.cancel(id), 'ok')
  for (const error of await Promise.all([first, second])) {
    assert.equal(error.name, 'AbortError')
    assert.equal(error['code'], 'ABORT_ERR')
  }
  assert.equal(pool.cancel(id), 'notfound')
  assert.equal(pool.stats().cancelled, before + 2)
  gate.open()
  await held
  assert.equal(gate.arrived, 1)
  assert.equal(await other, 3)
})

test('one that runs is told, and its result counts', async () => {
  const gate = new Gate()
  const job = pool.run('spinUntilAborted', [gate.words], { id: 7 })
  await gate.reached(1)
  assert.equal(pool.cancel('7'), 'notfound')
  assert.equal(pool.cancel(7), 'running')
  assert.equal(await job, 'stopped')
  const thrower = pool.run('throwWhenAborted', [gate.words], { id: 8 })
  await gate.reached(2)
  assert.equal(pool.cancel(8), 'running')
  assert.equal((await rejectionOf(thrower))['code'], 'ABORT_ERR')
})

test('the function sees each job as it is', async () => {
  const { gate, held } = await block()
  const jobs = [
    pool.run('add', [1, 1], { key: 'k', id: 1 }),
    pool.run('noop', [], { unbounded: true, key: 'u' }),
    pool.run('echo', ['x']),
  ]
  // An unbounded job has threads of its own: it is waiting, running or gone.
  const seen: JobInfo[] = []
  assert.equal(
    pool.cancel((job) => {
      if (!job.unbounded) seen.push(job)
      return false
    }),
    'notfound',
  )
  const plain = { id: undefined, key: undefined, priority: 0, unbounded: false, running: false }
  assert.deepEqual(
    seen.sort((a, b) => a.name.localeCompare(b.name)),
    [
      { ...plain, name: 'add', key: 'k', id: 1 },
      { ...plain, name: 'echo' },
      { ...plain, name: 'hold', id: 'blocker', running: true },
    ],
  )
  assert.equal(
    pool.cancel((job) => job.name === 'add' && job.key === 'k'),
    'ok',
  )
  assert.equal((await rejectionOf(jobs[0]!))['code'], 'ABORT_ERR')
  gate.open()
  await Promise.all([held, ...jobs.slice(1)])
})

test('of several the strongest answer; without `all` one, that waits if any does', async () => {
  const gate = new Gate()
  const running = pool.run('spinUntilAborted', [gate.words], { id: 'x' })
  await gate.reached(1)
  const waiting = [1, 2].map((n) => pool.run('add', [n, 0], { id: 'x' }).catch(() => 'cancelled'))
  assert.equal(pool.cancel('x', { all: false }), 'ok')
  assert.equal(pool.stats().queued, 1)
  assert.equal(pool.cancel('x'), 'running')
  assert.equal(await running, 'stopped')
  assert.deepEqual(await Promise.all(waiting), ['cancelled', 'cancelled'])
})

test('behind a running job of its key, in the hands of the worker', async () => {
  const { gate, held } = await block()
  const inRun = new Gate()
  const first = pool.run('hold', [inRun.words], { key: 'k' })
  const taken = rejectionOf(pool.run('hold', [inRun.words], { key: 'k', id: 'taken' }))
  const behind = pool.run('add', [1, 2], { key: 'k' })
  gate.open()
  await inRun.reached(1)
  assert.equal(pool.cancel('taken'), 'ok')
  assert.equal((await taken)['code'], 'ABORT_ERR')
  inRun.open()
  await Promise.all([held, first])
  assert.equal(await behind, 3)
  assert.equal(inRun.arrived, 1)
})

test('in the backlog, those without an id among them', async () => {
  const { gate, held } = await block()
  const jobs = Array.from({ length: 9000 }, (_, i) => pool.run('add', [i, 0], { id: i }).catch(() => -1))
  assert.equal(pool.cancel(8999), 'ok')
  assert.equal(await jobs[8999], -1)
  assert.equal(
    pool.cancel(({ id }) => typeof id === 'number' && id % 2 === 0),
    'ok',
  )
  gate.open()
  await held
  const results = await Promise.all(jobs)
  assert.ok(results.every((result, i) => result === (i % 2 === 0 || i === 8999 ? -1 : i)))
})

test('a function that throws cancels nothing, and one that gives jobs does no harm', async () => {
  const { gate, held } = await block()
  const job = pool.run('add', [2, 2])
  assert.throws(
    () =>
      pool.cancel(() => {
        throw new RangeError('mine')
      }),
    { name: 'RangeError', message: 'mine' },
  )
  const given: Promise<number>[] = []
  pool.cancel(() => {
    if (given.length < 3) given.push(pool.run('add', [given.length, 1]))
    return false
  })
  gate.open()
  await held
  assert.equal(await job, 4)
  assert.deepEqual(
    await Promise.all(given),
    given.map((_, i) => i + 1),
  )
})

test('an id is no function', async () => {
  assert.equal((await rejectionOf(pool.run('noop', [], { id: () => {} })))['code'], 'ERR_INVALID_ARG_TYPE')
})

test('options changed after the call change nothing, in the backlog either', async () => {
  const { gate, held } = await block()
  const options: { key: unknown; id: unknown } = { key: 'before', id: 'before' }
  const jobs = Array.from({ length: 8500 }, () => pool.run('noop', [], options))
  options.key = 'after'
  options.id = 'after'
  let nrBefore = 0
  pool.cancel(({ key, id }) => {
    if (key === 'before' && id === 'before') nrBefore++
    return false
  })
  assert.equal(nrBefore, 8500)
  gate.open()
  await Promise.all([held, ...jobs])
})

test('kill ends the thread of a job that does not look, and nothing else', async () => {
  const gate = new Gate()
  const stuck = rejectionOf(pool.run('heedless', [gate.words], { id: 'stuck' }))
  await gate.reached(1)
  const queued = pool.run('add', [1, 2], { id: 'stuck' })
  assert.equal(pool.kill('another'), 0)
  assert.equal(
    pool.kill(({ name }) => name === 'add'),
    0,
    'it has not begun',
  )
  assert.equal(pool.kill('stuck'), 1)
  assert.equal((await stuck)['code'], 'ERR_URING_WORKER_DIED')
  assert.equal(await queued, 3)
})
