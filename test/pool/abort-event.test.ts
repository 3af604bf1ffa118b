/** The abort event in jobs that await. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { Pool } from '../../src/pool/pool.js'
import { Gate, rejectionOf } from './gate.js'

const pool = new Pool<typeof import('./async-jobs.js')>(new URL('./async-jobs.js', import.meta.url), { maxWorkers: 1 })
after(() => pool.close())

test('the signal fires', async () => {
  const gate = new Gate()
  const controller = new AbortController()
  const job = pool.run('awaitAbort', [gate.words], { signal: controller.signal })
  await gate.reached(1)
  controller.abort()
  assert.deepEqual(await job, [true, true, 'AbortError'])
})

for (const name of ['sleepLong', 'sleepLongAny'] as const) {
  test(`what takes a signal takes the job’s: ${name}`, async () => {
    const gate = new Gate()
    const controller = new AbortController()
    const job = pool.run(name, [gate.words], { signal: controller.signal })
    await gate.reached(1)
    const reason = new Error('enough')
    controller.abort(reason)
    const error = await rejectionOf(job)
    assert.equal(error['code'], 'ABORT_ERR')
    assert.equal(error.cause, reason)
  })
}

test('fetch takes the job’s signal', async (t) => {
  const server = createServer(() => {
    controller.abort()
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const controller = new AbortController()
  const { port } = server.address() as AddressInfo
  const error = await rejectionOf(pool.run('fetchLong', [`http://127.0.0.1:${port}/`], { signal: controller.signal }))
  assert.equal(error['code'], 'ABORT_ERR')
})

test('an abort fires in its own job alone', async () => {
  const gates = [new Gate(), new Gate()]
  const controllers = gates.map(() => new AbortController())
  const jobs = gates.map((gate, i) => pool.run('awaitAbort', [gate.words], { signal: controllers[i]!.signal }))
  await Promise.all(gates.map((gate) => gate.reached(1)))
  controllers[1]!.abort()
  await jobs[1]
  assert.equal(pool.stats().inFlight, 1)
  controllers[0]!.abort()
  await jobs[0]
})

test('destroy fires it too', async () => {
  const other = new Pool<typeof import('./async-jobs.js')>(new URL('./async-jobs.js', import.meta.url))
  const gate = new Gate()
  const job = other.run('awaitAbort', [gate.words])
  await gate.reached(1)
  await other.destroy(60_000)
  assert.deepEqual(await job, [true, true, 'AbortError'])
})
