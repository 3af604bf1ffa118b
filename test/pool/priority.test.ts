/** `priority`: who begins first, among whom, and what it leaves as it was. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Pool } from '../../src/pool/pool.js'
import { Gate, rejectionOf, sharedWords } from './gate.js'

const jobs = new URL('./jobs.js', import.meta.url)
const pool = new Pool<typeof import('./jobs.js')>(jobs, { maxWorkers: 1, maxUnbounded: 1 })
after(() => pool.close())

/** Holds the one worker of a kind while `give` gives jobs that note their numbers; returns these in the order begun. */
async function begun(
  give: (note: (number: number, options?: object) => Promise<void>) => Promise<unknown>[],
  unbounded = false,
) {
  const gate = new Gate()
  const held = pool.run('hold', [gate.words], { unbounded })
  await gate.reached(1)
  const log = sharedWords(20_000)
  const given = give((number, options) => pool.run('note', [log, number], { unbounded, ...options }))
  gate.open()
  await Promise.all([held, ...given])
  return [...log.subarray(1, 1 + log[0]!)]
}

test('higher first, then as given; those given before without one are overtaken too', async () => {
  const order = await begun((note) => [
    note(1),
    note(2),
    note(3, { priority: -1 }),
    note(4, { priority: 5 }),
    note(5),
    note(6, { priority: 9 }),
    note(7, { priority: 5 }),
  ])
  assert.deepEqual(order, [6, 4, 7, 1, 2, 5, 3])
})

test('the unbounded have an order of their own', async () => {
  assert.deepEqual(await begun((note) => [note(1), note(2, { priority: 1 })], true), [2, 1])
})

test('no job overtakes one of its key: those before it are hurried', async () => {
  const order = await begun((note) => [
    note(1),
    note(2, { key: 'k' }),
    note(3, { key: 'k' }),
    note(4, { key: 'other', priority: 1 }),
    note(5, { key: 'k', priority: 2 }),
    note(6, { key: 'k' }),
  ])
  assert.deepEqual(order, [2, 3, 5, 4, 1, 6])
})

test('where records are exhausted, in the backlog as well', async () => {
  const nr = 9000
  const order = await begun((note) => {
    const bulk = Array.from({ length: nr }, (_, i) => note(i, { key: i % 2 === 0 ? i : undefined }))
    return [...bulk, note(-1, { priority: 1 }), note(-2, { priority: 2 }), note(nr), note(-3, { priority: -1 })]
  })
  assert.deepEqual(order.slice(0, 2), [-2, -1])
  assert.deepEqual(
    order.slice(2, -1),
    Array.from({ length: nr + 1 }, (_, i) => i),
  )
  assert.equal(order.at(-1), -3)
})

test('a low one that alone is in line is overtaken by what comes later', async () => {
  const order = await begun((note) => [note(1, { priority: -1 }), note(2), note(3, { priority: -2 }), note(4)])
  assert.deepEqual(order, [2, 4, 1, 3])
})

test('a low one in line is overtaken by what comes turns of the event loop later', async () => {
  const gate = new Gate()
  const held = pool.run('hold', [gate.words])
  await gate.reached(1)
  const log = sharedWords(4)
  const low = pool.run('note', [log, 1], { priority: -1 })
  for (let i = 0; i < 3; i++) await pool.run('noop', [], { unbounded: true })
  const later = pool.run('note', [log, 2])
  gate.open()
  await Promise.all([held, low, later])
  assert.deepEqual([...log.subarray(1, 3)], [2, 1])
})

test('jobs of a key keep their order while workers take them and urgent ones come', async () => {
  await using own = new Pool<typeof import('./jobs.js')>(jobs, { maxWorkers: 2 })
  const nr = 6000
  const log = sharedWords(nr + 1)
  const given: Promise<void>[] = []
  for (let i = 0; i < nr; i++) {
    given.push(own.run('note', [log, i], { key: 'log' }))
    if (i % 10 === 9) given.push(own.run('noop', [], { priority: 1 }))
    if (i % 50 === 49) await own.run('noop', [], { unbounded: true })
  }
  await Promise.all(given)
  assert.ok(log.subarray(1).every((number, i) => number === i))
})

test('once nobody has one, order is as given again', async () => {
  await begun((note) => [note(1, { priority: 3 })])
  const order = await begun((note) => Array.from({ length: 200 }, (_, i) => note(i)))
  assert.ok(order.every((number, i) => number === i))
})

test('those that wait by priority are cancelled, aborted, timed out, flushed and counted like others', async () => {
  const gate = new Gate()
  const held = pool.run('hold', [gate.words])
  await gate.reached(1)
  const controller = new AbortController()
  const log = sharedWords(4)
  const low = Array.from({ length: 300 }, () => pool.run('noop', [], { priority: -1 }))
  const ends = [
    pool.run('note', [log, 1], { id: 'x' }),
    pool.run('note', [log, 2], { signal: controller.signal }),
    pool.run('note', [log, 3], { timeout: 1, priority: -2 }),
  ].map(rejectionOf)
  const flushed = pool.flush()
  // They take the three above back from io-wq's list, and fill it.
  const high = Array.from({ length: 100 }, (_, i) => pool.run('add', [i, 2], { priority: 1 }))
  assert.equal(pool.stats().queued, 403)
  assert.equal(pool.cancel('x'), 'ok')
  controller.abort()
  assert.deepEqual(
    (await Promise.all(ends)).map((error) => error['code']),
    ['ABORT_ERR', 'ABORT_ERR', 'ERR_URING_TIMEOUT'],
  )
  assert.equal(pool.stats().queued, 400)
  gate.open()
  await flushed
  await Promise.all([held, ...low])
  assert.ok((await Promise.all(high)).every((sum, i) => sum === i + 2))
  assert.equal(log[0], 0)
})

test('arguments of every size, taken back and given again', async () => {
  const values = [1, 'x'.repeat(150), new Array(5000).fill(7), Buffer.alloc(200_000, 3), new Map([[1, sharedWords(1)]])]
  const gate = new Gate()
  const held = pool.run('hold', [gate.words])
  await gate.reached(1)
  const given = values.map((value) => pool.run('echo', [value]))
  const high = pool.run('add', [1, 2], { priority: 1 })
  gate.open()
  await held
  assert.equal(await high, 3)
  assert.deepEqual(await Promise.all(given), values)
})

test('progress and generators, taken back and given again', async () => {
  const gate = new Gate()
  const held = pool.run('hold', [gate.words])
  await gate.reached(1)
  const reported: unknown[] = []
  const given = pool.run('reportAndReturn', [5], { onProgress: (value) => reported.push(value) })
  const values = pool.iterate('yieldContexts', ['none', 1, 2])
  const high = pool.run('add', [1, 2], { priority: 1 })
  const low = pool.run('reportAndReturn', [6], { priority: -1, onProgress: (value) => reported.push(value) })
  gate.open()
  assert.deepEqual([await held, await high, await given, await low].slice(1), [3, 5, 6])
  assert.deepEqual(reported, [5, 6])
  const yielded: unknown[] = []
  for await (const value of values) yielded.push(value)
  assert.deepEqual(yielded, [undefined, undefined, 1, 2])
})

test('a key that comes free takes back what is less urgent and was given meanwhile', async () => {
  const [first, second] = [new Gate(), new Gate()]
  const log = sharedWords(300)
  const begun = pool.run('hold', [first.words], { key: 'k' })
  await first.reached(1)
  const given = [
    pool.run('note', [log, -1], { key: 'k', priority: 2 }),
    pool.run('hold', [second.words]),
    ...Array.from({ length: 100 }, (_, i) => pool.run('note', [log, i])),
  ]
  first.open()
  await begun
  // The one thread has the next in hand by now, or soon: all others stand behind what waited for its key.
  await second.reached(1)
  second.open()
  await Promise.all(given)
  assert.deepEqual([...log.subarray(1, 102)], [-1, ...Array.from({ length: 100 }, (_, i) => i)])
})

test('an urgent job hurries all of its key, however many, and those behind it stay behind', async () => {
  const urgent = Array.from({ length: 3000 }, (_, i) => i)
  const order = await begun((note) => [
    ...urgent.map((number) => note(number, { key: 'k', priority: number })),
    note(-2),
    note(-1, { priority: 9000 }),
  ])
  assert.deepEqual(order, [-1, ...urgent, -2])
})

test('a busy key keeps nobody else waiting', async () => {
  await using own = new Pool<typeof import('./jobs.js')>(jobs, { maxWorkers: 2 })
  const gate = new Gate()
  const held = own.run('hold', [gate.words], { key: 'k', priority: 1 })
  await gate.reached(1)
  const behind = Array.from({ length: 500 }, () => own.run('noop', [], { key: 'k', priority: 2 }))
  assert.equal(await own.run('add', [1, 2], { priority: 1 }), 3)
  assert.equal(await own.run('add', [1, 2], { priority: -1 }), 3)
  gate.open()
  await Promise.all([held, ...behind])
})

test('destroy rejects what waits by priority', async () => {
  const own = new Pool<typeof import('./jobs.js')>(jobs, { maxWorkers: 1 })
  const gate = new Gate()
  const held = rejectionOf(own.run('hold', [gate.words]))
  await gate.reached(1)
  const given = Array.from({ length: 200 }, (_, i) => rejectionOf(own.run('noop', [], { priority: i % 3 })))
  await own.destroy(0)
  for (const error of await Promise.all([held, ...given])) assert.equal(error['code'], 'ERR_URING_POOL_CLOSED')
})

test('a mixture of thousands, with keys: all run once, each key in order', async () => {
  await using own = new Pool<typeof import('./jobs.js')>(jobs, { maxWorkers: 2, maxUnbounded: 2 })
  const nrKeys = 10
  const logs = Array.from({ length: nrKeys }, () => sharedWords(2001))
  const sums: Promise<number>[] = []
  for (let i = 0; i < 10_000; i++) {
    const options = { priority: (i * 7) % 5, unbounded: i % 11 === 0 }
    if (i % 3 !== 0) sums.push(own.run('add', [i, 0], options))
    else void own.run('note', [logs[i % nrKeys]!, i], { priority: (i * 7) % 5, key: i % nrKeys })
    if (i % 1000 === 0) await own.run('noop', [], { priority: 9 })
  }
  assert.equal(new Set(await Promise.all(sums)).size, sums.length)
  await own.flush()
  for (const [key, log] of logs.entries()) {
    const expected = Array.from({ length: 10_000 }, (_, i) => i).filter((i) => i % 3 === 0 && i % nrKeys === key)
    assert.deepEqual([...log.subarray(1, 1 + log[0]!)], expected)
  }
})

test('a priority is an integer', async () => {
  const run = (priority: unknown) => rejectionOf(pool.run('noop', [], { priority: priority as number }))
  assert.equal((await run(1.5))['code'], 'ERR_OUT_OF_RANGE')
  assert.equal((await run('1'))['code'], 'ERR_INVALID_ARG_TYPE')
})
