/** `onStart` and `runTimeout`: a job is known to have begun. No test waits for a time to pass but the pool. */
import assert from 'node:assert/strict'
import { after, afterEach, test } from 'node:test'
import { setClock } from '../../src/lib/clock.js'
import { Pool, type RunOptions } from '../../src/pool/pool.js'
import { Gate, rejectionOf, until } from './gate.js'

type Jobs = typeof import('./stop-jobs.js')
const url = new URL('./stop-jobs.js', import.meta.url)
const pool = new Pool<Jobs>(url, { maxWorkers: 1, concurrentJobs: 1 })
after(() => pool.destroy(0))
afterEach(() => setClock(undefined))

/** Time stands still on this thread until it is moved on. */
function stopClock(): (ms: number) => void {
  let now = performance.now()
  setClock(() => now)
  return (ms) => {
    now += ms
  }
}

test('onStart is called once, without arguments, before the promise settles, the first time and later', async () => {
  for (let i = 0; i < 3; i++) {
    const calls: unknown[][] = []
    await pool.run('add', [1, 2], { onStart: (...args: unknown[]) => calls.push(args) })
    assert.deepEqual(calls, [[]])
  }
})

test('of a job that waited behind others, and of one that was taken back for a more urgent one', async () => {
  const gate = new Gate()
  const controller = new AbortController()
  const held = pool.run('heed', [gate.words], { signal: controller.signal })
  await gate.reached(1)
  const started: number[] = []
  const jobs = [0, 1, 2].map((n) => pool.run('twice', [n], { onStart: () => started.push(n) }))
  const urgent = pool.run('twice', [3], { priority: 1, onStart: () => started.push(3) })
  controller.abort()
  await Promise.all([held, urgent, ...jobs])
  assert.deepEqual(started.toSorted(), [0, 1, 2, 3])
})

test('before what the job reports', async () => {
  const heard: unknown[] = []
  const controller = new AbortController()
  const gate = new Gate()
  const job = rejectionOf(
    pool.run('reportAndLoop', [gate.words], {
      onStart: () => heard.push('start'),
      onProgress: (value) => heard.push(value),
      signal: controller.signal,
      kill: true,
    }),
  )
  await until(() => heard.length === 2, 'it has begun and reported')
  assert.deepEqual(heard, ['start', 'begun'])
  controller.abort()
  assert.equal((await job).name, 'AbortError')
})

test('a job that never began has not started, and its abort ends no thread', async () => {
  await using pool = new Pool<Jobs>(url, { maxWorkers: 1 })
  const gate = new Gate()
  const first = new AbortController()
  const held = pool.run('heed', [gate.words], { signal: first.signal })
  await gate.reached(1)
  let started = false
  const controller = new AbortController()
  const onStart = () => {
    started = true
  }
  const queued = rejectionOf(pool.run('add', [1, 2], { onStart, signal: controller.signal, kill: true }))
  controller.abort()
  assert.equal((await queued).name, 'AbortError')
  first.abort()
  await held
  assert.equal(await pool.run('add', [1, 2]), 3)
  assert.equal(started, false)
  const { died, created } = pool.stats()
  assert.deepEqual({ died, created }, { died: 0, created: 1 })
})

test('runTimeout does not count the wait, and ends the job by its own', async () => {
  for (const hard of [{}, { kill: true }] as RunOptions[]) {
    const pass = stopClock()
    const first = new AbortController()
    const gate = new Gate()
    const held = pool.run('heed', [gate.words], { signal: first.signal })
    await gate.reached(1)
    const own = new Gate()
    let hasStarted = false
    const onStart = () => {
      hasStarted = true
    }
    const name = hard.kill === true ? 'loop' : 'heed'
    const job = rejectionOf(pool.run(name, [own.words], { runTimeout: 5, timeout: 60_000, onStart, ...hard }))
    pass(1000)
    first.abort()
    await held
    await own.reached(1)
    await until(() => hasStarted, 'the pool has heard of it')
    pass(5)
    const error = await job
    assert.equal((error as { code?: unknown }).code, 'ERR_URING_TIMEOUT')
    assert.match(error.message, /\b5 ms/)
    setClock(undefined)
  }
})

test('a timeout that is over before runTimeout counts', async () => {
  const pass = stopClock()
  const gate = new Gate()
  let hasStarted = false
  const onStart = () => {
    hasStarted = true
  }
  const job = rejectionOf(pool.run('heed', [gate.words], { timeout: 3, runTimeout: 60_000, onStart }))
  await until(() => hasStarted, 'it has begun')
  pass(3)
  assert.match((await job).message, /\b3 ms/)
})

test('a job that has ended is not timed out, nor the next with its record', async () => {
  const pass = stopClock()
  for (let i = 0; i < 50; i++) assert.equal(await pool.run('add', [i, 1], { runTimeout: 1 }), i + 1)
  pass(10)
  assert.equal(await pool.run('add', [1, 2]), 3)
})

test('of a generator runTimeout counts from its start; onStart is none of its options', async () => {
  const pass = stopClock()
  const rows = pool.iterate('yieldSome', [], { runTimeout: 5, highWaterMark: 1 })
  assert.equal((await rows.next()).value, 0)
  pass(5)
  const error = await rejectionOf(
    (async () => {
      for await (const _ of rows);
    })(),
  )
  assert.equal((error as { code?: unknown }).code, 'ERR_URING_TIMEOUT')
  const bad = { onStart() {} } as object
  assert.throws(() => pool.iterate('yieldSome', [], bad), { code: 'ERR_INVALID_ARG_VALUE' })
})

test('onStart may give jobs and abort its own', async () => {
  const controller = new AbortController()
  const gate = new Gate()
  let inner: Promise<number> | undefined
  const onStart = () => {
    inner = pool.run('add', [2, 3])
    controller.abort('seen')
  }
  const job = pool.run('heed', [gate.words], { onStart, signal: controller.signal })
  assert.equal(await job, 'heeded')
  assert.equal(await inner, 5)
})

test('kill of the pool is that of jobs which say nothing; theirs goes first', async () => {
  await using hard = new Pool<Jobs>(url, { maxWorkers: 1, kill: true })
  for (const options of [undefined, { id: 1 }, { killAfter: 1 }] as (RunOptions | undefined)[]) {
    const { died } = hard.stats()
    const gate = new Gate()
    const job = rejectionOf(hard.run('loop', [gate.words], options))
    await gate.reached(1)
    assert.equal(
      hard.cancel(() => true),
      'running',
    )
    assert.equal((await job).name, 'AbortError')
    await until(() => hard.stats().died === died + 1, 'its thread is gone')
  }
  const gate = new Gate()
  const soft = hard.run('heed', [gate.words], { kill: false })
  await gate.reached(1)
  hard.cancel(() => true)
  assert.equal(await soft, 'heeded')
  assert.equal(hard.stats().died, 3)
})

test('what is wrong with them is told before anything is queued', async () => {
  const bad: [object, string][] = [
    [{ onStart: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ runTimeout: 'x' }, 'ERR_INVALID_ARG_TYPE'],
    [{ runTimeout: -1 }, 'ERR_OUT_OF_RANGE'],
  ]
  for (const [options, code] of bad) {
    assert.equal((await rejectionOf(pool.run('add', [1, 2], options)))['code'], code)
  }
  assert.throws(() => new Pool(url, { kill: 1 as unknown as boolean }), { code: 'ERR_INVALID_ARG_TYPE' })
  assert.throws(() => new Pool(url, { killAfter: -1 }), { code: 'ERR_OUT_OF_RANGE' })
  assert.throws(() => new Pool(url, { kill: false, killAfter: 5 }), { code: 'ERR_INVALID_ARG_VALUE' })
  assert.throws(() => pool.runSync('add', [1, 2], { runTimeout: 5 } as object), { code: 'ERR_INVALID_ARG_VALUE' })
})
