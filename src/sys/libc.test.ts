import assert from 'node:assert/strict'
import { closeSync, openSync, readlinkSync } from 'node:fs'
import { devNull } from 'node:os'
import { test } from 'node:test'
import { EBADF } from '../lib/errno.js'
import { duplicateFd, fileKind, isOpenFd } from './file.js'
import { gettid, libc } from './libc.js'

const NO_FD = 1 << 20

test('gettid is what /proc says', () => {
  assert.equal(gettid(), Number(readlinkSync('/proc/thread-self').split('/').at(-1)))
})

test('fileKind tells regular files from others and bad fds', () => {
  const regular = openSync(new URL(import.meta.url), 'r')
  const kind = fileKind(regular)
  assert.ok(typeof kind !== 'number' && kind.regular && !kind.block && kind.ino !== 0)
  closeSync(regular)
  const device = openSync(devNull, 'r')
  const other = fileKind(device)
  assert.ok(typeof other !== 'number' && !other.regular && !other.block)
  closeSync(device)
  assert.equal(fileKind(NO_FD), -EBADF)
})

test('a duplicate outlives its original', () => {
  const fd = openSync(devNull, 'r')
  const copy = duplicateFd(fd)
  assert.ok(copy >= 0 && copy !== fd)
  closeSync(fd)
  assert.ok(isOpenFd(copy))
  libc('close')(copy)
  assert.ok(!isOpenFd(copy))
  assert.equal(duplicateFd(NO_FD), -EBADF)
})
