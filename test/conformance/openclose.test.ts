/**
 * OPENAT and CLOSE. Bodies for every backend.
 */
import assert from 'node:assert/strict'
import { fstatSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { constants } from 'node:os'
import { relative } from 'node:path'
import * as abi from '../../src/abi/constants.js'
import { EBADF, EEXIST, EFAULT, EINVAL, ENOENT } from '../../src/lib/errno.js'
import type { Ring } from '../../src/ring/ring.js'
import { equalRes, expectInOrder, expectRun, ok, put, reap, run, submit } from './cqes.js'
import { close, type Fill, nop, openat, type SqeField, withFields, write } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'
import type { Stand } from './stand.js'

const { ENOTDIR, ELOOP, EISDIR, ENAMETOOLONG } = constants.errno

/** Opens, and hands the fd to the stand. */
function open(stand: Stand, ring: Ring, fill: Fill, sqeFlags = 0): number {
  return stand.own(ok(run(ring, fill, sqeFlags), 'openat'))
}

conformance('openat takes an absolute path', (stand) => {
  inEachMode(stand, 4, (ring) => {
    const path = stand.path('here', 'contents')
    for (const sqeFlags of [0, abi.IOSQE_ASYNC]) {
      // The folder does not count for an absolute path, be it open or not.
      const fd = open(stand, ring, openat(-1, stand.cstr(path), abi.O_RDONLY), sqeFlags)
      assert.equal(readFileSync(fd, 'utf8'), 'contents')
      assert.equal(fstatSync(fd).ino, statSync(path).ino)
    }
  })
})

conformance('openat takes a path from the folder of an fd, or from the working directory', (stand) => {
  const ring = stand.openRing(4)
  const path = stand.path('here', 'contents')
  const folder = stand.open(stand.dir(), abi.O_DIRECTORY)
  const fromFolder = open(stand, ring, openat(folder, stand.cstr('here'), abi.O_RDONLY))
  assert.equal(readFileSync(fromFolder, 'utf8'), 'contents')
  const fromHere = stand.cstr(relative(process.cwd(), path))
  assert.equal(readFileSync(open(stand, ring, openat(abi.AT_FDCWD, fromHere, abi.O_RDONLY)), 'utf8'), 'contents')
  expectRun(ring, openat(stand.closedFd(), stand.cstr('here'), abi.O_RDONLY), -EBADF, 'a folder that is not open')
  const file = stand.open(path, 'r')
  expectRun(ring, openat(file, stand.cstr('here'), abi.O_RDONLY), -ENOTDIR, 'a folder that is a file')
})

conformance('openat creates a file with the mode asked for', (stand) => {
  inEachMode(stand, 4, (ring, flags) => {
    const umask = process.umask(0o027)
    try {
      const path = stand.path(`made-${flags}`)
      const create = openat(abi.AT_FDCWD, stand.cstr(path), abi.O_RDWR | abi.O_CREAT | abi.O_EXCL, 0o666)
      const fd = open(stand, ring, create)
      assert.equal(statSync(path).mode & 0o777, 0o640)
      expectRun(ring, create, -EEXIST, 'O_EXCL for the second time')
      expectRun(ring, write(fd, stand.alloc('abc'), 0), 3, 'write')
      open(stand, ring, openat(abi.AT_FDCWD, stand.cstr(path), abi.O_WRONLY | abi.O_TRUNC))
      assert.equal(statSync(path).size, 0)
    } finally {
      process.umask(umask)
    }
  })
})

conformance('openat reports what open(2) reports', (stand) => {
  const ring = stand.openRing(4)
  const path = stand.path('file', '')
  symlinkSync('loop', stand.path('loop'))
  mkdirSync(stand.path('folder'))
  const cases: [path: string, openFlags: number, errno: number][] = [
    [stand.path('none'), abi.O_RDONLY, ENOENT],
    ['', abi.O_RDONLY, ENOENT],
    [`${path}/below`, abi.O_RDONLY, ENOTDIR],
    [path, abi.O_RDONLY | abi.O_DIRECTORY, ENOTDIR],
    [stand.path('folder'), abi.O_WRONLY, EISDIR],
    [stand.path('loop'), abi.O_RDONLY, ELOOP],
    [`/${'n'.repeat(300)}`, abi.O_RDONLY, ENAMETOOLONG],
    [`/${'n/'.repeat(2500)}`, abi.O_RDONLY, ENAMETOOLONG],
  ]
  for (const [name, openFlags, errno] of cases) {
    for (const sqeFlags of [0, abi.IOSQE_ASYNC]) {
      const fill = openat(abi.AT_FDCWD, stand.cstr(name), openFlags)
      expectRun(ring, fill, -errno, `openat ${name.slice(0, 40)}`, sqeFlags)
    }
  }
})

conformance('a path that cannot be read is refused', (stand) => {
  const ring = stand.openRing(4)
  for (const address of [0, 1, 4095]) {
    expectRun(ring, openat(abi.AT_FDCWD, address, abi.O_RDONLY), -EFAULT, `openat of address ${address}`)
  }
})

conformance('openat opens with exactly the flags asked for', (stand) => {
  const ring = stand.openRing(4)
  const path = stand.cstr(stand.path('file', ''))
  const flagsOf = (fd: number) => {
    const [, octal] = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))!
    return Number.parseInt(octal!, 8)
  }
  for (const openFlags of [0, abi.O_CLOEXEC, abi.O_APPEND | abi.O_WRONLY, abi.O_NONBLOCK]) {
    const LARGEFILE = 0o100000
    const fd = open(stand, ring, openat(abi.AT_FDCWD, path, openFlags))
    assert.equal(flagsOf(fd) & ~LARGEFILE, openFlags, `flags 0${openFlags.toString(8)}`)
  }
})

conformance('files beyond 2 GiB can be opened and written', (stand) => {
  const ring = stand.openRing(4)
  const path = stand.path('large')
  const fd = open(stand, ring, openat(abi.AT_FDCWD, stand.cstr(path), abi.O_RDWR | abi.O_CREAT, 0o644))
  expectRun(ring, write(fd, stand.alloc('end'), 3 * 2 ** 30), 3, 'write at 3 GiB')
  assert.equal(statSync(path).size, 3 * 2 ** 30 + 3)
  open(stand, ring, openat(abi.AT_FDCWD, stand.cstr(path), abi.O_RDONLY))
})

conformance('a FIFO opened in a worker waits for the other end', (stand) => {
  const ring = stand.openRing(4)
  stand.setMaxWorkers(ring, 4, 4)
  const path = stand.cstr(stand.fifo())
  put(ring, 1, openat(abi.AT_FDCWD, path, abi.O_RDONLY), abi.IOSQE_ASYNC)
  put(ring, 2, openat(abi.AT_FDCWD, path, abi.O_WRONLY), abi.IOSQE_ASYNC)
  submit(ring, 2)
  for (const { userData, res } of reap(ring, 2)) stand.own(ok(res, `open ${userData}`))
})

conformance('close closes, once', (stand) => {
  inEachMode(stand, 4, (ring) => {
    for (const sqeFlags of [0, abi.IOSQE_ASYNC]) {
      const fd = stand.highFd(stand.file('file', ''))
      stand.disown(fd)
      expectRun(ring, close(fd), 0, 'close', sqeFlags)
      assert.throws(() => fstatSync(fd), { code: 'EBADF' })
      expectRun(ring, close(fd), -EBADF, 'the second close', sqeFlags)
    }
    expectRun(ring, close(-1), -EBADF, 'close of -1')
    expectRun(ring, close(1_000_000), -EBADF, 'close of a number beyond the table')
  })
})

conformance('a ring does not close a ring', (stand) => {
  const ring = stand.openRing(4)
  expectRun(ring, close(ring.fd), -EBADF, 'close of the ring itself')
  expectRun(ring, nop(), 0, 'a NOP after')
})

conformance('close takes no other field', (stand) => {
  const ring = stand.openRing(4)
  const fd = stand.file('file', '')
  const fields: SqeField[] = ['off', 'addr', 'len', 'rw_flags', 'buf_index']
  for (const field of fields) {
    expectRun(ring, withFields(close(fd), { [field]: 1 }), -EINVAL, `close with ${field}`)
  }
  fstatSync(fd)
})

conformance('openat takes no buffer index', (stand) => {
  const ring = stand.openRing(4)
  const path = stand.cstr(stand.path('file', ''))
  expectRun(ring, withFields(openat(abi.AT_FDCWD, path, 0), { buf_index: 1 }), -EINVAL, 'openat with buf_index')
})

conformance('opened, written and closed in one chain, the file has it', (stand) => {
  const ring = stand.openRing(8)
  const path = stand.path('chain')
  const fd = open(stand, ring, openat(abi.AT_FDCWD, stand.cstr(path), abi.O_WRONLY | abi.O_CREAT, 0o600))
  put(ring, 1, write(fd, stand.alloc('one '), -1), abi.IOSQE_IO_LINK)
  put(ring, 2, write(fd, stand.alloc('two'), -1), abi.IOSQE_IO_LINK)
  put(ring, 3, close(fd))
  submit(ring, 3)
  expectInOrder(ring, '1:4 2:3 3:0')
  stand.disown(fd)
  assert.equal(readFileSync(path, 'utf8'), 'one two')
})

conformance('a thousand opens and closes leave no fd behind', (stand) => {
  const ring = stand.openRing(16)
  const path = stand.cstr(stand.path('file', ''))
  const first = open(stand, ring, openat(abi.AT_FDCWD, path, abi.O_RDONLY))
  for (let round = 0; round < 125; round++) {
    for (let i = 0; i < 8; i++) put(ring, i, openat(abi.AT_FDCWD, path, abi.O_RDONLY))
    submit(ring, 8)
    const fds = reap(ring, 8).map(({ res }) => ok(res, 'openat'))
    assert.equal(new Set(fds).size, 8)
    for (const fd of fds) put(ring, fd, close(fd))
    submit(ring, 8)
    for (const { res } of reap(ring, 8)) equalRes(res, 0, 'close')
  }
  const last = open(stand, ring, openat(abi.AT_FDCWD, path, abi.O_RDONLY))
  // Workers have fds of their own.
  assert.ok(last <= first + 100, `fd ${last} after fd ${first}`)
})
