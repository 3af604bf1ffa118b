/** Jobs that yield: their values at the caller, with room for so many on their way. */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { after, test } from 'node:test'
import { loadAcquire } from '../../src/lib/barrier.js'
import { Pool } from '../../src/pool/pool.js'
import { rejectionOf, sharedWords, until } from './gate.js'

const url = new URL('./async-jobs.js', import.meta.url)
const make = () => new Pool<typeof import('./async-jobs.js')>(url, { maxWorkers: 1 })
const pool = make()
after(() => pool.close())

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = []
  for await (const value of values) got.push(value)
  return got
}

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)

for (const name of ['count', 'countLater'] as const) {
  test(`every value arrives, in order: ${name}`, async () => {
    assert.deepEqual(await all(pool.iterate(name, [1000])), upTo(1000))
    assert.deepEqual(await all(pool.iterate(name, [50], { highWaterMark: 1 })), upTo(50))
    assert.deepEqual(await all(pool.iterate(name, [0])), [])
  })

  test(`the generator waits when nobody takes its values: ${name}`, async () => {
    const words = sharedWords(2)
    const values = pool.iterate(name, [1000, words], { highWaterMark: 8 })
    await values.next()
    await until(() => loadAcquire(words, 0) >= 8, 'the generator fills its window')
    // It takes jobs meanwhile, and goes no further.
    for (let i = 0; i < 20; i++) await pool.run('add', [i, 1])
    assert.ok(loadAcquire(words, 0) <= 9)
    for (let i = 1; i < 100; i++) assert.deepEqual(await values.next(), { done: false, value: i })
    assert.ok(loadAcquire(words, 0) <= 109)
    await values.return?.()
  })

  test(`break ends the generator, and its finally runs before the loop is left: ${name}`, async () => {
    const words = sharedWords(2)
    for await (const value of pool.iterate(name, [1e9, words])) if (value === 20) break
    assert.equal(loadAcquire(words, 1), 1)
    assert.ok(loadAcquire(words, 0) <= 21 + 16 + 1)
    assert.equal(pool.stats().inFlight, 0)
  })
}

test('what the generator returns is the last word, as of any generator', async () => {
  const values = pool.iterate('count', [1])
  assert.deepEqual(await values.next(), { done: false, value: 0 })
  assert.deepEqual(await values.next(), { done: true, value: 'all' })
  assert.deepEqual(await values.next(), { done: true, value: undefined })
  assert.deepEqual(await values.return?.('x'), { done: true, value: 'x' })
})

test('several calls of next at once are answered in order', async () => {
  const values = pool.iterate('countLater', [3])
  const got = await Promise.all([values.next(), values.next(), values.next(), values.next(), values.next()])
  assert.deepEqual(
    got.map(({ value }) => value as unknown),
    [0, 1, 2, undefined, undefined],
  )
})

test('anything that can be iterated will do, and a promise of it', async () => {
  assert.deepEqual(await all(pool.iterate('list')), ['a', 'b'])
})

test('what the generator throws comes behind its values', async () => {
  const got: number[] = []
  const error = await rejectionOf(
    (async () => {
      for await (const value of pool.iterate('failAfter', [40])) got.push(value)
    })(),
  )
  assert.deepEqual(got, upTo(40))
  assert.ok(error instanceof RangeError)
  assert.equal(error['code'], 'E_MORE')
})

test('a value that cannot be cloned ends the generator with an error', async () => {
  const words = sharedWords(2)
  const error = await rejectionOf(all(pool.iterate('uncloneable', [words])))
  assert.equal(error.name, 'DataCloneError')
  assert.equal(loadAcquire(words, 1), 1)
})

test('what cannot be iterated says so, and a generator in run() too', async () => {
  assert.equal(
    (await rejectionOf(pool.iterate('add' as never, [1, 2] as never).next()))['code'],
    'ERR_URING_NOT_ITERABLE',
  )
  assert.equal((await rejectionOf(pool.run('count', [1])))['code'], 'ERR_URING_NOT_ITERATED')
  assert.throws(() => pool.iterate('count', [1], { highWaterMark: 0 }), { code: 'ERR_OUT_OF_RANGE' })
})

test('an iterator that answers no object ends with a TypeError, as for…of does it', async () => {
  const error = await rejectionOf(pool.iterate('answersWrongly').next())
  assert.ok(error instanceof TypeError)
  assert.match(error.message, /^Iterator result 5 is not an object/)
})

test('a signal ends it with an AbortError, whether it waits or is being waited for', async () => {
  for (const [name, n] of [
    ['count', 1e9],
    ['countLater', 1e9],
  ] as const) {
    const words = sharedWords(2)
    const controller = new AbortController()
    const values = pool.iterate(name, [n, words], { signal: controller.signal })
    for (let i = 0; i < 30; i++) await values.next()
    const reason = new Error('enough')
    controller.abort(reason)
    const error = await rejectionOf(all(values))
    assert.equal(error['code'], 'ABORT_ERR')
    assert.equal(error.cause, reason)
    assert.equal(loadAcquire(words, 1), 1)
  }
})

test('return while the generator waits for something that its signal ends', async () => {
  const words = sharedWords(2)
  const values = pool.iterate('yieldThenWait', [words])
  assert.equal((await values.next()).value, 'first')
  const next = values.next()
  assert.deepEqual(await values.return?.(), { done: true, value: undefined })
  assert.deepEqual(await next, { done: true, value: undefined })
  assert.equal(loadAcquire(words, 1), 1)
})

test('return before it has begun', async () => {
  const words = sharedWords(2)
  const values = pool.iterate('count', [10, words])
  assert.deepEqual(await values.return?.(), { done: true, value: undefined })
  assert.deepEqual(await values.next(), { done: true, value: undefined })
  assert.equal(pool.stats().inFlight, 0)
})

test('aborted before: nothing is queued', async () => {
  const values = pool.iterate('count', [1], { signal: AbortSignal.abort() })
  assert.equal((await rejectionOf(values.next())).name, 'AbortError')
})

test('room given to one that has ended is not another’s', async () => {
  for (let round = 0; round < 30; round++) {
    // Its last value is taken, and room given, as its item becomes free for the next.
    assert.equal((await all(pool.iterate('count', [16], { highWaterMark: 2 }))).length, 16)
    const words = sharedWords(2)
    const values = pool.iterate('countLater', [1000, words], { highWaterMark: 2 })
    await values.next()
    await until(() => loadAcquire(words, 0) >= 3, 'the generator fills its window')
    for (let i = 0; i < 5; i++) await pool.run('add', [i, 1])
    assert.ok(loadAcquire(words, 0) <= 3)
    await values.return?.()
  }
})

test('many at once in one worker, with other jobs between', async () => {
  const lists = upTo(10).map((i) => all(pool.iterate(i % 2 === 0 ? 'count' : 'countLater', [300])))
  const sums = upTo(100).map((i) => pool.run('add', [i, i]))
  assert.ok((await Promise.all(lists)).every((list) => list.length === 300 && list.every((value, i) => value === i)))
  assert.equal((await Promise.all(sums)).length, 100)
})

test('a key is held until the generator has ended', async () => {
  const values = pool.iterate('count', [100], { key: 'k' })
  await values.next()
  let ran = false
  const behind = pool.run('add', [1, 2], { key: 'k' }).then(() => {
    ran = true
  })
  await pool.run('add', [1, 1])
  assert.equal(ran, false)
  await all(values)
  await behind
})

test('values that were sent before the worker died arrive', async () => {
  const mortal = make()
  const got: number[] = []
  const error = await rejectionOf(
    (async () => {
      for await (const value of mortal.iterate('dieAfter', [10])) got.push(value)
    })(),
  )
  assert.equal(error['code'], 'ERR_URING_WORKER_DIED')
  assert.ok(got.every((value, i) => value === i))
  await mortal.close()
})

test('destroy ends it', async () => {
  const other = make()
  const words = sharedWords(2)
  const values = other.iterate('count', [1e9, words])
  await values.next()
  await other.destroy(60_000)
  assert.equal((await rejectionOf(all(values)))['code'], 'ABORT_ERR')
  assert.equal(loadAcquire(words, 1), 1)
})

test('many of them listen to one signal once, and in the end not at all', async () => {
  const { signal } = new AbortController()
  const streams = Array.from({ length: 12 }, () => pool.iterate('count', [2], { signal }))
  assert.equal(getEventListeners(signal, 'abort').length, 1)
  assert.deepEqual(await Promise.all(streams.map(all)), new Array(12).fill([0, 1]))
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})
