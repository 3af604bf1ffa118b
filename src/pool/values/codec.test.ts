import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Codec, type SharedBuffers } from './codec.js'
import { NO_ROOM } from './scalars.js'

const sabs: SharedArrayBuffer[] = []
const shared: SharedBuffers = {
  idOf: (sab) => sabs.push(sab) - 1,
  byId: (id) => sabs[id]!,
}
const WORDS = 52

function make(): Codec {
  return new Codec(new Int32Array(new SharedArrayBuffer(4 * (WORDS + 8))), shared)
}

function roundTrip(value: unknown): unknown {
  const codec = make()
  assert.notEqual(codec.put(4, 4 + WORDS, value), NO_ROOM)
  return codec.get(4)
}

test('small values come back as they were', () => {
  const values = [
    undefined,
    null,
    true,
    0,
    -0,
    -8388608,
    8388608,
    -2147483648,
    1.5,
    Number.NaN,
    '',
    'latin ÿ',
    'snow ☃',
    [],
    [1, [2, ['x']]],
    {},
    { a: { b: [null] }, '': 1 },
    Buffer.from('bytes'),
    new Float64Array([1, 2]),
    new DataView(new ArrayBuffer(3)),
  ]
  for (const value of values) assert.deepStrictEqual(roundTrip(value), value)
})

test('what structured cloning treats in its own way is refused', () => {
  const twice = {}
  const values = [
    () => {},
    Symbol('s'),
    5n,
    new Date(),
    new Map(),
    new (class {})(),
    [twice, twice],
    Object.assign([1], { named: 1 }),
    // biome-ignore lint/suspicious/noSparseArray: a hole is the subject
    [1, , 2],
    JSON.parse('{"__proto__": 1}'),
    new (class extends Uint8Array {})(2),
    { a: { b: { c: { d: { e: { f: 1 } } } } } },
  ]
  for (const value of values) assert.equal(make().put(0, WORDS, value), NO_ROOM)
})

test('a value too big is refused, and not a word is written behind the end', () => {
  for (const value of ['x'.repeat(209), '☃'.repeat(104), new Uint8Array(300), Array.from({ length: 60 }, () => 0.5)]) {
    const codec = make()
    codec.words.fill(0x7777, WORDS)
    assert.equal(codec.put(0, WORDS, value), NO_ROOM)
    assert.ok(codec.words.subarray(WORDS).every((word) => word === 0x7777))
  }
})

test('a value of just the room there is', () => {
  // Strings, bytes and numbers of every length around the end.
  for (let n = 0; n < 230; n++) {
    for (const value of ['a'.repeat(n), new Uint8Array(n), Array.from({ length: n }, () => 1)]) {
      const codec = make()
      codec.words.fill(0x7777, WORDS)
      const next = codec.put(0, WORDS, value)
      if (next !== NO_ROOM) {
        assert.ok(next <= WORDS)
        assert.deepStrictEqual(codec.get(0), value)
      }
      assert.ok(codec.words.subarray(WORDS).every((word) => word === 0x7777))
    }
  }
})

test('several values, one behind the other', () => {
  const codec = make()
  const values = [1, 'two', [3], { four: 4 }]
  assert.notEqual(codec.putAll(0, WORDS, values), NO_ROOM)
  assert.deepEqual(codec.getAll(0, 4), values)
})

test('shared buffers travel by number', () => {
  const sab = new SharedArrayBuffer(32)
  assert.equal(roundTrip(sab), sab)
  const view = roundTrip(new Int16Array(sab, 4, 3)) as Int16Array
  assert.equal(view.buffer, sab)
  assert.deepEqual([view.byteOffset, view.length], [4, 3])
})

test('a view too big for the record goes far, one of each list of values, and comes back as it was', () => {
  const far: Uint8Array[] = []
  const bases: number[] = []
  const put = (base: number, bytes: Uint8Array) => {
    bases.push(base)
    return far.push(bytes.slice()) - 1
  }
  const words = new Int32Array(new SharedArrayBuffer(4 * (WORDS + 8)))
  const codec = new Codec(words, shared, { put, view: (place) => far[place]! })
  const big = Float64Array.from({ length: 100 }, (_, i) => i / 3)
  assert.notEqual(codec.putAll(4, 4 + WORDS, ['a', { big }, 7]), NO_ROOM)
  assert.deepEqual(codec.getAll(4, 3), ['a', { big }, 7])
  assert.notEqual(codec.put(5, 4 + WORDS, Buffer.alloc(1000, 'b')), NO_ROOM)
  const buffer = codec.get(5) as Buffer
  assert.ok(Buffer.isBuffer(buffer) && buffer.equals(Buffer.alloc(1000, 'b')))
  assert.deepEqual(bases, [4, 5])
  assert.equal(codec.putAll(4, 4 + WORDS, [big, big]), NO_ROOM)
  assert.equal(far.length, 3)
})
