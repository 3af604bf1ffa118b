/**
 * FALLOCATE, FTRUNCATE, FADVISE, MADVISE, SYNC_FILE_RANGE. Bodies for every backend that has them.
 */
import assert from 'node:assert/strict'
import { fstatSync, readFileSync } from 'node:fs'
import * as advice from '../../src/abi/advice.js'
import * as abi from '../../src/abi/constants.js'
import { EBADF, EINVAL, ENOMEM, EOPNOTSUPP, ESPIPE } from '../../src/lib/errno.js'
import * as prep from '../../src/ring/prep.js'
import { Mapping } from '../../src/sys/memory.js'
import { expectInOrder, expectRun, named, put, run, submit } from './cqes.js'
import { fsync, sqe, write } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'

const fallocate = (fd: number, mode: number, off: number, len: number) => sqe(prep.prepFallocate, fd, mode, off, len)
const ftruncate = (fd: number, len: number) => sqe(prep.prepFtruncate, fd, len)
const fadvise = (fd: number, off: number, len: number, how: number) => sqe(prep.prepFadvise, fd, off, len, how)
const madvise = (addr: number, len: number, how: number) => sqe(prep.prepMadvise, addr, len, how)

conformance(
  'fallocate makes room, and fsync after it in a chain',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const fd = stand.file('file', 'text')
      put(ring, 1, fallocate(fd, 0, 0, 128 * 1024), abi.IOSQE_IO_LINK)
      put(ring, 2, fsync(fd))
      submit(ring, 2)
      expectInOrder(ring, '1:0 2:0')
      assert.equal(fstatSync(fd).size, 128 * 1024)
      expectRun(ring, fallocate(fd, advice.FALLOC_FL_KEEP_SIZE, 0, 256 * 1024), 0, 'KEEP_SIZE')
      assert.equal(fstatSync(fd).size, 128 * 1024)
    })
  },
  { opcodes: [abi.IORING_OP_FALLOCATE] },
)

conformance(
  'fallocate punches holes where the file system can',
  (stand) => {
    const ring = stand.openRing(8)
    const fd = stand.file('file', 'x'.repeat(8192))
    const res = run(ring, fallocate(fd, advice.FALLOC_FL_PUNCH_HOLE | advice.FALLOC_FL_KEEP_SIZE, 1000, 2000))
    if (res === -EOPNOTSUPP) return
    assert.equal(res, 0, named(res))
    const bytes = readFileSync(stand.path('file'))
    assert.ok(bytes.subarray(1000, 3000).every((byte) => byte === 0))
    assert.ok(bytes.subarray(3000).every((byte) => byte === 120))
  },
  { opcodes: [abi.IORING_OP_FALLOCATE] },
)

conformance(
  'fallocate reports what the call does',
  (stand) => {
    const ring = stand.openRing(8)
    const fd = stand.file('file', '')
    expectRun(ring, fallocate(fd, 0, 0, 0), -EINVAL, 'no bytes')
    expectRun(ring, fallocate(fd, 0, -1, 10), -EINVAL, 'a negative offset')
    expectRun(ring, fallocate(stand.closedFd(), 0, 0, 10), -EBADF, 'a closed fd')
    expectRun(ring, fallocate(stand.open(stand.path('file'), 'r'), 0, 0, 10), -EBADF, 'a read-only fd')
    expectRun(ring, fallocate(stand.pipe().writeEnd, 0, 0, 10), -ESPIPE, 'a pipe')
  },
  { opcodes: [abi.IORING_OP_FALLOCATE] },
)

conformance(
  'ftruncate cuts a file, and makes it longer',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const fd = stand.file('file', 'contents')
      expectRun(ring, ftruncate(fd, 4), 0, 'shorter')
      assert.equal(readFileSync(stand.path('file')).toString(), 'cont')
      expectRun(ring, ftruncate(fd, 5 * 2 ** 32), 0, 'longer than 4 GiB')
      assert.equal(fstatSync(fd).size, 5 * 2 ** 32)
      put(ring, 1, write(fd, stand.alloc('xx'), 0), abi.IOSQE_IO_LINK)
      put(ring, 2, ftruncate(fd, 1))
      submit(ring, 2)
      expectInOrder(ring, '1:2 2:0')
      assert.equal(readFileSync(stand.path('file')).toString(), 'x')
    })
  },
  { opcodes: [abi.IORING_OP_FTRUNCATE] },
)

conformance(
  'ftruncate reports what the call does',
  (stand) => {
    const ring = stand.openRing(8)
    const fd = stand.file('file', 'text')
    expectRun(ring, ftruncate(fd, -1), -EINVAL, 'a negative length')
    expectRun(ring, ftruncate(stand.open(stand.path('file'), 'r'), 0), -EINVAL, 'a read-only fd')
    expectRun(ring, ftruncate(stand.closedFd(), 0), -EBADF, 'a closed fd')
  },
  { opcodes: [abi.IORING_OP_FTRUNCATE] },
)

conformance(
  'fadvise takes advice on files, and on nothing else',
  (stand) => {
    const ring = stand.openRing(8)
    const fd = stand.file('file', 'x'.repeat(8192))
    for (const how of [
      advice.POSIX_FADV_NORMAL,
      advice.POSIX_FADV_RANDOM,
      advice.POSIX_FADV_SEQUENTIAL,
      advice.POSIX_FADV_WILLNEED,
      advice.POSIX_FADV_DONTNEED,
      advice.POSIX_FADV_NOREUSE,
    ]) {
      for (const way of [0, abi.IOSQE_ASYNC]) expectRun(ring, fadvise(fd, 0, 4096, how), 0, `advice ${how}`, way)
    }
    expectRun(ring, fadvise(fd, 0, 5 * 2 ** 32, advice.POSIX_FADV_NORMAL), 0, 'a length beyond 4 GiB')
    expectRun(ring, fadvise(fd, 0, 0, 99), -EINVAL, 'unknown advice')
    expectRun(ring, fadvise(stand.pipe().readEnd, 0, 0, 0), -ESPIPE, 'a pipe')
    expectRun(ring, fadvise(stand.closedFd(), 0, 0, 0), -EBADF, 'a closed fd')
  },
  { opcodes: [abi.IORING_OP_FADVISE] },
)

conformance(
  'madvise takes advice on memory of the process',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      // Memory of nobody's: what it holds may be dropped.
      const memory = new Mapping(65536)
      const bytes = new Uint8Array(memory.buffer)
      bytes.fill(1)
      expectRun(ring, madvise(memory.address, 65536, advice.MADV_WILLNEED), 0, 'WILLNEED')
      assert.equal(bytes[4096], 1)
      expectRun(ring, madvise(memory.address + 4096, 4096, advice.MADV_DONTNEED), 0, 'DONTNEED')
      assert.equal(bytes[4095], 1)
      assert.equal(bytes[4096], 0)
      assert.equal(bytes[8192], 1)
      expectRun(ring, madvise(memory.address + 1, 4096, advice.MADV_WILLNEED), -EINVAL, 'not at a page')
      expectRun(ring, madvise(memory.address, 4096, 9999), -EINVAL, 'unknown advice')
      const res = run(ring, madvise(4096, 4096, advice.MADV_WILLNEED))
      assert.equal(named(res), named(-ENOMEM), 'memory of nothing')
    })
  },
  { opcodes: [abi.IORING_OP_MADVISE] },
)

conformance(
  'a range of a file is written out',
  (stand) => {
    const ring = stand.openRing(8)
    const fd = stand.file('file', 'x'.repeat(65536))
    const all = abi.SYNC_FILE_RANGE_WAIT_BEFORE | abi.SYNC_FILE_RANGE_WRITE | abi.SYNC_FILE_RANGE_WAIT_AFTER
    const sync = (len: number, off: number, flags: number, of = fd) => sqe(prep.prepSyncFileRange, of, len, off, flags)
    put(ring, 1, write(fd, stand.alloc('yyyy'), 8192), abi.IOSQE_IO_LINK)
    put(ring, 2, sync(4096, 8192, all))
    submit(ring, 2)
    expectInOrder(ring, '1:4 2:0')
    expectRun(ring, sync(0, 0, abi.SYNC_FILE_RANGE_WRITE), 0, 'to the end')
    expectRun(ring, sync(4096, 0, 0x100), -EINVAL, 'an unknown flag')
    expectRun(ring, sync(4096, 0, all, stand.pipe().writeEnd), -ESPIPE, 'a pipe')
    expectRun(ring, sync(4096, 0, all, stand.closedFd()), -EBADF, 'a closed fd')
  },
  { opcodes: [abi.IORING_OP_SYNC_FILE_RANGE] },
)
