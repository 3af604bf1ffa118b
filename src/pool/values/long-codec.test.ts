import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LongCodec } from './long-codec.js'
import { NO_ROOM } from './scalars.js'

const words = new Int32Array(new SharedArrayBuffer(32_768))
const bytes = Buffer.from(words.buffer)

/** Through one pair of codecs, as in a pool: shapes are remembered at both ends. */
function pair(): (value: unknown) => unknown {
  const [from, to] = [new LongCodec(), new LongCodec()]
  return (value) => {
    const size = from.put(value)
    assert.notEqual(size, NO_ROOM)
    bytes.set(from.bytes.subarray(0, size), 256)
    return to.get(words, bytes, 256)
  }
}

function refuses(value: unknown): boolean {
  return new LongCodec().put(value) === NO_ROOM
}

test('plain values come back as they were', () => {
  const through = pair()
  const values = [
    undefined,
    null,
    true,
    false,
    0,
    -0,
    8388607,
    -8388609,
    2147483647,
    1.5,
    Number.NaN,
    Number.NEGATIVE_INFINITY,
    '',
    'latin ÿ',
    'snow ☃',
    '\ud800',
    [],
    [[], [[1]]],
    {},
    { a: {}, b: [{}, { a: {} }] },
    { '': 1 },
    { 2: 'two', 1: 'one', x: 'x' },
    Buffer.from('bytes'),
    new Float64Array([1, 2]),
    new DataView(new ArrayBuffer(3)),
    'x'.repeat(1024),
    Array.from({ length: 20 }, (_, i) => 'y'.repeat(300) + i),
  ]
  for (const value of values) assert.deepStrictEqual(through(value), value)
  assert.deepStrictEqual(through(values.slice(0, 20)), values.slice(0, 20))
})

test('objects of one shape and of many, with values of all kinds, keep their keys in order', () => {
  const through = pair()
  for (let round = 0; round < 3; round++) {
    for (let nr = 1; nr <= 60; nr += 7) {
      const value: Record<string, unknown> = {}
      for (let i = 0; i < nr; i++) value[`key${i}`] = [i, i / 2, `${i}`, null, { i }][(i + round) % 5]
      const got = through(value) as object
      assert.deepStrictEqual(got, value)
      assert.deepStrictEqual(Object.keys(got), Object.keys(value))
    }
  }
})

test('rows name their keys once', () => {
  const rows = Array.from({ length: 150 }, (_, i) => ({ identifier: i, description: `row ${i}`, nothing: null }))
  assert.ok(new LongCodec().put(rows) < new LongCodec().put(rows.slice(0, 1)) + 149 * 32)
  assert.deepStrictEqual(pair()(rows), rows)
})

test('what comes back is the receiver’s own', () => {
  const through = pair()
  const first = through({ a: 1, list: [1] }) as { a: number; list: number[]; more?: number }
  first.a = 2
  first.list.push(2)
  first.more = 3
  assert.deepStrictEqual(through({ a: 1, list: [1] }), { a: 1, list: [1] })
})

test('more shapes than are remembered', () => {
  const through = pair()
  for (let i = 0; i < 2000; i++) {
    const value = { [`a${i % 700}`]: i, b: { [`c${i % 900}`]: 1 } }
    assert.deepStrictEqual(through(value), value)
  }
})

test('shapes whose hashes are equal are told apart', () => {
  // Each word counts 31 times the next: one less in the first is made up by 31 more in the second.
  const [one, two] = ['baaaaaaa', 'aaaa\x80aaa']
  const through = pair()
  for (const key of [one, two, one, two]) assert.deepStrictEqual(through({ [key]: 1 }), { [key]: 1 })
})

test('what has no form here is refused', () => {
  const twice = {}
  const cycle: unknown[] = []
  cycle.push(cycle)
  let deep: unknown = 1
  for (let i = 0; i < 20; i++) deep = [deep]
  const values = [
    () => {},
    Symbol('s'),
    5n,
    new Date(),
    new Map(),
    new (class {})(),
    [twice, twice],
    cycle,
    deep,
    Object.assign([1], { named: 1 }),
    // biome-ignore lint/suspicious/noSparseArray: a hole is the subject
    [1, , 2],
    JSON.parse('{"__proto__": 1}'),
    { 'zero\0': 1 },
    { 'snow ☃': 1 },
    Object.fromEntries(Array.from({ length: 600 }, (_, i) => [`k${i}`, 1])),
    'x'.repeat(1025),
    Array.from({ length: 20 }, () => 'x'.repeat(1000)),
    new Array(5000).fill(0.5),
    new Uint8Array(1025),
    new Uint8Array(new SharedArrayBuffer(8)),
    new ArrayBuffer(8),
  ]
  for (const value of values) assert.ok(refuses(value))
})

test('a getter may use the codec, and may throw', () => {
  const codec = new LongCodec()
  const value = {
    get inner() {
      assert.equal(codec.put({ a: 1 }), NO_ROOM)
      return 'inner'
    },
  }
  const size = codec.put(value)
  bytes.set(codec.bytes.subarray(0, size), 0)
  assert.deepStrictEqual(new LongCodec().get(words, bytes, 0), { inner: 'inner' })
  const thrower = {
    get boom(): never {
      throw new Error('boom')
    },
  }
  assert.throws(() => codec.put(thrower), /boom/)
  assert.notEqual(codec.put({ a: 1 }), NO_ROOM)
})

test('after values that it is not for it refuses a few unseen, and then looks again', () => {
  const codec = new LongCodec()
  const tries = (): number => {
    for (let i = 1; ; i++) if (codec.put({ a: 1 }) !== NO_ROOM) return i
  }
  for (let i = 0; i < 100; i++) codec.put(5n)
  assert.ok(tries() <= 16)
  assert.equal(tries(), 1)
})
