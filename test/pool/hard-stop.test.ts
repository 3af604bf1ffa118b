/** `kill` and `killAfter`: jobs that do not look, and what is beside them. No test waits for a time to pass but the pool. */
import assert from 'node:assert/strict'
import { after, afterEach, test } from 'node:test'
import { loadAcquire } from '../../src/lib/barrier.js'
import { setClock } from '../../src/lib/clock.js'
import { NodePools } from '../../src/pool/node-pools.js'
import { Pool, type PoolOptions, type RunOptions } from '../../src/pool/pool.js'
import { Gate, rejectionOf, sharedWords, until } from './gate.js'

type Jobs = typeof import('./stop-jobs.js')
const url = new URL('./stop-jobs.js', import.meta.url)
const make = (options: PoolOptions = {}) => new Pool<Jobs>(url, { maxWorkers: 1, ...options })

type Stop = (options: RunOptions) => { options: RunOptions; stop: () => void; assertError: (error: Error) => void }

afterEach(() => setClock(undefined))

/** Until it is stopped no time passes. */
const byTimeout: Stop = (options) => {
  const now = performance.now()
  setClock(() => now)
  return {
    options: { timeout: 1, ...options },
    stop: () => setClock(undefined),
    assertError: (error) => {
      assert.equal(error.name, 'TimeoutError')
      assert.equal((error as { code?: unknown }).code, 'ERR_URING_TIMEOUT')
    },
  }
}
const bySignal: Stop = (options) => {
  const controller = new AbortController()
  return {
    options: { signal: controller.signal, ...options },
    stop: () => controller.abort('enough'),
    assertError: (error) => {
      assert.equal(error.name, 'AbortError')
      assert.equal((error as { code?: unknown }).code, 'ABORT_ERR')
      assert.equal(error.cause, 'enough')
    },
  }
}
const WAYS = { timeout: byTimeout, signal: bySignal }
const HARD: readonly RunOptions[] = [{ kill: true }, { killAfter: 20 }]

for (const [way, by] of Object.entries(WAYS)) {
  for (const hard of HARD) {
    for (const name of ['loop', 'waitForEver', 'never'] as const) {
      test(`${name}, by its ${way}, ${JSON.stringify(hard)}`, async () => {
        await using pool = make()
        const gate = new Gate()
        const { options, stop, assertError } = by(hard)
        const job = rejectionOf(pool.run(name, [gate.words], options))
        await gate.reached(1)
        // Beside a pending promise it would begin at once, and end with the thread.
        const before = name === 'never' ? undefined : pool.run('add', [1, 2])
        stop()
        assertError(await job)
        assert.equal(await (before ?? pool.run('add', [1, 2])), 3)
        await until(() => pool.stats().died === 1, 'the thread is gone')
        const { inFlight, died, failed, completed } = pool.stats()
        assert.deepEqual({ inFlight, died, failed, completed }, { inFlight: 0, died: 1, failed: 1, completed: 1 })
      })
    }
  }
}

test('one that looks ends by itself, and its thread stays', async () => {
  await using pool = make()
  for (const name of ['heed', 'heedLater'] as const) {
    const gate = new Gate()
    const controller = new AbortController()
    const job = pool.run(name, [gate.words], { signal: controller.signal, killAfter: 60_000 })
    await gate.reached(1)
    controller.abort()
    assert.equal(await job, 'heeded')
  }
  assert.equal(pool.stats().created, 1)
})

test('what is beside it fails if it has begun, and is run elsewhere if not', async () => {
  await using pool = make()
  const gate = new Gate()
  const controller = new AbortController()
  const beside = [1, 2, 3].map(() => rejectionOf(pool.run('never', [gate.words])))
  await gate.reached(3)
  const loop = rejectionOf(pool.run('loop', [gate.words], { key: 'k', signal: controller.signal, kill: true }))
  // In the thread's hands, behind the loop.
  const log = sharedWords(8)
  const behind = [1, 2, 3].map((n) => pool.run('note', [log, n], { key: 'k' }))
  const others = [4, 5].map((n) => pool.run('note', [log, n]))
  await gate.reached(4)
  controller.abort()
  assert.equal((await loop)['code'], 'ABORT_ERR')
  for (const error of await Promise.all(beside)) {
    assert.equal(error['code'], 'ERR_URING_WORKER_DIED')
    assert.match(error.message, /a job beside it, 'loop', did not stop/)
  }
  await Promise.all([...behind, ...others])
  assert.equal(log[0], 5)
  const order = [...log.subarray(1, 6)].filter((n) => n <= 3)
  assert.deepEqual(order, [1, 2, 3])
})

test('iterate: next() rejects, and leaving early kills nothing', async () => {
  await using pool = make()
  const gate = new Gate()
  const controller = new AbortController()
  const values = pool.iterate('yieldThenLoop', [gate.words], { signal: controller.signal, kill: true })
  assert.deepEqual(await values.next(), { done: false, value: 1 })
  const more = rejectionOf(values.next())
  await gate.reached(1)
  controller.abort()
  assert.equal((await more)['code'], 'ABORT_ERR')
  await until(() => pool.stats().died === 1, 'the thread is gone')
  for await (const value of pool.iterate('yieldSome', [], { kill: true, timeout: 60_000 })) {
    assert.equal(value, 0)
    break
  }
  assert.equal(pool.stats().died, 1)
})

test('map: the job that does not stop is ended with its thread, and break kills nothing', async () => {
  await using pool = make()
  const gate = new Gate()
  const { options, stop, assertError } = byTimeout({ kill: true })
  const first = rejectionOf(pool.map([gate.words], 'loop', options).next())
  await gate.reached(1)
  stop()
  assertError(await first)
  for await (const sum of pool.map([1, 2, 3], 'twice', { kill: true, concurrency: 3 })) {
    assert.equal(sum, 2)
    break
  }
  await pool.flush()
  await until(() => pool.stats().died === 1, 'the thread is gone')
})

test('runSync', async () => {
  await using pool = make()
  const gate = new Gate()
  assert.equal(pool.runSync('add', [1, 2]), 3)
  assert.throws(() => pool.runSync('loop', [gate.words], { timeout: 300, kill: true }), { code: 'ERR_URING_TIMEOUT' })
  assert.equal(pool.runSync('add', [1, 2]), 3)
})

test('cancel stops it as well', async () => {
  await using pool = make()
  const gate = new Gate()
  const job = rejectionOf(pool.run('loop', [gate.words], { id: 7, kill: true }))
  await gate.reached(1)
  assert.equal(pool.cancel(7), 'running')
  assert.equal(pool.cancel(7), 'notfound')
  assert.equal((await job)['code'], 'ABORT_ERR')
})

const nodes = new NodePools<Jobs>(url, { maxWorkers: 1 })
after(() => nodes.close())
test('NodePools', async () => {
  const job = nodes.run('loop', [new Gate().words], { timeout: 300, kill: true })
  assert.equal((await rejectionOf(job))['code'], 'ERR_URING_TIMEOUT')
  assert.equal(await nodes.run('add', [1, 2]), 3)
})

test('what it has reported is delivered before, and no more after', async () => {
  await using pool = make()
  const gate = new Gate()
  const told: unknown[] = []
  const controller = new AbortController()
  const options = { signal: controller.signal, kill: true, onProgress: (value: unknown) => told.push(value) }
  const job = rejectionOf(pool.run('reportAndLoop', [gate.words], options))
  await gate.reached(1)
  controller.abort()
  assert.deepEqual(told, ['begun'])
  assert.equal((await job)['code'], 'ABORT_ERR')
})

test('a listener that cancels, and destroys, while it is told', async () => {
  const pool = make()
  const gate = new Gate()
  const controller = new AbortController()
  let destroyed: Promise<void> | undefined
  const onProgress = () => {
    pool.cancel(1)
    destroyed = pool.destroy(0)
  }
  const options = { id: 1, signal: controller.signal, kill: true, onProgress }
  const job = rejectionOf(pool.run('reportAndLoop', [gate.words], options))
  await gate.reached(1)
  controller.abort()
  assert.equal((await job)['code'], 'ABORT_ERR')
  await (destroyed ?? pool.destroy())
})

test('close waits for it, and flush does not', async () => {
  const pool = make()
  const gate = new Gate()
  const controller = new AbortController()
  const job = rejectionOf(pool.run('loop', [gate.words], { signal: controller.signal, kill: true }))
  await gate.reached(1)
  controller.abort()
  await pool.flush()
  assert.equal((await job)['code'], 'ABORT_ERR')
  await pool.close()
  assert.equal(loadAcquire(gate.words, 0), 1)
  assert.deepEqual(pool.stats().workers, [0, 0])
})

test('bad options', async () => {
  await using pool = make()
  const codes = [
    [{ kill: 1 }, 'ERR_INVALID_ARG_TYPE'],
    [{ killAfter: '1' }, 'ERR_INVALID_ARG_TYPE'],
    [{ killAfter: -1 }, 'ERR_OUT_OF_RANGE'],
    [{ kill: false, killAfter: 1 }, 'ERR_INVALID_ARG_VALUE'],
  ] as const
  for (const [options, code] of codes) {
    assert.equal((await rejectionOf(pool.run('add', [1, 2], options as RunOptions)))['code'], code)
  }
  assert.equal(await pool.run('add', [1, 2], { kill: false }), 3)
  assert.equal(await pool.run('add', [1, 2], { killAfter: Number.POSITIVE_INFINITY }), 3)
})
