/**
 * What operations on files and names refuse before they run, what they copy, and whose failure breaks a chain. Bodies for
 * every backend that has them.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import * as abi from '../../src/abi/constants.js'
import { OPEN_HOW } from '../../src/abi/structs.js'
import { E2BIG, EBADF, EFAULT, EINVAL, ENODATA, ENOENT, ERANGE } from '../../src/lib/errno.js'
import * as prep from '../../src/ring/prep.js'
import type { Ring } from '../../src/ring/ring.js'
import { addressOf, Mapping } from '../../src/sys/memory.js'
import { equalRes, expectAnyOrder, expectInOrder, expectRun, named, ok, put, reap, run, submit } from './cqes.js'
import { type Fill, fsync, nop, read, type SqeField, sqe, withFields, write } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'

const CWD = abi.AT_FDCWD
const LINK = abi.IOSQE_IO_LINK
const BAD = 4096

/** It is refused before it runs: nothing behind it is taken. */
function expectRefused(ring: Ring, fill: Fill, res: number, what: string, sqeFlags = 0): void {
  put(ring, 1, fill, sqeFlags)
  put(ring, 2, nop())
  equalRes(ring.submit(), 1, `${what}: submit`)
  expectInOrder(ring, `1:${named(res)}`)
  submit(ring, 1)
  expectInOrder(ring, '2:0')
}

function expectFieldsRefused(ring: Ring, fill: Fill, fields: readonly SqeField[], what: string): void {
  for (const field of fields) expectRefused(ring, withFields(fill, { [field]: 1 }), -EINVAL, `${what}: ${field}`)
  expectRefused(ring, withFields(fill, { ioprio: 1 }), -EINVAL, `${what}: ioprio`)
}

const NAMES = {
  opcodes: [
    abi.IORING_OP_UNLINKAT,
    abi.IORING_OP_RENAMEAT,
    abi.IORING_OP_MKDIRAT,
    abi.IORING_OP_SYMLINKAT,
    abi.IORING_OP_LINKAT,
  ],
}

conformance(
  'operations on names refuse fields that are not theirs, slots and empty paths',
  (stand) => {
    const ring = stand.openRing(8)
    const [file, other, none] = [stand.path('file', ''), stand.path('other'), stand.cstr('')].map((path) =>
      typeof path === 'string' ? stand.cstr(path) : path,
    ) as [number, number, number]
    const ALWAYS = ['buf_index', 'splice_fd_in'] as const
    const unlink = (path: number, flags = 0) => sqe(prep.prepUnlinkat, CWD, path, flags)
    const rename = (from: number, to: number) => sqe(prep.prepRenameat, CWD, from, CWD, to, 0)
    const mkdir = (path: number) => sqe(prep.prepMkdirat, CWD, path, 0o755)
    const symlink = (target: number, path: number) => sqe(prep.prepSymlinkat, target, CWD, path)
    const link = (from: number, to: number) => sqe(prep.prepLinkat, CWD, from, CWD, to, 0)
    expectFieldsRefused(ring, unlink(file), [...ALWAYS, 'off', 'len'], 'unlinkat')
    expectFieldsRefused(ring, rename(file, other), ALWAYS, 'renameat')
    expectFieldsRefused(ring, mkdir(other), [...ALWAYS, 'off', 'rw_flags'], 'mkdirat')
    expectFieldsRefused(ring, symlink(file, other), [...ALWAYS, 'len', 'rw_flags'], 'symlinkat')
    expectFieldsRefused(ring, link(file, other), ALWAYS, 'linkat')
    expectRefused(ring, unlink(file, abi.AT_EMPTY_PATH), -EINVAL, 'unlinkat: a flag')
    for (const fill of [unlink(file), rename(file, other), mkdir(other), symlink(file, other), link(file, other)]) {
      expectRefused(ring, fill, -EBADF, 'a slot', abi.IOSQE_FIXED_FILE)
    }
    for (const fill of [unlink(none), rename(none, other), rename(file, none), mkdir(none), symlink(none, other)]) {
      expectRefused(ring, fill, -ENOENT, 'an empty path')
    }
    for (const fill of [symlink(file, none), link(none, other), link(file, none)]) {
      expectRefused(ring, fill, -ENOENT, 'an empty path')
    }
    for (const fill of [unlink(BAD), rename(BAD, other), rename(file, BAD), mkdir(BAD), symlink(file, BAD)]) {
      expectRefused(ring, fill, -EFAULT, 'a bad address')
    }
    assert.ok(existsSync(stand.path('file')))
    assert.equal(existsSync(stand.path('other')), false)
  },
  NAMES,
)

conformance(
  'a second name for an open file, by its fd and an empty path',
  (stand) => {
    const ring = stand.openRing(8)
    const fd = stand.file('file', 'text')
    const to = stand.path('second')
    const fill = sqe(prep.prepLinkat, fd, stand.cstr(''), CWD, stand.cstr(to), abi.AT_EMPTY_PATH)
    expectRun(ring, fill, 0, 'linkat')
    assert.equal(statSync(to).nlink, 2)
  },
  NAMES,
)

conformance(
  'names are copied before submit returns',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const path = (name: string) => Buffer.from(`${stand.path(name)}\0`)
      const views: Uint8Array[] = []
      const at = (name: string) => {
        const bytes = stand.alloc(path(name))
        views.push(bytes)
        return addressOf(bytes)
      }
      stand.path('gone', '')
      stand.path('from', 'text')
      mkdirSync(stand.path('folder'))
      const fills = [
        sqe(prep.prepUnlinkat, CWD, at('gone'), 0),
        sqe(prep.prepRenameat, CWD, at('from'), CWD, at('to'), 0),
        sqe(prep.prepMkdirat, CWD, at('made'), 0o755),
        sqe(prep.prepSymlinkat, at('target'), CWD, at('link')),
      ]
      for (const [i, fill] of fills.entries()) put(ring, i + 1, fill, i < fills.length - 1 ? LINK : 0)
      submit(ring, fills.length)
      for (const view of views) view.fill(0)
      expectInOrder(ring, '1:0 2:0 3:0 4:0')
      assert.equal(existsSync(stand.path('gone')), false)
      assert.equal(readFileSync(stand.path('to')).toString(), 'text')
      assert.ok(statSync(stand.path('made')).isDirectory())
      assert.equal(readlinkSync(stand.path('link')), stand.path('target'))
      for (const name of ['to', 'link'])
        expectRun(ring, sqe(prep.prepUnlinkat, CWD, stand.cstr(stand.path(name)), 0), 0, name)
      expectRun(ring, sqe(prep.prepUnlinkat, CWD, stand.cstr(stand.path('made')), abi.AT_REMOVEDIR), 0, 'made')
      expectRun(ring, sqe(prep.prepUnlinkat, CWD, stand.cstr(stand.path('folder')), abi.AT_REMOVEDIR), 0, 'folder')
    })
  },
  NAMES,
)

const XATTRS = {
  opcodes: [abi.IORING_OP_SETXATTR, abi.IORING_OP_GETXATTR, abi.IORING_OP_FSETXATTR, abi.IORING_OP_FGETXATTR],
}

conformance(
  'attributes refuse bad names, values, flags and paths before they run',
  (stand) => {
    const ring = stand.openRing(8)
    const path = stand.cstr(stand.path('file', ''))
    const fd = stand.open(stand.path('file'), 'r+')
    const [name, none, long] = [stand.cstr('user.a'), stand.cstr(''), stand.cstr(`user.${'a'.repeat(300)}`)]
    const value = addressOf(stand.alloc(70_000))
    const set = (of: number, from = value, at = path, flags = 0, len = 5) =>
      sqe(prep.prepSetxattr, of, from, at, flags, len)
    const get = (of: number, at = path) => sqe(prep.prepGetxattr, of, value, at, 16)
    const fset = (of: number, len = 5) => sqe(prep.prepFsetxattr, fd, of, value, 0, len)
    const fget = (of: number) => sqe(prep.prepFgetxattr, fd, of, value, 16)
    for (const way of [set, get, fset, fget]) {
      expectRefused(ring, way(none), -ERANGE, 'an empty name')
      expectRefused(ring, way(long), -ERANGE, 'a long name')
      expectRefused(ring, way(BAD), -EFAULT, 'a bad name')
    }
    for (const fill of [set(name, BAD), set(name, value, BAD), get(name, BAD)]) {
      expectRefused(ring, fill, -EFAULT, 'a bad address')
    }
    for (const fill of [set(name, value, none), get(name, none)]) expectRefused(ring, fill, -ENOENT, 'an empty path')
    for (const fill of [set(name, value, path, 0, 65_537), fset(name, 65_537)]) {
      expectRefused(ring, fill, -E2BIG, 'a large value')
    }
    expectRefused(ring, set(name, value, path, 4), -EINVAL, 'a flag')
    for (const fill of [get(name), fget(name)]) {
      expectRefused(ring, withFields(fill, { xattr_flags: 1 }), -EINVAL, 'a flag of get')
    }
    for (const fill of [set(name), get(name)]) expectRefused(ring, fill, -EBADF, 'a slot', abi.IOSQE_FIXED_FILE)
  },
  XATTRS,
)

const FILES = {
  opcodes: [
    abi.IORING_OP_FALLOCATE,
    abi.IORING_OP_FTRUNCATE,
    abi.IORING_OP_FADVISE,
    abi.IORING_OP_MADVISE,
    abi.IORING_OP_SYNC_FILE_RANGE,
  ],
}

conformance(
  'operations on an open file refuse fields that are not theirs',
  (stand) => {
    const ring = stand.openRing(8)
    const fd = stand.file('file', 'text')
    const ALWAYS = ['buf_index', 'splice_fd_in'] as const
    expectFieldsRefused(ring, sqe(prep.prepFallocate, fd, 0, 0, 9), [...ALWAYS, 'rw_flags'], 'fallocate')
    const FREE = ['addr', 'len', 'rw_flags', 'addr3'] as const
    expectFieldsRefused(ring, sqe(prep.prepFtruncate, fd, 0), [...ALWAYS, ...FREE], 'ftruncate')
    expectFieldsRefused(ring, sqe(prep.prepFadvise, fd, 0, 9, 0), ALWAYS, 'fadvise')
    expectFieldsRefused(ring, sqe(prep.prepMadvise, 0, 0, 0), ALWAYS, 'madvise')
    expectFieldsRefused(ring, sqe(prep.prepSyncFileRange, fd, 9, 0, 0), [...ALWAYS, 'addr'], 'sync_file_range')
    assert.equal(readFileSync(stand.path('file')).toString(), 'text')
  },
  FILES,
)

conformance(
  'splice, tee and pipe refuse fields that are not theirs',
  (stand) => {
    const ring = stand.openRing(8)
    const { readEnd, writeEnd } = stand.pipe()
    expectFieldsRefused(ring, sqe(prep.prepTee, readEnd, writeEnd, 4, 0), ['off', 'splice_off_in'], 'tee')
    expectFieldsRefused(ring, sqe(prep.prepSplice, readEnd, -1, writeEnd, -1, 4, 0), [], 'splice')
    for (const flags of [16, 0x100]) {
      expectRefused(ring, sqe(prep.prepSplice, readEnd, -1, writeEnd, -1, 4, flags), -EINVAL, `splice: flag ${flags}`)
      expectRefused(ring, sqe(prep.prepTee, readEnd, writeEnd, 4, flags), -EINVAL, `tee: flag ${flags}`)
    }
    const pipe = sqe(prep.prepPipe, addressOf(stand.alloc(8)), 0)
    expectFieldsRefused(ring, pipe, ['fd', 'off', 'addr3'], 'pipe')
    expectRefused(ring, withFields(pipe, { pipe_flags: abi.O_APPEND }), -EINVAL, 'pipe: a flag')
    expectRun(
      ring,
      sqe(prep.prepSplice, readEnd, -1, writeEnd, -1, 4, abi.SPLICE_F_FD_IN_FIXED),
      -EBADF,
      'an empty slot',
    )
  },
  { opcodes: [abi.IORING_OP_SPLICE, abi.IORING_OP_TEE, abi.IORING_OP_PIPE] },
)

conformance(
  'openat2 does what its structure says, in a worker too',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const path = stand.cstr(stand.path('file', 'text'))
      const how = new BigUint64Array(stand.alloc(OPEN_HOW.size + 8).buffer)
      const fill = (at = path) => sqe(prep.prepOpenat2, CWD, at, addressOf(how))
      const sized = (len: number) => withFields(fill(), { len })
      const opens = (of: Fill, what: string, way = 0) => stand.own(ok(run(ring, of, way), what))
      for (const way of [0, abi.IOSQE_ASYNC]) {
        how.fill(0n)
        opens(fill(), 'plain', way)
        opens(sized(OPEN_HOW.size + 8), 'a longer one, unset', way)
        how[0] = BigInt(abi.O_CREAT | abi.O_RDWR)
        how[1] = 0o640n
        const made = opens(fill(stand.cstr(stand.path(`made-${way}`))), 'made', way)
        expectRun(ring, write(made, stand.alloc('x'), 0), 1, 'write')
        assert.equal(statSync(stand.path(`made-${way}`)).mode & 0o777, 0o640)
        how.set([1n << 33n, 0n, 0n])
        expectRun(ring, fill(), -EINVAL, 'an unknown flag', way)
        how.set([0n, 0o600n, 0n])
        expectRun(ring, fill(), -EINVAL, 'a mode where nothing is made', way)
        how.set([0n, 0n, 1n << 40n])
        expectRun(ring, fill(), -EINVAL, 'an unknown way', way)
        how.set([0n, 0n, BigInt(abi.RESOLVE_BENEATH)])
        expectRun(ring, fill(), -18, 'a path that leaves its folder (EXDEV)', way)
        how.set([0n, 0n, BigInt(abi.RESOLVE_CACHED)])
        opens(fill(), 'what is cached', way)
        how.set([0n, 0n, BigInt(abi.RESOLVE_NO_SYMLINKS)])
        expectRun(ring, fill(stand.cstr('/proc/self/exe')), -40, 'a link where none is allowed (ELOOP)', way)
      }
    })
  },
  { opcodes: [abi.IORING_OP_OPENAT2] },
)

conformance(
  'openat2 refuses a structure that is short, or says more than it knows',
  (stand) => {
    const ring = stand.openRing(8)
    const path = stand.cstr(stand.path('file', 'text'))
    const how = new BigUint64Array(stand.alloc(OPEN_HOW.size + 8).buffer)
    const fill = (at = path) => sqe(prep.prepOpenat2, CWD, at, addressOf(how))
    const sized = (len: number) => withFields(fill(), { len })
    expectRefused(ring, sized(OPEN_HOW.size - 8), -EINVAL, 'a short structure')
    how[3] = 5n
    expectRefused(ring, sized(OPEN_HOW.size + 8), -E2BIG, 'a longer one, set')
    how[3] = 0n
    const long = new Uint8Array(3 * 65536)
    const longHow = (len: number) => withFields(sqe(prep.prepOpenat2, CWD, path, addressOf(long)), { len })
    stand.own(ok(run(ring, longHow(long.byteLength)), 'longer than a page, unset'))
    long[long.byteLength - 1] = 1
    expectRefused(ring, longHow(long.byteLength), -E2BIG, 'longer than a page, set at its end')
    stand.own(ok(run(ring, longHow(long.byteLength - 1)), 'all but its end'))
    expectRefused(ring, sqe(prep.prepOpenat2, CWD, path, BAD), -EFAULT, 'a bad structure')
    expectRefused(ring, fill(BAD), -EFAULT, 'a bad path')
    expectRefused(ring, fill(stand.cstr('')), -ENOENT, 'an empty path')
    expectRefused(ring, fill(), -EBADF, 'a slot', abi.IOSQE_FIXED_FILE)
    expectRefused(ring, withFields(fill(), { buf_index: 1 }), -EINVAL, 'buf_index')
  },
  { opcodes: [abi.IORING_OP_OPENAT2] },
)

conformance('an empty path is refused before it is looked up', (stand) => {
  const ring = stand.openRing(8)
  const none = stand.cstr('')
  const statxbuf = addressOf(stand.alloc(256))
  for (const way of [0, abi.IOSQE_ASYNC]) {
    expectRefused(ring, sqe(prep.prepOpenat, CWD, none, 0, 0), -ENOENT, 'openat', way)
    expectRefused(ring, sqe(prep.prepStatx, CWD, none, 0, 0, statxbuf), -ENOENT, 'statx', way)
    // One that leads to nothing is refused by the lookup.
    put(ring, 1, sqe(prep.prepOpenat, CWD, stand.cstr(stand.path('none')), 0, 0), way)
    put(ring, 2, nop())
    submit(ring, 2)
    expectAnyOrder(ring, '1:-ENOENT 2:0')
  }
})

conformance('a slot where no files are registered is no file', (stand) => {
  const ring = stand.openRing(8)
  const fd = stand.file('file', 'text')
  const into = stand.alloc(4)
  for (const fill of [read(fd, into, 0), write(fd, into, 0), fsync(fd)]) {
    for (const way of [0, abi.IOSQE_ASYNC]) {
      expectRun(ring, fill, -EBADF, 'alone', abi.IOSQE_FIXED_FILE | way)
      put(ring, 1, fill, abi.IOSQE_FIXED_FILE | way | LINK)
      put(ring, 2, nop())
      submit(ring, 2)
      expectInOrder(ring, '1:-EBADF 2:-ECANCELED')
    }
  }
  assert.equal(readFileSync(stand.path('file')).toString(), 'text')
})

/** Puts `fill` and a NOP linked behind it: whether that ran. */
function leadsOn(ring: Ring, fill: Fill, res: number, what: string): boolean {
  put(ring, 1, fill, LINK)
  put(ring, 2, nop())
  submit(ring, 2)
  const [first, second] = reap(ring, 2).sort((a, b) => a.userData - b.userData)
  equalRes(first!.res, res, what)
  return second!.res === 0
}

conformance(
  'a failure breaks its chain, but not that of an operation whose result alone tells',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const fd = stand.file('file', 'text')
      const [file, none, other] = ['file', 'none', 'other'].map((name) => stand.cstr(stand.path(name))) as [
        number,
        number,
        number,
      ]
      const memory = new Mapping(4096)
      const name = stand.cstr('user.none')
      const into = addressOf(stand.alloc(8))
      const how = addressOf(stand.alloc(OPEN_HOW.size))
      const tells: [string, Fill, number][] = [
        ['fallocate', sqe(prep.prepFallocate, fd, 0, -1, 10), -EINVAL],
        ['ftruncate', sqe(prep.prepFtruncate, fd, -1), -EINVAL],
        ['madvise', sqe(prep.prepMadvise, memory.address, 4096, 9999), -EINVAL],
        ['sync_file_range', sqe(prep.prepSyncFileRange, fd, 1, 0, 0x100), -EINVAL],
        ['unlinkat', sqe(prep.prepUnlinkat, CWD, none, 0), -ENOENT],
        ['renameat', sqe(prep.prepRenameat, CWD, none, CWD, other, 0), -ENOENT],
        ['mkdirat', sqe(prep.prepMkdirat, CWD, file, 0), -17],
        ['symlinkat', sqe(prep.prepSymlinkat, file, CWD, file), -17],
        ['linkat', sqe(prep.prepLinkat, CWD, none, CWD, other, 0), -ENOENT],
        ['setxattr', sqe(prep.prepSetxattr, name, into, none, 0, 4), -ENOENT],
        ['getxattr', sqe(prep.prepGetxattr, name, into, none, 4), -ENOENT],
      ]
      for (const [what, fill, res] of tells) assert.equal(leadsOn(ring, fill, res, what), true, what)
      const got = run(ring, sqe(prep.prepFgetxattr, fd, name, into, 4))
      if (got === -ENODATA) assert.ok(leadsOn(ring, sqe(prep.prepFgetxattr, fd, name, into, 4), got, 'fgetxattr'))
      const breaks: [string, Fill, number][] = [
        ['fadvise', sqe(prep.prepFadvise, fd, 0, 1, 99), -EINVAL],
        ['splice', sqe(prep.prepSplice, fd, 0, fd, -1, 4, 0), -EINVAL],
        ['splice, short', sqe(prep.prepSplice, fd, 0, stand.pipe().writeEnd, -1, 100, 0), 4],
        ['tee', sqe(prep.prepTee, fd, stand.pipe().writeEnd, 4, 0), -EINVAL],
        ['pipe', sqe(prep.prepPipe, 0, 0), -EFAULT],
        ['openat2', sqe(prep.prepOpenat2, CWD, none, how), -ENOENT],
        ['ftruncate of a closed fd', sqe(prep.prepFtruncate, stand.closedFd(), 0), -EBADF],
      ]
      for (const [what, fill, res] of breaks) assert.equal(leadsOn(ring, fill, res, what), false, what)
    })
  },
  {
    opcodes: [
      ...NAMES.opcodes,
      ...XATTRS.opcodes,
      ...FILES.opcodes,
      abi.IORING_OP_SPLICE,
      abi.IORING_OP_TEE,
      abi.IORING_OP_PIPE,
      abi.IORING_OP_OPENAT2,
    ],
  },
)
