import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VERIFY } from '../../lib/assert.js'
import { NO_ROOM } from '../values/scalars.js'
import { Blocks, blockOf, RingReader, RingWriter } from './arena.js'
import { RING_BYTES, SEAT, Space } from './record.js'

test('blocks do not overlap, and are used again', () => {
  const blocks = new Blocks(1024, 1024 + 4096)
  const [a, b, c] = [blocks.alloc(1), blocks.alloc(256), blocks.alloc(257)]
  assert.deepEqual([a, b, c], [1024, 1280, 1536])
  blocks.free(b)
  assert.equal(blocks.alloc(200), b)
})

test('without room, or for more than a block holds, there is none', () => {
  const blocks = new Blocks(0, 1024)
  assert.equal(blocks.alloc(2000), -1)
  assert.equal(blocks.alloc(131_073), -1)
  for (let i = 0; i < 4; i++) assert.ok(blocks.alloc(10) >= 0)
  assert.equal(blocks.alloc(10), -1)
  blocks.free(256)
  assert.equal(blocks.alloc(10), 256)
})

test('a block keeps its size, whatever is in it', () => {
  const blocks = new Blocks(0, 1 << 18)
  const block = blocks.alloc(70_000)
  assert.equal(blocks.sizeOf(block), 17)
  blocks.free(block)
  assert.equal(blocks.alloc(1000), 1 << 17)
  assert.equal(blocks.alloc(131_072), block)
  assert.equal(blockOf(block | blocks.sizeOf(block)), block)
})

test('a block that is given back twice, or that nobody took, is caught', { skip: !VERIFY && 'no test build' }, () => {
  const blocks = new Blocks(0, 1 << 20)
  const [block, other] = [blocks.alloc(300), blocks.alloc(300)]
  blocks.free(block)
  assert.throws(() => blocks.free(block), /given back once/)
  assert.throws(() => blocks.free(other + 256), /by who took it/)
  assert.equal(blocks.alloc(300), block)
  blocks.free(block)
})

test('what goes into a ring comes out of it, round and round', () => {
  const space = Space.create(2)
  const writer = new RingWriter(space, 1)
  const reader = new RingReader(space)
  for (let i = 0; i < 500; i++) {
    const bytes = new Uint8Array(1 + ((i * 7919) % 16_000)).fill(i)
    const end = writer.put(bytes)
    assert.notEqual(end, NO_ROOM)
    assert.deepEqual(new Uint8Array(reader.view(1, end, bytes.length)), bytes)
    reader.done(1, end)
  }
})

test('a full ring takes nothing until something was read', () => {
  const space = Space.create(1)
  const writer = new RingWriter(space, 0)
  const reader = new RingReader(space)
  const bytes = new Uint8Array(RING_BYTES / 4)
  const ends = [1, 2, 3, 4].map(() => writer.put(bytes))
  assert.ok(!ends.includes(NO_ROOM))
  assert.equal(writer.put(bytes), NO_ROOM)
  reader.done(0, ends[0]!)
  assert.notEqual(writer.put(bytes), NO_ROOM)
})

/** Before all bits are set, and before the sign is. */
for (const before of [-RING_BYTES, (2 ** 31 - RING_BYTES) | 0]) {
  test(`the counts of a ring wrap: from ${before} on`, () => {
    const space = Space.create(1)
    space.words[space.seat(0) + (SEAT.at.ring_head >> 2)] = before
    space.words[space.seat(0) + (SEAT.at.ring_tail >> 2)] = before
    const reader = new RingReader(space)
    const writer = new RingWriter(space, 0)
    for (let i = 0; i < 100; i++) {
      const bytes = new Uint8Array(5000).fill(i)
      const end = writer.put(bytes)
      assert.notEqual(end, NO_ROOM)
      assert.deepEqual(new Uint8Array(reader.view(0, end, 5000)), bytes)
      reader.done(0, end)
    }
  })
}

test('bytes of a worker that died unread are passed over', () => {
  const space = Space.create(1)
  const reader = new RingReader(space)
  const first = new RingWriter(space, 0)
  for (let i = 0; i < 3; i++) assert.notEqual(first.put(new Uint8Array(RING_BYTES / 4)), NO_ROOM)
  const next = new RingWriter(space, 0)
  reader.done(0, next.put(new Uint8Array(RING_BYTES / 4)))
  for (let i = 0; i < 4; i++) assert.notEqual(next.put(new Uint8Array(RING_BYTES / 4)), NO_ROOM)
})
