/**
 * struct(): where it puts fields, what it refuses, and what its hash tells apart. Main thread.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionError } from './assert.js'
import { type FieldType, type Row, struct } from './layout.js'

const row = (name: string, type: FieldType = 'u32'): Row => [name, type, 'owner', 'a word']
const rowAt = (name: string, type: FieldType, offset: number): Row => [name, type, 'owner', 'a word', offset]

/** struct() with names that are not literals, so that any can be asked for. */
function offsetsOf(rows: readonly Row[]): Record<string, number> {
  return struct('t', rows).at
}

function throwsAssertion(make: () => unknown, message: RegExp): void {
  const lay = () => (make() as { size?: number } | undefined)?.size
  assert.throws(lay, (error) => error instanceof AssertionError && message.test(error.message))
}

test('fields follow each other in the order of their rows', () => {
  assert.deepEqual(offsetsOf([row('a'), row('b'), row('c')]), { a: 0, b: 4, c: 8 })
})

test('every type has its width', () => {
  const bytes = (type: FieldType) => struct('t', [row('a', type)]).fields[0]!.bytes
  const types: FieldType[] = ['u8', 'u16', 'u32', 's32', 'u64', 's64', 'u8[7]', 'u32[3]']
  assert.deepEqual(types.map(bytes), [1, 2, 4, 4, 8, 8, 7, 12])
})

test('a field is aligned to its own width', () => {
  const rows = [row('a', 'u8'), row('b', 'u16'), row('c', 'u8'), row('d', 'u32'), row('e', 'u64')]
  assert.deepEqual(offsetsOf(rows), { a: 0, b: 2, c: 4, d: 8, e: 16 })
})

test('an array is aligned to its element', () => {
  const rows = [row('a', 'u8'), row('b', 'u8[5]'), row('c', 'u32[2]'), row('d', 'u8')]
  assert.deepEqual(offsetsOf(rows), { a: 0, b: 1, c: 8, d: 16 })
})

test('a bare string starts a new 64-byte line', () => {
  const rows = ['one', row('a'), row('b'), 'two', row('c'), 'three', row('d', 'u8[65]'), 'four', row('e')]
  assert.deepEqual(offsetsOf(rows), { a: 0, b: 4, c: 64, d: 128, e: 256 })
})

test('a field tells the title of its line', () => {
  const { fields } = struct('t', [row('a'), 'one', row('b'), row('c'), 'two', row('d')])
  assert.deepEqual(
    fields.map(({ name, line }) => `${name} ${line}`),
    ['a ', 'b one', 'c one', 'd two'],
  )
})

test('two titles in a row do not leave a line empty', () => {
  assert.deepEqual(offsetsOf(['one', 'two', row('a')]), { a: 0 })
})

test('a stated offset is taken, and what follows goes on behind it', () => {
  assert.deepEqual(offsetsOf([rowAt('a', 'u32', 16), row('b')]), { a: 16, b: 20 })
})

test('fields with the same stated offset are a union, as wide as its widest', () => {
  const union = struct('t', [rowAt('a', 'u64', 8), rowAt('b', 'u16', 8), rowAt('c', 'u32', 12), row('d')])
  assert.deepEqual(union.at, { a: 8, b: 8, c: 12, d: 16 })
})

test('the size is padded to 4, to 8 with a 64-bit field, to 64 with lines', () => {
  assert.equal(struct('t', [row('a', 'u8')]).size, 4)
  assert.equal(struct('t', [row('a', 'u8[5]')]).size, 8)
  assert.equal(struct('t', [row('a', 's64'), row('b')]).size, 16)
  assert.equal(struct('t', ['one', row('a', 'u64')]).size, 64)
  assert.equal(struct('t', ['one', row('a'), 'two', row('b')]).size, 128)
})

test('a field knows what its row said', () => {
  const { fields } = struct('t', [['sq_tail', 'u32', 'app', 'next slot to fill', 4]])
  const expected = { name: 'sq_tail', type: 'u32', writtenBy: 'app', meaning: 'next slot to fill', offset: 4, bytes: 4 }
  assert.deepEqual(fields, [{ ...expected, line: '' }])
})

test('a duplicate name throws', () => {
  throwsAssertion(() => struct('t', [row('a'), row('b'), row('a')]), /t\.a is named twice/)
  throwsAssertion(() => struct('t', [rowAt('a', 'u32', 0), rowAt('a', 'u32', 0)]), /t\.a is named twice/)
})

test('a misaligned stated offset throws', () => {
  throwsAssertion(() => struct('t', [rowAt('a', 'u32', 2)]), /t\.a is misaligned at 2/)
  throwsAssertion(() => struct('t', [rowAt('a', 'u64', 4)]), /t\.a is misaligned at 4/)
  throwsAssertion(() => struct('t', [rowAt('a', 'u32[2]', 6)]), /t\.a is misaligned at 6/)
})

test('an unknown type throws', () => {
  throwsAssertion(() => struct('t', [row('a', 'u128' as FieldType)]), /unknown field type u128/)
})

test('the same table has the same hash', () => {
  const make = () => struct('t', ['one', row('a'), row('b', 'u64')]).hash
  assert.equal(make(), make())
})

test('the hash changes with a name, a type, an offset, the order, the size and the name of the table', () => {
  const hashes = [
    struct('t', [row('a'), row('b')]),
    struct('u', [row('a'), row('b')]),
    struct('t', [row('a'), row('c')]),
    struct('t', [row('a'), row('b', 's32')]),
    struct('t', [row('a'), rowAt('b', 'u32', 8)]),
    struct('t', [row('b'), row('a')]),
    struct('t', [row('a'), row('b'), row('c')]),
    struct('t', ['one', row('a'), row('b')]),
  ].map(({ hash }) => hash)
  assert.equal(new Set(hashes).size, hashes.length)
})

test('the hash leaves out who writes a field and what it means', () => {
  const { hash } = struct('t', [['a', 'u32', 'worker', 'something else']])
  assert.equal(hash, struct('t', [row('a')]).hash)
})

test('the hash is an int32, so that it can be stored in shared memory', () => {
  const { hash } = struct('t', [row('a')])
  assert.equal(hash, hash | 0)
})
