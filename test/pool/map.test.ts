/** pool.map: order, bounds, and every way for it to end. */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { after, test } from 'node:test'
import { Pool } from '../../src/pool/pool.js'
import { Gate, rejectionOf } from './gate.js'

const jobs = new URL('./jobs.js', import.meta.url)
const pool = new Pool<typeof import('./jobs.js')>(jobs, { maxWorkers: 3 })
after(() => pool.close())

/** Counts up, and notes how far it was pulled and whether it was closed. */
class Source implements Iterable<number> {
  pulled = 0
  closed = 0
  readonly #length: number

  constructor(length: number) {
    this.#length = length
  }

  *[Symbol.iterator](): Generator<number> {
    try {
      while (this.pulled < this.#length) yield this.pulled++
    } finally {
      this.closed++
    }
  }
}

async function* later<T>(items: Iterable<T>): AsyncGenerator<T> {
  for (const item of items) {
    await new Promise((resolve) => setImmediate(resolve))
    yield item
  }
}

test('results in the order of the items, of any kind of iterable', async () => {
  const items = Array.from({ length: 300 }, (_, i) => i)
  assert.deepEqual(await all(pool.map(items, 'echo', { concurrency: 16 })), items)
  assert.deepEqual(await all(pool.map(items, 'echo')), items)
  assert.deepEqual(await all(pool.map(later(items), 'echo', { concurrency: 7 })), items)
  assert.deepEqual(await all(pool.map(new Set(['a', 'b']), 'echo')), ['a', 'b'])
  assert.deepEqual(await all(pool.map([], 'echo')), [])
})

async function all<T>(results: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = []
  for await (const result of results) taken.push(result)
  return taken
}

test('unordered: what is ready comes first, and nothing is lost', async () => {
  const [slow, quick] = [new Gate(), new Gate()]
  quick.open()
  const results = pool.map([slow.words, quick.words, quick.words], 'holdWhich', { concurrency: 3, ordered: false })
  // The first item's job holds its worker: both results are of the others.
  assert.deepEqual([(await results.next()).value, (await results.next()).value], ['open', 'open'])
  await slow.reached(1)
  const last = results.next()
  slow.open()
  assert.equal((await last).value, 'opened')
  assert.equal((await results.next()).done, true)
})

test('nothing begins before a result is asked for; then at most `concurrency` are pulled and not taken', async () => {
  const source = new Source(100)
  const results = pool.map(source, 'echo', { concurrency: 4 })
  await pool.run('noop')
  assert.equal(source.pulled, 0)
  for (let taken = 1; taken <= 20; taken++) {
    assert.equal((await results.next()).value, taken - 1)
    await pool.flush()
    assert.equal(source.pulled, taken + 4)
  }
  await results.return()
  assert.equal(source.closed, 1)
})

/** A map on one worker: its first result is taken, its second job runs, the rest of ten wait. */
async function halfway(signal?: AbortSignal) {
  const own = new Pool<typeof import('./jobs.js')>(jobs, { maxWorkers: 1 })
  const [open, shut] = [new Gate(), new Gate()]
  open.open()
  const source = new Source(50)
  function* gates(): Generator<Int32Array> {
    for (const i of source) yield i === 0 ? open.words : shut.words
  }
  const results = own.map(gates(), 'heedless', { concurrency: 10, ...(signal !== undefined && { signal }) })
  await results.next()
  await shut.reached(1)
  assert.deepEqual([own.stats().inFlight, own.stats().queued], [10, 9])
  return { own, source, shut, results }
}

test('break closes the source and cancels what waits; what runs is told and ends by itself', async () => {
  const { own, source, shut, results } = await halfway()
  await results.return()
  assert.equal(source.closed, 1)
  assert.deepEqual([own.stats().inFlight, own.stats().cancelled], [1, 9])
  shut.open()
  await own.close()
  assert.equal(shut.arrived, 1)
  assert.equal((await results.next()).done, true)
})

test('a signal does the same, and is what the taker gets', async () => {
  const controller = new AbortController()
  const { own, source, shut, results } = await halfway(controller.signal)
  const next = rejectionOf(results.next())
  controller.abort('enough')
  const error = await next
  assert.equal(error['code'], 'ABORT_ERR')
  assert.equal(error.cause, 'enough')
  assert.equal(source.closed, 1)
  assert.deepEqual([own.stats().inFlight, own.stats().cancelled], [1, 9])
  shut.open()
  await own.close()
  assert.equal(shut.arrived, 1)
})

test('a job that fails ends it in its place, and closes the source', async () => {
  const source = new Source(50)
  function* items(): Generator<number> {
    yield* source
  }
  const taken: unknown[] = []
  const error = await rejectionOf(
    (async () => {
      for await (const result of pool.map(items(), 'failOn', { concurrency: 5 })) taken.push(result)
    })(),
  )
  assert.equal(error.message, 'not 13')
  assert.deepEqual(
    taken,
    Array.from({ length: 13 }, (_, i) => i),
  )
  assert.equal(source.closed, 1)
  await pool.flush()
  assert.equal(pool.stats().inFlight, 0)
})

test('a source that throws ends it behind the results of its items', async () => {
  function* broken(): Generator<number> {
    yield 1
    yield 2
    throw new RangeError('no more')
  }
  for (const source of [broken(), later(broken())]) {
    const taken: unknown[] = []
    const error = await rejectionOf(
      (async () => {
        for await (const result of pool.map<'echo'>(source, 'echo', { concurrency: 4 })) taken.push(result)
      })(),
    )
    assert.equal(error.message, 'no more')
    assert.deepEqual(taken, [1, 2])
  }
})

test('a source that never gives an item does not keep the results back, nor a signal', async () => {
  let closed = false
  async function* stuck(): AsyncGenerator<number> {
    try {
      yield 1
      await new Promise(() => {})
    } finally {
      closed = true
    }
  }
  const controller = new AbortController()
  const results = pool.map(stuck(), 'echo', { signal: controller.signal })
  assert.equal((await results.next()).value, 1)
  const next = rejectionOf(results.next())
  controller.abort()
  assert.equal((await next)['code'], 'ABORT_ERR')
  assert.equal((await results.next()).done, true)
  assert.equal(closed, false)
})

test('aborted before: nothing is pulled', async () => {
  const source = new Source(3)
  const results = pool.map(source, 'echo', { signal: AbortSignal.abort('why') })
  assert.equal((await rejectionOf(results.next())).cause, 'why')
  assert.equal(source.pulled, 0)
})

test('unordered, at length', async () => {
  const items = Array.from({ length: 300 }, (_, i) => i)
  const results = await all(pool.map(later(items), 'echo', { concurrency: 9, ordered: false }))
  assert.deepEqual(
    results.sort((a, b) => Number(a) - Number(b)),
    items,
  )
})

test('it waits for room under queueLimit', async () => {
  await using own = new Pool<typeof import('./jobs.js')>(jobs, { maxWorkers: 1, queueLimit: 2 })
  const items = Array.from({ length: 100 }, (_, i) => i)
  const [a, b] = await Promise.all([
    all(own.map(items, 'echo', { concurrency: 8 })),
    all(own.map(items, 'echo', { concurrency: 8 })),
  ])
  assert.deepEqual([a, b], [items, items])
})

test('options are checked at once', () => {
  assert.throws(() => pool.map([], 'echo', { concurrency: 0 }), { code: 'ERR_OUT_OF_RANGE' })
  assert.throws(() => pool.map([], 'echo', { timeout: -1 }), { code: 'ERR_OUT_OF_RANGE' })
})

test('what is no source, or no name, is refused at once', () => {
  const bad = pool as unknown as { map(source: unknown, name: unknown): unknown }
  for (const [source, name] of [
    [undefined, 'echo'],
    [7, 'echo'],
    ['echo', [1, 2]],
    [[1], undefined],
  ]) {
    assert.throws(() => bad.map(source, name), {
      code: 'ERR_INVALID_ARG_TYPE',
      message: /^(map takes|the name of a job)/,
    })
  }
})

test('many of them listen to one signal once, and in the end not at all', async () => {
  const { signal } = new AbortController()
  const maps = Array.from({ length: 12 }, () => pool.map([1, 2], 'echo', { signal }))
  assert.deepEqual(
    (await Promise.all(maps.map((map) => map.next()))).map(({ value }) => value as number),
    new Array(12).fill(1),
  )
  assert.equal(getEventListeners(signal, 'abort').length, 1)
  await Promise.all(maps.map((map) => map.return()))
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})

test('a source that answers no object ends with a TypeError, as for…of does it', async () => {
  const source = { [Symbol.iterator]: () => ({ next: () => 5 as never }) }
  const error = await rejectionOf(pool.map(source, 'echo').next())
  assert.ok(error instanceof TypeError)
  assert.match(error.message, /^Iterator result 5 is not an object/)
})
