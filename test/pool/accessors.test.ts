/** What arguments and results have for accessors: how often they are read, and that jobs and callers see one reading. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Pool } from '../../src/pool/pool.js'

type Jobs = typeof import('./accessors-jobs.js')
const pool = new Pool<Jobs>(new URL('./accessors-jobs.js', import.meta.url), { maxWorkers: 1 })
after(() => pool.close())

/** Once more than structured cloning reads. */
const MOST = 2
const rows = (count: number) => Array.from({ length: count }, (_, i) => ({ id: i, name: `row ${i}`, price: i / 3 }))

/** Arguments around something that has an accessor; which of them leaves no doubt of how often it is read. */
const PLACES: Readonly<Record<string, (inner: object) => unknown[]>> = {
  'a small value': (inner) => [inner],
  'behind a long text': (inner) => [inner, 'x'.repeat(1000)],
  'before rows': (inner) => [inner, rows(30)],
  'behind rows': (inner) => [rows(30), inner],
  'before very many rows': (inner) => [inner, rows(3000)],
  'beside 5 MiB': (inner) => [inner, new Uint8Array(5 << 20)],
  'beside a Map': (inner) => [inner, new Map([[1, 2]])],
  'in a Map': (inner) => [new Map<unknown, unknown>([['k', new Set([inner])]])],
  'beside what only Node clones': (inner) => [inner, new URLSearchParams('a=b').size, new Blob(['x'])],
  'beside itself': (inner) => [inner, inner],
  'beside shared memory': (inner) => [inner, new SharedArrayBuffer(8), 'y'.repeat(1000)],
  'in a list that has one by index': (inner) => [
    Object.defineProperty([0, inner], 0, { get: () => 7, enumerable: true }),
  ],
  'of an object without a prototype': (inner) => [
    Object.defineProperty(Object.create(null), 'x', { ...Object.getOwnPropertyDescriptor(inner, 'x') }),
    'z'.repeat(900),
  ],
}

for (const [place, make] of Object.entries(PLACES)) {
  test(`arguments: ${place}`, async () => {
    // Which form is tried first is what the last call had.
    for (const before of [[1], rows(20), [new Map()]]) {
      await pool.run('count', [before])
      let nr = 0
      const inner = Object.defineProperty({}, 'x', { get: () => ++nr, enumerable: true })
      const seen = await pool.run('find', make(inner))
      assert.ok(nr >= 1 && nr <= MOST, `read ${nr} times`)
      assert.deepEqual(
        seen,
        seen.map(() => nr),
        'the job sees the last reading',
      )
      assert.ok(seen.length > 0)
    }
  })
}

test('arguments of which something moves are read once', async () => {
  let nr = 0
  const inner = Object.defineProperty({}, 'x', { get: () => ++nr, enumerable: true })
  const { buffer } = new Uint8Array(100)
  assert.deepEqual(await (pool.run as Pool['run']).call(pool, 'find', [inner, buffer], { transfer: [buffer] }), [1])
  assert.deepEqual([nr, buffer.byteLength], [1, 0])
})

test('results: one reading, of three at most', async () => {
  for (const size of [0, 100, 3000, 20_000]) {
    for (const kind of ['plain', 'map', 'instance'] as const) {
      const [seen, again] = await pool.run('result', [size, kind])
      const nr = await pool.run('nrRead')
      assert.ok(nr >= 1 && nr <= MOST + 1, `read ${nr} times`)
      assert.deepEqual([seen?.x, again?.x], [nr, nr], `${size} ${kind}`)
    }
  }
})

test('an accessor that throws, in whichever form', async () => {
  const bad = Object.defineProperty({}, 'x', {
    get() {
      throw new RangeError('not to be read')
    },
    enumerable: true,
  })
  for (const place of Object.values(PLACES)) {
    await assert.rejects((pool.run as Pool['run']).call(pool, 'find', place(bad)), { message: 'not to be read' })
  }
  assert.equal(pool.stats().inFlight, 0)
})
