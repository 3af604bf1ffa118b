/**
 * The position of a file behind a transfer that moved less than was asked, where the kernel leaves it behind. Main thread.
 */
import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { SEEK_CUR, SEEK_SET } from '../abi/calls.js'
import { lseek } from '../sys/file.js'
import { OrderedFile } from './lanes.js'

const folder = mkdtempSync(join(tmpdir(), 'uring-lanes-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const path = join(folder, 'file')

/** Where the position is when 3 of 8 bytes were moved from 1 on, and the kernel left it at `left`. */
function positionAfter(flags: string, left: number, isWrite: boolean, res = 3): number {
  writeFileSync(path, 'abcdefgh')
  const fd = openSync(path, flags)
  lseek(fd, 1, SEEK_SET)
  const file = new OrderedFile(fd)
  file.begin()
  lseek(fd, left, SEEK_SET)
  file.end(res, 8, isWrite)
  const position = lseek(fd, 0, SEEK_CUR)
  closeSync(fd)
  return position
}

test('a short transfer that left the position where it was moves it', () => {
  assert.equal(positionAfter('r+', 1, true), 4)
  assert.equal(positionAfter('r+', 1, false), 4)
})

test('one that moved it, and one that moved nothing or all, leaves it alone', () => {
  assert.equal(positionAfter('r+', 4, true), 4)
  assert.equal(positionAfter('r+', 6, true), 6)
  assert.equal(positionAfter('r+', 1, true, 0), 1)
  assert.equal(positionAfter('r+', 1, true, 8), 1)
})

test('a short append leaves it at the end of the file, and a read of such a file behind what was read', () => {
  assert.equal(positionAfter('a+', 1, true), 8)
  assert.equal(positionAfter('a+', 1, false), 4)
})
