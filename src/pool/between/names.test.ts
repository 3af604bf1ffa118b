import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NAMED, NameTable, readName } from './names.js'
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

test('names that nobody has proved use up half of the room, those that were proved get the rest', () => {
  const table = new NameTable(Space.create(1))
  for (let i = 0; i < MAX_NAMES / 2; i++) assert.equal(table.numberOf(`n${i}`), i)
  assert.equal(table.numberOf('good'), NAMED)
  assert.equal(table.numberOf('good'), NAMED)
  table.prove('good', NAMED)
  assert.equal(table.numberOf('good'), MAX_NAMES / 2)
  table.prove('good', NAMED)
  assert.equal(table.numberWithContext('good'), NAMED + 1)
  table.prove('good', NAMED + 1)
  assert.equal(table.numberWithContext('good'), MAX_NAMES / 2 + 1)
  for (let i = 0; i < MAX_NAMES; i++) table.prove(`proved ${i}`, NAMED)
  assert.ok(table.numberOf('proved 509') < NAMED)
  assert.equal(table.numberOf('proved 510'), NAMED)
  assert.equal(table.numberOf('n0'), 0)
})

test('bytes of names are shared out in the same way', () => {
  const long = new NameTable(Space.create(1))
  assert.equal(long.numberOf('x'.repeat(70_000)), NAMED)
  long.prove('x'.repeat(70_000), NAMED)
  assert.equal(long.numberOf('x'.repeat(40_000)), NAMED)
  long.prove('x'.repeat(40_000), NAMED)
  assert.equal(long.numberOf('x'.repeat(40_000)), 0)
  assert.equal(long.numberOf('x'), NAMED)
})

test('what is no string names no job', () => {
  const table = new NameTable(Space.create(1))
  for (const name of [7, undefined, ['hash']] as unknown[]) {
    assert.throws(() => table.numberOf(name as string), { code: 'ERR_INVALID_ARG_TYPE', message: /^the name of a job/ })
  }
})
