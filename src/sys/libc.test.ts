import assert from 'node:assert/strict'
import { closeSync, openSync, readlinkSync } from 'node:fs'
import { devNull } from 'node:os'
import { test } from 'node:test'
import { EBADF, ENOENT } from '../lib/errno.js'
import { ffi, ffiProblem } from './ffi.js'
import { duplicateFd, fileKind, isOpenFd } from './file.js'
import { gettid, libc } from './libc.js'
import { addressOf } from './memory.js'

const NO_FD = 1 << 20

test('FFI loads here and names its provider', () => {
  assert.equal(ffiProblem(), undefined)
  assert.match(ffi().provider, /^koffi /)
})

test('a call returns its result, or -errno', () => {
  const path = Buffer.from('/nonexistent/file\0')
  assert.equal(libc('openat')(-100, addressOf(path), 0, 0), -ENOENT)
  assert.equal(libc('close')(NO_FD), -EBADF)
  const bytes = Buffer.alloc(16)
  const zero = openSync('/dev/zero', 'r')
  bytes.fill(1)
  assert.equal(libc('pread')(zero, addressOf(bytes), 16, 0), 16)
  assert.ok(bytes.every((b) => b === 0))
  closeSync(zero)
})

test('a symbol that libc lacks is absent, not fatal', () => {
  assert.equal(ffi().func('no_such_function_anywhere', 'int', []), undefined)
  assert.equal(ffi().symbolAddress('no_such_symbol_anywhere'), 0)
  assert.ok(ffi().symbolAddress('getpid') > 0)
})

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
