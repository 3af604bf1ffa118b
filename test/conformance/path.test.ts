/**
 * UNLINKAT, RENAMEAT, MKDIRAT, SYMLINKAT, LINKAT and the extended attributes. Bodies for every backend that has them.
 */
import assert from 'node:assert/strict'
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import * as advice from '../../src/abi/advice.js'
import * as abi from '../../src/abi/constants.js'
import {
  EBADF,
  EEXIST,
  EFAULT,
  EINVAL,
  EISDIR,
  ENODATA,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EOPNOTSUPP,
  EPERM,
  ERANGE,
} from '../../src/lib/errno.js'
import * as prep from '../../src/ring/prep.js'
import { addressOf } from '../../src/sys/memory.js'
import { equalRes, expectInOrder, expectRun, put, run, submit } from './cqes.js'
import { sqe } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'

const CWD = abi.AT_FDCWD
const BAD = 4096

const unlink = (path: number, flags = 0, dir = CWD) => sqe(prep.prepUnlinkat, dir, path, flags)
const rename = (from: number, to: number, flags = 0) => sqe(prep.prepRenameat, CWD, from, CWD, to, flags)
const mkdir = (path: number, mode = 0o755, dir = CWD) => sqe(prep.prepMkdirat, dir, path, mode)
const symlink = (target: number, path: number, dir = CWD) => sqe(prep.prepSymlinkat, target, dir, path)
const link = (from: number, to: number, flags = 0) => sqe(prep.prepLinkat, CWD, from, CWD, to, flags)

conformance(
  'unlinkat removes files, and folders when told',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const file = stand.path('file', 'text')
      const folder = stand.path('folder')
      mkdirSync(folder)
      const [fileAt, folderAt] = [stand.cstr(file), stand.cstr(folder)]
      expectRun(ring, unlink(fileAt, abi.AT_REMOVEDIR), -ENOTDIR, 'a file as a folder')
      expectRun(ring, unlink(folderAt), -EISDIR, 'a folder as a file')
      expectRun(ring, unlink(stand.cstr('file'), 0, stand.open(stand.dir(), 'r')), 0, 'from the folder of an fd')
      assert.equal(existsSync(file), false)
      expectRun(ring, unlink(fileAt), -ENOENT, 'again')
      stand.path('folder/file', '')
      expectRun(ring, unlink(folderAt, abi.AT_REMOVEDIR), -ENOTEMPTY, 'a folder that is not empty')
      put(ring, 1, unlink(stand.cstr(`${folder}/file`)), abi.IOSQE_IO_LINK)
      put(ring, 2, unlink(folderAt, abi.AT_REMOVEDIR))
      submit(ring, 2)
      expectInOrder(ring, '1:0 2:0')
      assert.equal(existsSync(folder), false)
      expectRun(ring, unlink(BAD), -EFAULT, 'a bad address')
      expectRun(ring, unlink(fileAt, 0x4000_0000), -EINVAL, 'an unknown flag')
    })
  },
  { opcodes: [abi.IORING_OP_UNLINKAT] },
)

conformance(
  'renameat gives another name, replaces, and exchanges',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const [a, b] = [stand.path('a', 'aaa'), stand.path('b', 'bbb')]
      const [atA, atB] = [stand.cstr(a), stand.cstr(b)]
      expectRun(ring, rename(atA, atB, abi.RENAME_NOREPLACE), -EEXIST, 'NOREPLACE')
      expectRun(ring, rename(atA, atB, abi.RENAME_EXCHANGE), 0, 'EXCHANGE')
      assert.equal(readFileSync(a).toString() + readFileSync(b).toString(), 'bbbaaa')
      expectRun(ring, rename(atA, atB), 0, 'rename')
      assert.equal(existsSync(a), false)
      assert.equal(readFileSync(b).toString(), 'bbb')
      expectRun(ring, rename(atA, atB), -ENOENT, 'again')
      expectRun(ring, rename(BAD, atB), -EFAULT, 'a bad old address')
      expectRun(ring, rename(atB, BAD), -EFAULT, 'a bad new address')
      expectRun(ring, rename(atB, atA, 0x100), -EINVAL, 'an unknown flag')
    })
  },
  { opcodes: [abi.IORING_OP_RENAMEAT] },
)

conformance(
  'mkdirat makes a folder with its mode',
  (stand) => {
    const ring = stand.openRing(8)
    const folder = stand.path('folder')
    expectRun(ring, mkdir(stand.cstr(folder), 0o700), 0, 'mkdir')
    assert.equal(statSync(folder).mode & 0o7777, 0o700)
    assert.ok(statSync(folder).isDirectory())
    expectRun(ring, mkdir(stand.cstr(folder)), -EEXIST, 'again')
    expectRun(ring, mkdir(stand.cstr(stand.path('none/folder'))), -ENOENT, 'in a folder that is not there')
    stand.path('file', '')
    expectRun(ring, mkdir(stand.cstr(stand.path('file/folder'))), -ENOTDIR, 'in a file')
    expectRun(ring, mkdir(BAD), -EFAULT, 'a bad address')
    const dir = stand.open(folder, 'r')
    expectRun(ring, mkdir(stand.cstr('inner'), 0o755, dir), 0, 'in the folder of an fd')
    assert.ok(existsSync(`${folder}/inner`))
  },
  { opcodes: [abi.IORING_OP_MKDIRAT] },
)

conformance(
  'symlinkat makes a link that says what it was told',
  (stand) => {
    const ring = stand.openRing(8)
    const path = stand.path('link')
    const target = stand.cstr('some/where')
    expectRun(ring, symlink(target, stand.cstr(path)), 0, 'symlink')
    assert.equal(readlinkSync(path), 'some/where')
    assert.ok(lstatSync(path).isSymbolicLink())
    expectRun(ring, symlink(target, stand.cstr(path)), -EEXIST, 'again')
    expectRun(ring, symlink(target, stand.cstr(stand.path('none/link'))), -ENOENT, 'in a folder that is not there')
    expectRun(ring, symlink(stand.cstr(''), stand.cstr(stand.path('empty'))), -ENOENT, 'an empty target')
    expectRun(ring, symlink(BAD, stand.cstr(stand.path('bad'))), -EFAULT, 'a bad target')
    expectRun(ring, symlink(target, BAD), -EFAULT, 'a bad path')
    const dir = stand.open(stand.dir(), 'r')
    expectRun(ring, symlink(target, stand.cstr('other'), dir), 0, 'in the folder of an fd')
  },
  { opcodes: [abi.IORING_OP_SYMLINKAT] },
)

conformance(
  'linkat gives a second name to the same file',
  (stand) => {
    const ring = stand.openRing(8)
    const file = stand.path('file', 'text')
    const second = stand.path('second')
    expectRun(ring, link(stand.cstr(file), stand.cstr(second)), 0, 'link')
    assert.equal(statSync(second).ino, statSync(file).ino)
    assert.equal(statSync(file).nlink, 2)
    expectRun(ring, link(stand.cstr(file), stand.cstr(second)), -EEXIST, 'again')
    expectRun(ring, link(stand.cstr(stand.path('none')), stand.cstr(stand.path('x'))), -ENOENT, 'of nothing')
    expectRun(ring, link(stand.cstr(stand.dir()), stand.cstr(stand.path('x'))), -EPERM, 'of a folder')
    expectRun(ring, link(BAD, stand.cstr(stand.path('x'))), -EFAULT, 'a bad old address')
    expectRun(ring, link(stand.cstr(file), BAD), -EFAULT, 'a bad new address')
    expectRun(ring, link(stand.cstr(file), stand.cstr(stand.path('x')), 0x100_0000), -EINVAL, 'an unknown flag')
  },
  { opcodes: [abi.IORING_OP_LINKAT] },
)

const NAME = 'user.uring'

conformance(
  'attributes of a path and of an open file are set, read and refused',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const path = stand.path('file', '')
      const fd = stand.open(path, 'r+')
      const [at, name] = [stand.cstr(path), stand.cstr(NAME)]
      const value = stand.alloc('first')
      const set = (flags: number, of = value) => sqe(prep.prepSetxattr, name, addressOf(of), at, flags, of.byteLength)
      const into = stand.alloc(16)
      const get = (length: number) => sqe(prep.prepGetxattr, name, addressOf(into), at, length)
      const first = run(ring, set(0))
      // A file system without them has none to test.
      if (first === -EOPNOTSUPP) return
      equalRes(first, 0, 'setxattr')
      expectRun(ring, get(0), 5, 'how long it is')
      expectRun(ring, get(16), 5, 'getxattr')
      assert.equal(Buffer.from(into.subarray(0, 5)).toString(), 'first')
      expectRun(ring, get(3), -ERANGE, 'too little room')
      expectRun(ring, set(advice.XATTR_CREATE), -EEXIST, 'CREATE of what is there')
      const second = stand.alloc('2nd')
      expectRun(ring, sqe(prep.prepFsetxattr, fd, name, addressOf(second), advice.XATTR_REPLACE, 3), 0, 'fsetxattr')
      expectRun(ring, sqe(prep.prepFgetxattr, fd, name, addressOf(into), 16), 3, 'fgetxattr')
      assert.equal(Buffer.from(into.subarray(0, 3)).toString(), '2nd')
      const other = stand.cstr('user.other')
      expectRun(ring, sqe(prep.prepGetxattr, other, addressOf(into), at, 16), -ENODATA, 'one that is not there')
      const replace = sqe(prep.prepSetxattr, other, addressOf(value), at, advice.XATTR_REPLACE, 5)
      expectRun(ring, replace, -ENODATA, 'REPLACE of what is not there')
      const nowhere = stand.cstr(stand.path('none'))
      expectRun(ring, sqe(prep.prepGetxattr, name, addressOf(into), nowhere, 16), -ENOENT, 'of no file')
      expectRun(ring, sqe(prep.prepFgetxattr, stand.closedFd(), name, addressOf(into), 16), -EBADF, 'of a closed fd')
      expectRun(ring, sqe(prep.prepGetxattr, BAD, addressOf(into), at, 16), -EFAULT, 'a bad name')
    })
  },
  {
    opcodes: [abi.IORING_OP_SETXATTR, abi.IORING_OP_GETXATTR, abi.IORING_OP_FSETXATTR, abi.IORING_OP_FGETXATTR],
  },
)
