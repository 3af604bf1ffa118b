/** AbortSignals: before, queued, running. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Pool } from '../../src/pool/pool.js'
import { currentSignal } from '../../src/pool/worker/job.js'
import { Gate, rejectionOf, until } from './gate.js'

const pool = new Pool<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url), { maxWorkers: 1 })
after(() => pool.close())

function assertAborted(error: Error & Record<string, unknown>, reason: unknown): void {
  assert.equal(error.name, 'AbortError')
  assert.equal(error['code'], 'ABORT_ERR')
  assert.equal(error.cause, reason)
}

test('aborted before: rejects, and nothing is queued', async () => {
  const before = pool.stats()
  const reason = new Error('early')
  assertAborted(await rejectionOf(pool.run('noop', [], { signal: AbortSignal.abort(reason) })), reason)
  assert.deepEqual(pool.stats(), before)
})

test('aborted while queued: it never runs, and does not wait for what does', async () => {
  const gate = new Gate()
  const held = pool.run('hold', [gate.words])
  await gate.reached(1)
  const controller = new AbortController()
  const queued = pool.run('hold', [gate.words], { signal: controller.signal })
  controller.abort('reason')
  assertAborted(await rejectionOf(queued), 'reason')
  gate.open()
  await held
  assert.equal(gate.arrived, 1)
})

test('aborted behind a running job of its key, in the hands of the worker: it never runs', async () => {
  const gate = new Gate()
  const controller = new AbortController()
  const blocker = new Gate()
  const first = pool.run('hold', [blocker.words])
  await blocker.reached(1)
  const held = pool.run('hold', [gate.words], { key: 'k' })
  const taken = pool.run('hold', [gate.words], { key: 'k', signal: controller.signal })
  const behind = pool.run('add', [1, 2], { key: 'k' })
  blocker.open()
  await gate.reached(1)
  controller.abort()
  assertAborted(await rejectionOf(taken), controller.signal.reason)
  gate.open()
  await Promise.all([first, held])
  assert.equal(await behind, 3)
  assert.equal(gate.arrived, 1)
})

test('aborted while it runs: the job sees it in a busy loop, and its result counts', async () => {
  const gate = new Gate()
  const controller = new AbortController()
  const job = pool.run('spinUntilAborted', [gate.words], { signal: controller.signal })
  await gate.reached(1)
  controller.abort()
  assert.equal(await job, 'stopped')
})

test('aborted while it runs: throwIfAborted becomes an AbortError with the reason', async () => {
  const gate = new Gate()
  const controller = new AbortController()
  const job = pool.run('throwWhenAborted', [gate.words], { signal: controller.signal })
  await gate.reached(1)
  const reason = { any: 'reason' }
  controller.abort(reason)
  assertAborted(await rejectionOf(job), reason)
})

test('aborted while it runs: a job that does not look goes on to its end', async () => {
  const gate = new Gate()
  const controller = new AbortController()
  const job = pool.run('heedless', [gate.words], { signal: controller.signal })
  await gate.reached(1)
  controller.abort()
  gate.open()
  assert.equal(await job, 'done all the same')
})

test('aborted in the backlog', async () => {
  const gate = new Gate()
  const controller = new AbortController()
  const held = pool.run('hold', [gate.words])
  const { signal } = controller
  const jobs = Array.from({ length: 9000 }, () => pool.run('noop', [], { signal }).catch((error: Error) => error.name))
  const last = pool.run('add', [1, 1])
  controller.abort()
  assert.ok((await Promise.all(jobs)).every((name) => name === 'AbortError'))
  gate.open()
  await held
  assert.equal(await last, 2)
  assert.equal(pool.stats().inFlight, 0)
})

test('a signal for many jobs gets one listener, and none once they are done', async () => {
  const { signal } = new AbortController()
  let listeners = 0
  const { addEventListener, removeEventListener } = signal
  signal.addEventListener = (...args: unknown[]) => {
    listeners++
    Reflect.apply(addEventListener, signal, args)
  }
  signal.removeEventListener = (...args: unknown[]) => {
    listeners--
    Reflect.apply(removeEventListener, signal, args)
  }
  const jobs = Array.from({ length: 50 }, () => pool.run('noop', [], { signal }))
  assert.equal(listeners, 1)
  await Promise.all(jobs)
  assert.equal(listeners, 0)
})

test('a signal kept beyond its job tells nothing of the next job', async () => {
  assert.equal(await pool.run('keepSignal'), false)
  const gate = new Gate()
  const controller = new AbortController()
  const job = pool.run('throwWhenAborted', [gate.words], { signal: controller.signal })
  await gate.reached(1)
  controller.abort()
  await rejectionOf(job)
  assert.equal(await pool.run('askKeptSignal'), false)
})

test('outside a worker nothing is ever aborted', () => {
  assert.equal(currentSignal().aborted, false)
  currentSignal().throwIfAborted()
})

test('a job that ended before its signal aborted keeps its result', async () => {
  const controller = new AbortController()
  const job = pool.run('add', [1, 2], { signal: controller.signal })
  await until(() => pool.stats().inFlight === 0, 'the job is done')
  controller.abort()
  assert.equal(await job, 3)
})
