import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pack, unpack } from './serial.js'

function roundTrip(value: unknown): unknown {
  const { bytes, buffers } = pack(value, [])
  // As it lies in shared memory.
  const room = Buffer.from(new SharedArrayBuffer(bytes.length + 7)).subarray(7)
  room.set(bytes)
  const got = unpack(room, buffers)
  room.fill(0xff)
  return got
}

test('plain data comes back, and nothing of it lies in the bytes', () => {
  const value = {
    map: new Map([[{ a: 1 }, new Set(['x'])]]),
    bytes: Buffer.from('bytes'),
    doubles: new Float64Array([1.5]),
    date: new Date(5),
    view: new DataView(new Uint8Array([1, 2, 3]).buffer, 1),
  }
  assert.deepStrictEqual(roundTrip(value), value)
})

test('a view brings its own bytes, not the buffer around it', () => {
  const { bytes } = pack(new Uint8Array(new ArrayBuffer(10_000), 5, 10), [])
  assert.ok(bytes.length < 100)
})

test('a big view goes beside the bytes', () => {
  const big = new Float32Array(20_000).fill(1.5)
  const { bytes, buffers } = pack({ big }, [])
  assert.ok(bytes.length < 100)
  assert.equal(buffers.length, 1)
  assert.notEqual(buffers[0], big.buffer)
  assert.deepStrictEqual(unpack(bytes, buffers), { big })
})

test('a moved buffer is detached, its views are views of it on the other side', () => {
  const buffer = new ArrayBuffer(16)
  const value = { buffer, low: new Uint8Array(buffer, 0, 4), high: new Uint8Array(buffer, 8, 4) }
  const { bytes, buffers } = pack(value, [buffer])
  assert.equal(buffer.byteLength, 0)
  const got = unpack(bytes, buffers) as typeof value
  got.low[3] = 9
  assert.equal(new Uint8Array(got.buffer)[3], 9)
  assert.deepEqual([got.high.buffer === got.buffer, got.high.byteOffset], [true, 8])
})

test('a function is no plain data, and says so as structured cloning does', () => {
  assert.throws(() => pack(() => {}, []), { name: 'DataCloneError' })
})
