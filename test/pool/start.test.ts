/** A thread on its way up: told to leave before it is there, never there, gone before it is. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { loadAcquire } from '../../src/lib/barrier.js'
import { Pool, type PoolOptions } from '../../src/pool/pool.js'
import { Gate, rejectionOf, sharedWords, until } from './gate.js'

const OPENED = 0
/** Less than a thread needs on a machine that is much loaded. What is tested here needs more than for ever. */
const LIMIT_MS = 2000

function make(options: PoolOptions & { gate?: Gate } = {}) {
  const { gate, ...rest } = options
  const words = sharedWords(3)
  const url = new URL('./hooks-jobs.js', import.meta.url)
  const workerData = { words, gate: gate?.words }
  const pool = new Pool<typeof import('./hooks-jobs.js')>(url, { workerData, ...rest })
  return { pool, opened: () => loadAcquire(words, OPENED) }
}

const source = (text: string): string => `data:text/javascript,${encodeURIComponent(text)}`

test('recycle of threads that are on their way up', async () => {
  for (const minWorkers of [1, 3]) {
    const { pool, opened } = make({ minWorkers, maxWorkers: 3, init: 'open' })
    await pool.recycle()
    // Those that left, and of those that take their places who is there already.
    assert.ok(opened() >= minWorkers)
    assert.equal(await pool.run('isReady'), true)
    await pool.close()
  }
})

test('recycle while init is pending, and a job waits for it', async () => {
  const gate = new Gate()
  const { pool } = make({ maxWorkers: 1, init: 'openLater', gate })
  const job = pool.run('isReady')
  await gate.reached(1)
  const recycled = Promise.all([pool.recycle(), pool.recycle()])
  gate.open()
  await recycled
  assert.equal(await job, true)
  assert.equal(gate.arrived, 2)
  await pool.close()
})

test('recycle again and again, under load', async () => {
  const { pool } = make({ maxWorkers: 2 })
  let isOn = true
  const load = Array.from({ length: 4 }, async () => {
    while (isOn) await pool.run('isReady')
  })
  for (let i = 0; i < 5; i++) await pool.recycle()
  isOn = false
  await Promise.all(load)
  await pool.close()
})

const ENDLESS: readonly [what: string, module: string, init: string | undefined][] = [
  ['a module that awaits', 'setInterval(() => {}, 9999); await new Promise(() => {})', undefined],
  ['a module in a loop', 'for (;;);', undefined],
  [
    'an import that never ends',
    `import '${source('setInterval(() => {}, 9999); await new Promise(() => {})')}'`,
    undefined,
  ],
  ['an init that awaits', 'setInterval(() => {}, 9999); export const init = () => new Promise(() => {})', 'init'],
  ['an init in a loop', 'export const init = () => { for (;;); }', 'init'],
]

describe('for ever', { concurrency: true }, () => {
  for (const [what, module, init] of ENDLESS) {
    test(what, async () => {
      const options = { maxWorkers: 1, startTimeoutMs: LIMIT_MS, ...(init && { init }) }
      const pool = new Pool<{ f(): number; g(): Iterable<number> }>(source(module), options)
      const [run, iterated] = await Promise.all([rejectionOf(pool.run('f')), rejectionOf(pool.iterate('g').next())])
      for (const error of [run, iterated]) {
        assert.equal(error['code'], 'ERR_URING_INIT')
        assert.match(error.message, /2000 ms/)
        // Where the machine let it get that far.
        if (!error.message.startsWith('a thread did not start')) {
          assert.ok(error.message.startsWith(init === undefined ? `the module of jobs, data:` : `'init', which`))
        }
      }
      // Nothing is left but the pool, and that goes on trying.
      assert.deepEqual(pool.stats().workers, [0, 0])
      assert.equal((await rejectionOf(pool.run('f')))['code'], 'ERR_URING_INIT')
      await pool.close()
    })
  }
})

test('an init that never settles, while the caller sleeps', async () => {
  const init = 'export const init = () => { for (;;); }'
  const pool = new Pool(source(init), { maxWorkers: 1, startTimeoutMs: LIMIT_MS, init: 'init' })
  assert.throws(() => pool.runSync('f'), { code: 'ERR_URING_INIT' })
  await pool.close()
})

test('what a thread ends with before it is up', async () => {
  const rows: [module: string, init: string | undefined, code: string, message: RegExp][] = [
    ['await new Promise(() => {})', undefined, 'ERR_URING_INIT', /^the module of jobs, data:.* never settles/],
    ['export const init = () => new Promise(() => {})', 'init', 'ERR_URING_INIT', /^'init', which .* never settles/],
    ['process.exit(7)', undefined, 'ERR_URING_JOBS_MODULE', /ended its thread \(exit code 7\)/],
    ['export const init = () => process.exit(7)', 'init', 'ERR_URING_INIT', /^'init', .*\(exit code 7\)/],
    [
      'export const init = () => new Promise(() => setImmediate(() => { throw new Error("oh") }))',
      'init',
      'ERR_URING_INIT',
      /^'init', .*\(oh\)/,
    ],
  ]
  const all = rows.map(async ([module, init, code, message]) => {
    const pool = new Pool(source(module), { maxWorkers: 1, ...(init && { init }) })
    const error = await rejectionOf(pool.run('f'))
    assert.equal(error['code'], code)
    assert.match(error.message, message)
    // It is no use to try that again.
    assert.equal(pool.stats().created, 1)
    await pool.close()
  })
  await Promise.all(all)
})

test('where some threads come up, jobs wait for those', async () => {
  const words = sharedWords(1)
  const module = `
    import { workerData } from 'node:worker_threads'
    export const init = () => { if (Atomics.add(workerData, 0, 1) === 0) process.exit() }
    export const f = () => 'ran'`
  const pool = new Pool(source(module), { minWorkers: 2, maxWorkers: 2, init: 'init', workerData: words })
  await until(() => loadAcquire(words, 0) > 1, 'both threads get to their init')
  assert.equal(await pool.run('f'), 'ran')
  await pool.close()
})

test('a thread that is replaced makes room as it begins to leave, not when it is gone', async () => {
  const gate = new Gate()
  const { pool } = make({ maxWorkers: 1, maxJobsPerWorker: 1, teardown: 'closeLater', gate })
  await Promise.all([pool.run('isReady'), pool.run('isReady'), pool.run('isReady')])
  assert.equal(pool.runSync('isReady'), false)
  await gate.reached(3)
  assert.equal(pool.stats().created, 4)
  gate.open()
  await pool.close()
})

test('the limit is checked', () => {
  const jobs = pathToFileURL('/dev/null')
  assert.throws(() => new Pool(jobs, { startTimeoutMs: -1 }), { code: 'ERR_OUT_OF_RANGE' })
  assert.throws(() => new Pool(jobs, { startTimeoutMs: '1' as unknown as number }), { code: 'ERR_INVALID_ARG_TYPE' })
})

test('no limit at all', async () => {
  const { pool } = make({ maxWorkers: 1, startTimeoutMs: Number.POSITIVE_INFINITY, init: 'open' })
  assert.equal(await pool.run('isReady'), true)
  await pool.close()
})
