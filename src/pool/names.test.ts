import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NameTable, readName } from './names.js'
import { MAX_NAMES, Space } from './record.js'

test('a name has one number, and is read on the other side', () => {
  const space = Space.create(1)
  const table = new NameTable(space)
  const other = Space.attach(space.sab)
  for (const name of ['hash', 'größe', '']) {
    const number = table.numberOf(name)
    assert.equal(table.numberOf(name), number)
    assert.equal(readName(other, number), name)
  }
  assert.notEqual(table.numberOf('hash'), table.numberOf('größe'))
})

test('there is room for so many, and for so many bytes', () => {
  const many = new NameTable(Space.create(1))
  for (let i = 0; i < MAX_NAMES; i++) assert.ok(many.numberOf(`n${i}`) >= 0)
  assert.equal(many.numberOf('one more'), -1)
  assert.ok(many.numberOf('n0') >= 0)
  const long = new NameTable(Space.create(1))
  assert.equal(long.numberOf('x'.repeat(70_000)), -1)
  assert.ok(long.numberOf('x') >= 0)
})

test('what is no string names no job', () => {
  const table = new NameTable(Space.create(1))
  for (const name of [7, undefined, ['hash']] as unknown[]) {
    assert.throws(() => table.numberOf(name as string), { code: 'ERR_INVALID_ARG_TYPE', message: /^the name of a job/ })
  }
})
