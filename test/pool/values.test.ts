/** What goes to a worker and what comes back. */
import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { after, test } from 'node:test'
import { Pool } from '../../src/pool/pool.js'
import { rejectionOf } from './gate.js'

const pool = new Pool<typeof import('./jobs.js')>(new URL('./jobs.js', import.meta.url), { maxWorkers: 1 })
after(() => pool.close())

const cycle: Record<string, unknown> = { name: 'cycle' }
cycle['self'] = cycle
const twice = { n: 1 }
const sparse = [1, 2, 3]
delete sparse[1]

const named = Object.assign([1, 2, 3], { x: 9 })
delete named[1]

const VALUES: Record<string, unknown> = {
  undefined: undefined,
  null: null,
  booleans: [true, false],
  'small numbers': [0, 1, -1, 8388607, -8388608],
  'numbers of 32 bits': [8388608, -8388609, 2147483647, -2147483648],
  doubles: [-0, 0.1, -1e300, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 2147483648],
  bigints: [10n, -(2n ** 200n)],
  strings: ['', 'a', 'äöü', 'snow ☃', '\u{1f600}', '\ud800', 'x'.repeat(11), 'ÿ'.repeat(200), '☃'.repeat(60)],
  'long strings': ['x'.repeat(1000), '☃'.repeat(100_000)],
  objects: { a: 1, b: 'two', c: { d: [null, undefined, { e: true }] }, '': 0, '1': 'one' },
  'an object with many keys': Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`key${i}`, i])),
  'an object with a key named __proto__': JSON.parse('{"__proto__": {"a": 1}}'),
  'deeply nested': { a: { b: { c: { d: { e: { f: { g: { h: 1 } } } } } } } },
  'a cycle': cycle,
  'a sparse array': sparse,
  'an array with a hole and a name': named,
  'an array of one element and four billion holes': Object.assign([], { 4000000000: 1 }),
  'an array of many': Array.from({ length: 10_000 }, (_, i) => i * 1.5),
  'Map and Set': { map: new Map<unknown, unknown>([[1, { a: new Set([1, 'x']) }]]), set: new Set([new Map()]) },
  dates: [new Date(0), new Date(1e12)],
  regexps: [/a+b/giu],
  boxed: [Object(1), Object('s'), Object(true), Object(5n)],
  'an ArrayBuffer': new Uint8Array([1, 2, 3]).buffer,
  'small views': [
    new Uint8Array([1, 2, 255]),
    Buffer.from('hello'),
    new Float64Array([1.5, -0]),
    new Int16Array([-5]),
    new BigInt64Array([-1n]),
    new Uint8ClampedArray(0),
    new DataView(new Uint8Array([1, 2, 3]).buffer, 1, 2),
  ],
  'big views': [new Float32Array(10_000).fill(0.5), Buffer.alloc(100_000, 'ab'), new Uint32Array(200_000).fill(7)],
  'a view into the middle of a buffer': new Uint16Array(new Uint16Array([1, 2, 3, 4]).buffer, 2, 2),
  'a buffer of the slab': Buffer.from('from the slab'),
}

for (const [name, value] of Object.entries(VALUES)) {
  test(`${name}: there and back`, async () => {
    assert.deepStrictEqual(await pool.run('echo', [value]), value)
    assert.deepStrictEqual(await pool.run('echoLater', [value]), value)
  })
}

test('a named property of an array is copied as structured cloning copies it', async () => {
  const sab = new SharedArrayBuffer(4)
  const [there, back] = await pool.run('echoAll', [1, Object.assign([1], { sab })])
  assert.equal(there, 1)
  const { sab: same } = back as { sab: SharedArrayBuffer }
  new Uint8Array(same)[0] = 7
  assert.equal(new Uint8Array(sab)[0], 7)
})

test('several arguments keep their places', async () => {
  const args = [1, 'two', { three: 3 }, [4], Buffer.from('five'), undefined, null]
  assert.deepStrictEqual(await pool.run('echoAll', args), args)
  assert.deepStrictEqual(await pool.run('echoAll'), [])
})

test('an object met twice is one object on the other side', async () => {
  const [a, b] = (await pool.run('echo', [[twice, twice]])) as [object, object]
  assert.equal(a, b)
})

test('arguments are as they were when the job was given', async () => {
  const small = { n: 1 }
  const big = { list: Array.from({ length: 1000 }, () => 1) }
  const buffer = Buffer.alloc(100_000, 1)
  const exotic = { key: createSecretKey(Buffer.from('k')), n: 1 }
  const results = [small, big, buffer, exotic].map((value) => pool.run('echo', [value as unknown]))
  small.n = big.list[0] = buffer[0] = exotic.n = 2
  const [s, b, u, e] = (await Promise.all(results)) as [typeof small, typeof big, Buffer, typeof exotic]
  assert.deepEqual([s.n, b.list[0], u[0], e.n], [1, 1, 1, 1])
})

test('what Node alone can clone arrives too, in plain data and beside it', async () => {
  const key = createSecretKey(Buffer.from('secret'))
  const got = (await pool.run('echo', [{ deep: [new Map([['key', key]])], n: 1 }])) as typeof expected
  const expected = { deep: [new Map([['key', key]])], n: 1 }
  assert.equal(got.deep[0]!.get('key')!.export().toString(), 'secret')
  const blob = (await pool.run('echo', [new Blob(['abc'])])) as Blob
  assert.equal(await blob.text(), 'abc')
})

test('instances of classes arrive as plain objects', async () => {
  class Point {
    x = 1
    y = [2]
  }
  assert.deepStrictEqual(await pool.run('echo', [new Point() as object]), { x: 1, y: [2] })
})

test('what cannot be cloned rejects before the job is queued', async () => {
  for (const value of [() => {}, Symbol('s'), { deep: [() => {}] }, [Array.from({ length: 100 }, () => pool.run)]]) {
    const before = pool.stats()
    const error = await rejectionOf(pool.run('echo', [value as unknown]))
    assert.equal(error.name, 'DataCloneError')
    assert.deepEqual(pool.stats(), before)
  }
})

test('a result that cannot be cloned rejects', async () => {
  assert.equal((await rejectionOf(pool.run('returnFunction'))).name, 'DataCloneError')
})

test('more at once than the arena and the rings hold', async () => {
  const value = { text: 'x'.repeat(9000) }
  const jobs = Array.from({ length: 2000 }, () => pool.run('echo', [value]))
  for (const got of (await Promise.all(jobs)) as (typeof value)[]) assert.equal(got.text.length, 9000)
})

test('more jobs than there are records', async () => {
  const jobs = Array.from({ length: 20_000 }, (_, i) => pool.run('add', [i, 1]))
  assert.ok(pool.stats().inFlight === 20_000)
  const sums = await Promise.all(jobs)
  assert.ok(sums.every((sum, i) => sum === i + 1))
})

test('views of every size come back whole, many at once, with values beside them', async () => {
  const sizes = [1, 200, 201, 1024, 16_385, 65_536, 131_072, 131_073, 300_000]
  const jobs = Array.from({ length: 90 }, async (_, i) => {
    const view = new Uint8Array(sizes[i % sizes.length]!).fill(i)
    const [back, number, again] = (await pool.run('echoAll', [view, i, i % 2 === 0 ? 'x' : view])) as unknown[]
    assert.deepEqual(back, view)
    assert.equal(number, i)
    assert.deepEqual(again, i % 2 === 0 ? 'x' : view)
  })
  await Promise.all(jobs)
})

test('a result may be bigger or smaller than the view that came with the arguments', async () => {
  assert.deepEqual(await pool.run('grow', [new Uint8Array(1000).fill(1), 100_000]), new Uint8Array(100_000).fill(1))
  assert.deepEqual(await pool.run('grow', [new Uint8Array(100_000).fill(2), 1000]), new Uint8Array(1000).fill(2))
  assert.deepEqual(await pool.run('grow', [new Uint8Array(0), 1000]), new Uint8Array(1000))
})

test('an argument that gives a job of its own while it is read takes nothing from the other', async () => {
  const inner: Promise<unknown>[] = []
  const args = {
    before: new Uint8Array(1000).fill(1),
    get middle() {
      inner.push(pool.run('echo', [new Uint8Array(2000).fill(2)]))
      return 3
    },
  }
  assert.deepEqual(await pool.run('echo', [args]), { before: new Uint8Array(1000).fill(1), middle: 3 })
  for (const job of inner) assert.deepEqual(await job, new Uint8Array(2000).fill(2))
  assert.ok(inner.length > 0)
})
