import assert from 'node:assert/strict'
import { constants, fstatSync, lstatSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { AT_SYMLINK_NOFOLLOW } from '../abi/constants.js'
import { code, onEachBackend, outcomes, scratchDirectory } from './driver.test.backends.js'
import type { Uring } from './uring.js'

const directory = scratchDirectory()
const TEXT = 'in the beginning was the ring'
const file = join(directory, 'text')
writeFileSync(file, TEXT)
symlinkSync(file, join(directory, 'link'))

onEachBackend('openat takes a path as a string, a Buffer or a URL', async (open) => {
  const ring = await open()
  for (const path of [file, Buffer.from(file), pathToFileURL(file)]) {
    const fd = await ring.openat(path)
    const into = Buffer.alloc(100)
    assert.equal(await ring.read(fd, into), TEXT.length)
    assert.equal(into.subarray(0, TEXT.length).toString(), TEXT)
    assert.equal(await ring.close(fd), 0)
  }
})

onEachBackend('openat starts at dirfd, and takes flags as bits', async (open) => {
  const ring = await open()
  const dirfd = await ring.openat(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  const fd = await ring.openat('text', 'r', 0, { dirfd })
  assert.equal(fstatSync(fd).ino, statSync(file).ino)
  assert.match(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'), /flags:\s+\d*2\d{6}\n/, 'close-on-exec')
  await ring.close(fd)
  await ring.close(dirfd)
})

onEachBackend('read and write take parts of a buffer and of a file', async (open, backend) => {
  const ring = await open()
  const path = join(directory, `parts-${backend}`)
  const fd = await ring.openat(path, 'w+', 0o600)
  assert.equal(statSync(path).mode & 0o777, 0o600)
  const from = Buffer.from('0123456789')
  assert.equal(await ring.write(fd, from), 10)
  assert.equal(await ring.write(fd, from, { offset: 2, length: 3 }), 3)
  assert.equal(await ring.write(fd, from, { offset: 9, position: 0 }), 1)
  assert.equal(readFileSync(path, 'latin1'), '9123456789234')
  const into = new Uint16Array(4)
  assert.equal(await ring.read(fd, into, { offset: 2, length: 4, position: 1 }), 4)
  assert.equal(Buffer.from(into.buffer).toString('latin1'), '\0\x001234\0\0')
  assert.equal(await ring.read(fd, into), 0, 'the end of the file')
  assert.equal(await ring.read(fd, new Uint8Array(0), { position: 0 }), 0)
  await ring.close(fd)
})

onEachBackend('readv and writev go through several buffers', async (open, backend) => {
  const ring = await open()
  const path = join(directory, `vectors-${backend}`)
  const fd = await ring.openat(path, 'w+')
  const parts = ['one', 'two', 'three'].map((s) => Buffer.from(s))
  assert.equal(await ring.writev(fd, parts, 2), 11)
  assert.equal(readFileSync(path, 'latin1'), '\0\0onetwothree')
  const into = [Buffer.alloc(3), new DataView(new ArrayBuffer(6)), Buffer.alloc(9)]
  assert.equal(await ring.readv(fd, into, 2), 11)
  assert.equal(
    Buffer.concat(into.map((v) => new Uint8Array(v.buffer, v.byteOffset, v.byteLength))).toString('latin1'),
    'onetwothree\0\0\0\0\0\0\0',
  )
  assert.equal(await ring.readv(fd, []), 0)
  await ring.close(fd)
})

onEachBackend('fsync and fdatasync', async (open, backend) => {
  const ring = await open()
  const fd = await ring.openat(join(directory, `sync-${backend}`), 'w')
  assert.deepEqual(await outcomes([ring.fsync(fd), ring.fsync(fd, { datasync: true })]), [0, 0])
  await ring.close(fd)
  const error = (await ring.fsync(9999, { datasync: true }).catch((e) => e)) as NodeJS.ErrnoException
  assert.equal(error.syscall, 'fdatasync')
})

onEachBackend('statx says what node:fs says', async (open) => {
  const ring = await open()
  const expected = statSync(file, { bigint: true })
  const fd = await ring.openat(file)
  for (const statx of await Promise.all([ring.statx(file), ring.statx(fd)])) {
    assert.equal(statx.stx_size, TEXT.length)
    assert.equal(statx.stx_mode, Number(expected.mode))
    assert.equal(statx.stx_uid, Number(expected.uid))
    assert.equal(statx.stx_nlink, 1)
    assert.equal(statx.ino, expected.ino)
    assert.equal(statx.mtimeNs, expected.mtimeNs)
    assert.equal(statx.ctimeNs, expected.ctimeNs)
    assert.equal(statx.birthtimeNs, expected.birthtimeNs)
  }
  const link = await ring.statx(join(directory, 'link'), { flags: AT_SYMLINK_NOFOLLOW })
  assert.equal(link.stx_ino, lstatSync(join(directory, 'link')).ino)
  await ring.close(fd)
  const error = (await ring.statx('/nonexistent').catch((e) => e)) as NodeJS.ErrnoException
  assert.deepEqual([error.code, error.syscall, error.path], ['ENOENT', 'statx', '/nonexistent'])
})

const detached = new Uint8Array(8)
structuredClone(detached, { transfer: [detached.buffer] })
const resizable = () =>
  new Uint8Array(new (ArrayBuffer as unknown as new (n: number, o: object) => ArrayBuffer)(8, { maxByteLength: 16 }))
const buffer = new Uint8Array(8)
const wrong = <T>(value: unknown) => value as T

// biome-ignore format: table
const BAD: [what: string, code: string, call: (ring: Uring) => Promise<unknown>][] = [
  ['fd of another type',      'ERR_INVALID_ARG_TYPE',  (r) => r.read(wrong('3'), buffer)],
  ['a symbol for an fd',      'ERR_INVALID_ARG_TYPE',  (r) => r.read(wrong(Symbol('fd')), buffer)],
  ['a bigint for an fd',      'ERR_INVALID_ARG_TYPE',  (r) => r.fsync(wrong(3n))],
  ['an fd without a text',    'ERR_INVALID_ARG_TYPE',  (r) => r.writev(wrong(Object.create(null)), [buffer])],
  ['a hole among buffers',    'ERR_INVALID_ARG_TYPE',  (r) => r.readv(0, new Array<Uint8Array>(1))],
  ['statx flags no number',   'ERR_INVALID_ARG_TYPE',  (r) => r.statx('a', { flags: wrong(1n) })],
  ['no fd to close',          'ERR_INVALID_ARG_TYPE',  (r) => r.close(wrong(undefined))],
  ['negative fd',             'ERR_OUT_OF_RANGE',      (r) => r.read(-1, buffer)],
  ['fd with a fraction',      'ERR_OUT_OF_RANGE',      (r) => r.write(1.5, buffer)],
  ['fd beyond 2^31',          'ERR_OUT_OF_RANGE',      (r) => r.fsync(2 ** 31)],
  ['a string for a buffer',   'ERR_INVALID_ARG_TYPE',  (r) => r.write(1, wrong('text'))],
  ['a plain ArrayBuffer',     'ERR_INVALID_ARG_TYPE',  (r) => r.read(0, wrong(new ArrayBuffer(8)))],
  ['detached buffer',         'ERR_INVALID_ARG_VALUE', (r) => r.read(0, detached)],
  ['resizable buffer',        'ERR_INVALID_ARG_VALUE', (r) => r.read(0, resizable())],
  ['offset beyond the end',   'ERR_OUT_OF_RANGE',      (r) => r.read(0, buffer, { offset: 9 })],
  ['offset with a fraction',  'ERR_OUT_OF_RANGE',      (r) => r.read(0, buffer, { offset: 0.5 })],
  ['offset NaN',              'ERR_OUT_OF_RANGE',      (r) => r.read(0, buffer, { offset: Number.NaN })],
  ['negative length',         'ERR_OUT_OF_RANGE',      (r) => r.read(0, buffer, { length: -1 })],
  ['length beyond the end',   'ERR_OUT_OF_RANGE',      (r) => r.read(0, buffer, { offset: 4, length: 5 })],
  ['position beyond 2^53-1',  'ERR_OUT_OF_RANGE',      (r) => r.read(0, buffer, { position: 2 ** 53 })],
  ['negative position',       'ERR_OUT_OF_RANGE',      (r) => r.read(0, buffer, { position: -1 })],
  ['bigint position',         'ERR_INVALID_ARG_TYPE',  (r) => r.read(0, buffer, { position: wrong(0n) })],
  ['options of another type', 'ERR_INVALID_ARG_TYPE',  (r) => r.read(0, buffer, wrong(null))],
  ['buffers not in an array', 'ERR_INVALID_ARG_TYPE',  (r) => r.readv(0, wrong(buffer))],
  ['one bad buffer',          'ERR_INVALID_ARG_TYPE',  (r) => r.writev(1, [buffer, wrong(null)])],
  ['path of another type',    'ERR_INVALID_ARG_TYPE',  (r) => r.openat(wrong(5))],
  ['path with a NUL',         'ERR_INVALID_ARG_VALUE', (r) => r.openat('a\0b')],
  ['bytes with a NUL',        'ERR_INVALID_ARG_VALUE', (r) => r.statx(Buffer.from('a\0b'))],
  ['URL of no file',          'ERR_INVALID_URL_SCHEME', (r) => r.openat(new URL('http://localhost/'))],
  ['unknown flags',           'ERR_INVALID_ARG_VALUE', (r) => r.openat('a', 'rw')],
  ['flags of the prototype',  'ERR_INVALID_ARG_VALUE', (r) => r.openat('a', 'toString')],
  ['negative mode',           'ERR_OUT_OF_RANGE',      (r) => r.openat('a', 'r', -1)],
  ['bad dirfd',               'ERR_OUT_OF_RANGE',      (r) => r.openat('a', 'r', 0, { dirfd: -2 })],
  ['bad statx mask',          'ERR_OUT_OF_RANGE',      (r) => r.statx('a', { mask: -1 })],
]

onEachBackend('a path, a buffer and options of another realm', async (open) => {
  const ring = await open()
  const realm = createContext()
  const there = <T>(text: string): T => runInContext(text, realm) as T
  const fd = await ring.openat(there<Buffer>('Uint8Array.from("/dev/zero", (c) => c.charCodeAt(0))'))
  const bytes = there<Uint8Array>('new Uint8Array(4).fill(1)')
  assert.equal(await ring.read(fd, bytes, there('({ offset: 1, length: 2 })')), 2)
  assert.deepEqual([...bytes], [1, 0, 0, 1])
  await ring.close(fd)
})

onEachBackend('bad arguments reject before anything is queued', async (open) => {
  const ring = await open()
  for (const [what, expected, call] of BAD) await assert.rejects(call(ring), code(expected), what)
  assert.equal(ring.stats().sqes, 0)
  assert.equal(ring.stats().queued, 0)
  const error = (await ring.read(-1, buffer).catch((e) => e)) as Error
  assert.equal(error.message, 'The value of "fd" is out of range. It must be >= 0 && <= 2147483647. Received -1')
  assert.match(error.stack ?? '', /^RangeError \[ERR_OUT_OF_RANGE\]: The value/)
  assert.ok(error instanceof RangeError && error.name === 'RangeError')
})
