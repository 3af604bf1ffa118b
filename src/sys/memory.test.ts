import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE, PROT_NONE, PROT_READ, PROT_WRITE } from '../abi/calls.js'
import { EFAULT } from '../lib/errno.js'
import { libc } from './libc.js'
import { addressOf, copyIn, fromWords, high32, low32, Mapping } from './memory.js'

const MAP_PRIVATE_ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS

test('an address counts the view offset, and stays the same', () => {
  const buffer = new ArrayBuffer(64)
  const base = addressOf(new Uint8Array(buffer))
  assert.ok(base > 0)
  assert.equal(addressOf(new Uint8Array(buffer, 24)), base + 24)
  assert.equal(addressOf(new DataView(buffer, 8)), base + 8)
})

test('a small typed array has an address that its bytes are at', () => {
  const small = new Uint8Array([1, 2, 3, 4])
  const copy = new Uint8Array(4)
  libc('memcpy')(addressOf(copy), addressOf(small), 4)
  assert.deepEqual([...copy], [1, 2, 3, 4])
})

test('shared memory has an address too', () => {
  const shared = new Uint8Array(new SharedArrayBuffer(16))
  shared[3] = 7
  const copy = new Uint8Array(16)
  libc('memcpy')(addressOf(copy), addressOf(shared), 16)
  assert.equal(copy[3], 7)
})

test('a resizable buffer is refused', () => {
  const Resizable = ArrayBuffer as unknown as new (bytes: number, options: { maxByteLength: number }) => ArrayBuffer
  const view = new Uint8Array(new Resizable(8, { maxByteLength: 16 }))
  assert.throws(() => addressOf(view), { code: 'ERR_INVALID_ARG_VALUE' })
})

test('what is no view is refused', () => {
  for (const odd of [new ArrayBuffer(8), 'text', 5, {}]) {
    assert.throws(() => addressOf(odd as unknown as Uint8Array), { code: 'ERR_INVALID_ARG_TYPE' })
  }
})

test('an address splits into two words and comes together again', () => {
  for (const address of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fff_dead_beef]) {
    assert.equal(fromWords(low32(address), high32(address)), address)
  }
})

test('copyIn copies what is readable and refuses what is not', () => {
  const source = new Uint8Array([9, 8, 7])
  const into = new Uint8Array(3)
  assert.equal(copyIn(addressOf(source), into), 3)
  assert.deepEqual([...into], [9, 8, 7])
  assert.equal(copyIn(0, into), -EFAULT)
  const wall = libc('mmap')(0, 4096, PROT_NONE, MAP_PRIVATE_ANONYMOUS, -1, 0)
  assert.ok(wall > 0)
  assert.equal(copyIn(wall, into), -EFAULT)
  libc('munmap')(wall, 4096)
})

test('copyIn stops at the first unreadable page', () => {
  const PAGE = 4096
  const pages = libc('mmap')(0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0)
  libc('mmap')(pages + PAGE, PAGE, PROT_NONE, MAP_PRIVATE_ANONYMOUS | MAP_FIXED, -1, 0)
  assert.equal(copyIn(pages + PAGE - 10, new Uint8Array(64)), 10)
  libc('munmap')(pages, 2 * PAGE)
})

test('a mapping that mmap refuses throws with its errno', () => {
  assert.throws(() => new Mapping(4096, 1_000_000, 0), { code: 'EBADF', syscall: 'mmap' })
  assert.throws(() => new Mapping(0), { code: 'EINVAL', syscall: 'mmap' })
})
