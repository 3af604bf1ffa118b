/** A pool whose jobs have gone has nothing of them: in test builds it looks itself, each time it comes to rest. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import { Pool } from '../../src/pool/pool.js'
import { Gate, rejectionOf } from './gate.js'

type Jobs = typeof import('./jobs.js')
const jobs = new URL('./jobs.js', import.meta.url)
const asyncJobs = new URL('./async-jobs.js', import.meta.url)

/** Arguments of every way that they can go. */
const ARGUMENTS: readonly (() => [unknown])[] = [
  () => [1],
  () => ['x'.repeat(5000)],
  () => [Buffer.alloc(100_000)],
  () => [{ rows: Array.from({ length: 400 }, (_, i) => ({ i, text: `row ${i}` })) }],
  () => [new Map([[{}, new Date()]])],
  () => [Buffer.alloc(5 << 20)],
  () => [new SharedArrayBuffer(8)],
  () => [new Blob(['x'])],
]

test('jobs with every kind of arguments that are cancelled where they wait, in every way of waiting', async () => {
  await using pool = new Pool<Jobs>(jobs, { maxWorkers: 1 })
  for (const ranked of [false, true]) {
    const gate = new Gate()
    const held = pool.run('hold', [gate.words])
    await gate.reached(1)
    const given: Promise<Error>[] = []
    const closed: Promise<unknown>[] = []
    const controller = new AbortController()
    const give = (key: unknown) => {
      for (const [i, make] of ARGUMENTS.entries()) {
        const priority = ranked ? { priority: i % 3 } : {}
        const options = { key, id: 'x', signal: controller.signal, timeout: 1e6, ...priority }
        given.push(rejectionOf(pool.run('echo', make(), options)))
        given.push(rejectionOf(pool.run('echo', make(), { key, ...priority, id: 'y' })))
      }
      const { port1, port2 } = new MessageChannel()
      given.push(rejectionOf(pool.run('say', [port2, 'x'], { key, transfer: [port2], id: 'y' })))
      // Closed with the one that its job held.
      closed.push(once(port1, 'close'))
    }
    give(undefined)
    give('k')
    const filling = Array.from({ length: 9000 }, () => pool.run('noop'))
    give(undefined)
    give('k')
    controller.abort()
    assert.equal(pool.cancel('x'), 'notfound')
    assert.equal(pool.cancel('y'), 'ok')
    for (const error of await Promise.all(given)) assert.equal(error['code' as keyof Error], 'ABORT_ERR')
    await Promise.all(closed)
    gate.open()
    await Promise.all([held, ...filling])
    // It comes to rest, and looks.
    await new Promise((resolve) => setImmediate(resolve))
  }
})

test('a key is held until the last of those that one thread took together has ended', async () => {
  const pool = new Pool<typeof import('./async-jobs.js')>(asyncJobs, { maxWorkers: 2 })
  // Ended in any case: jobs that wait at their gates would keep close() waiting.
  after(() => pool.destroy(0))
  for (let round = 0; round < 20; round++) {
    const [before, first, second, third] = [new Gate(), new Gate(), new Gate(), new Gate()]
    // Held, so that the two behind it are taken together.
    const all = [pool.run('await_', [before.words], { key: 'k' })]
    await before.reached(1)
    all.push(pool.run('await_', [first.words], { key: 'k' }), pool.run('await_', [second.words], { key: 'k' }))
    before.open()
    await first.reached(1)
    all.push(pool.run('await_', [third.words], { key: 'k' }))
    first.open()
    await second.reached(1)
    // Whoever takes one of these passes by the third, if its key is held.
    for (let i = 0; i < 5; i++) await pool.run('add', [i, 1])
    assert.equal(third.arrived, 0)
    second.open()
    await third.reached(1)
    third.open()
    await Promise.all(all)
  }
})

test('destroy rejects so many in a turn, and all of them', async () => {
  const pool = new Pool<Jobs>(jobs, { maxWorkers: 1 })
  const gate = new Gate()
  const held = pool.run('hold', [gate.words])
  await gate.reached(1)
  const nr = 20_000
  let nrRejected = 0
  for (let i = 0; i < nr; i++) {
    pool.run('echo', [i]).catch((error: { code: unknown }) => {
      assert.equal(error.code, 'ERR_URING_POOL_CLOSED')
      nrRejected++
    })
  }
  const destroyed = pool.destroy()
  gate.open()
  let most = 0
  for (let before = 0; nrRejected < nr; before = nrRejected) {
    await new Promise((resolve) => setImmediate(resolve))
    most = Math.max(most, nrRejected - before)
  }
  // Those that have records go at once.
  assert.ok(most <= 12_000, `${most} in one turn`)
  await Promise.all([held, destroyed])
})
