/**
 * Registered files: tables, slots, direct descriptors. Bodies for every backend that has them.
 */
import assert from 'node:assert/strict'
import { fstatSync, readFileSync } from 'node:fs'
import * as abi from '../../src/abi/constants.js'
import { OPEN_HOW } from '../../src/abi/structs.js'
import { EBADF, EBUSY, EINVAL, ENFILE, ENXIO, EOVERFLOW } from '../../src/lib/errno.js'
import * as prep from '../../src/ring/prep.js'
import {
  registerFileAllocRange,
  registerFiles,
  registerFilesSparse,
  registerFilesTags,
  registerFilesUpdate,
  registerFilesUpdateTag,
  unregisterFiles,
} from '../../src/ring/register.js'
import { nrOpenFds } from '../../src/sys/loop.test.fds.js'
import { addressOf } from '../../src/sys/memory.js'
import {
  equalRes,
  expectAnyOrder,
  expectInOrder,
  expectNothing,
  expectRun,
  ok,
  put,
  reap,
  run,
  submit,
  text,
} from './cqes.js'
import { close, fsync, nop, read, sqe, withFields, write } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'
import type { Stand } from './stand.js'

const NEEDS = { registers: [abi.IORING_REGISTER_FILES, abi.IORING_REGISTER_FILES2] }
const FIXED = abi.IOSQE_FIXED_FILE
const LINK = abi.IOSQE_IO_LINK
const ALLOC = abi.IORING_FILE_INDEX_ALLOC
const SKIP = abi.IORING_REGISTER_FILES_SKIP
const RDONLY = abi.O_RDONLY

const fds = (...list: number[]) => new Int32Array(list)
const openDirect = (path: number, slot: number, flags = RDONLY) =>
  sqe(prep.prepOpenatDirect, abi.AT_FDCWD, path, flags, 0o600, slot)
const closeDirect = (slot: number) => sqe(prep.prepCloseDirect, slot)
const string = (bytes: Uint8Array) => Buffer.from(bytes).toString()

/** The path of a file with this in it, as an address. */
const pathOf = (stand: Stand, name: string, contents: string) => stand.cstr(stand.path(name, contents))

conformance(
  'a registered file is read and written by its slot, though its fd is closed',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const [a, b] = [stand.file('a', 'aaaa'), stand.file('b', 'bbbb')]
      equalRes(registerFiles(ring, fds(a, b)), 0, 'register')
      stand.closeFd(a)
      stand.closeFd(b)
      const into = stand.alloc(4)
      expectRun(ring, read(1, into, 0), 4, 'read of slot 1', FIXED)
      assert.equal(string(into), 'bbbb')
      expectRun(ring, write(0, stand.alloc('cc'), 1), 2, 'write of slot 0', FIXED)
      assert.equal(readFileSync(stand.path('a')).toString(), 'acca')
      expectRun(ring, fsync(0), 0, 'fsync of slot 0', FIXED)
      expectRun(ring, read(2, into, 0), -EBADF, 'a slot outside', FIXED)
    })
  },
  NEEDS,
)

conformance(
  'files are registered once, and unregistered once',
  (stand) => {
    const ring = stand.openRing(8)
    const fd = stand.file('file', 'text')
    equalRes(unregisterFiles(ring), -ENXIO, 'unregister none')
    equalRes(registerFiles(ring, fds(fd)), 0, 'register')
    equalRes(registerFiles(ring, fds(fd)), -EBUSY, 'register twice')
    equalRes(registerFilesSparse(ring, 4), -EBUSY, 'register twice, sparse')
    equalRes(unregisterFiles(ring), 0, 'unregister')
    equalRes(unregisterFiles(ring), -ENXIO, 'unregister twice')
    expectRun(ring, read(0, stand.alloc(4), 0), -EBADF, 'a slot of no table', FIXED)
    expectRun(ring, fsync(fd), 0, 'a plain fd still works')
  },
  NEEDS,
)

conformance(
  'what is no file cannot be registered',
  (stand) => {
    const ring = stand.openRing(8)
    const fd = stand.file('file', 'text')
    equalRes(ring.register(abi.IORING_REGISTER_FILES, fds(fd), 0), -EINVAL, 'none')
    equalRes(registerFiles(ring, fds(fd, stand.closedFd())), -EBADF, 'a closed fd')
    equalRes(registerFiles(ring, fds(fd, ring.fd)), -EBADF, 'the ring')
    equalRes(registerFiles(ring, fds(stand.openRing(2).fd)), -EBADF, 'another ring')
    equalRes(registerFilesTags(ring, fds(-1), new BigUint64Array([5n])), -EINVAL, 'a tag for nothing')
    equalRes(registerFiles(ring, fds(-1, -1, fd)), 0, 'after all that')
  },
  NEEDS,
)

conformance(
  'slots are filled, replaced, left and emptied',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const [a, b] = [stand.file('a', 'a'), stand.file('b', 'b')]
      const into = stand.alloc(1)
      const slots = () =>
        [0, 1, 2, 3].map((slot) => {
          const res = run(ring, read(slot, into, 0), FIXED)
          return res === 1 ? string(into) : res === -EBADF ? '-' : String(res)
        })
      equalRes(registerFilesUpdate(ring, 0, fds(a)), -ENXIO, 'update of no table')
      equalRes(registerFiles(ring, fds(-1, a, -1, -1)), 0, 'register')
      assert.deepEqual(slots(), ['-', 'a', '-', '-'])
      equalRes(registerFilesUpdate(ring, 0, fds(b, b)), 2, 'fill and replace')
      assert.deepEqual(slots(), ['b', 'b', '-', '-'])
      equalRes(registerFilesUpdate(ring, 0, fds(-1, SKIP, a)), 3, 'empty, leave and fill')
      assert.deepEqual(slots(), ['-', 'b', 'a', '-'])
      equalRes(registerFilesUpdate(ring, 3, fds(a, a)), -EINVAL, 'beyond the table')
      equalRes(registerFilesUpdate(ring, 2, fds(b, stand.closedFd())), 1, 'the second is bad')
      assert.deepEqual(slots(), ['-', 'b', 'b', '-'])
      equalRes(registerFilesUpdate(ring, 1, fds(stand.closedFd())), -EBADF, 'the first is bad')
      assert.deepEqual(slots(), ['-', '-', 'b', '-'], 'its slot is emptied')
    })
  },
  NEEDS,
)

conformance(
  'a request changes slots too',
  (stand) => {
    const ring = stand.openRing(8)
    const fd = stand.file('file', 'text')
    equalRes(registerFilesSparse(ring, 4), 0, 'sparse')
    const list = stand.alloc(8)
    const words = new Int32Array(list.buffer)
    words.set([fd, fd])
    const update = (nr: number, offset: number) => sqe(prep.prepFilesUpdate, addressOf(list), nr, offset)
    expectRun(ring, update(2, 1), 2, 'slots 1 and 2')
    expectRun(ring, read(2, stand.alloc(4), 0), 4, 'slot 2', FIXED)
    expectRun(ring, update(1, ALLOC), 1, 'a free slot')
    assert.equal(words[0], 3, 'the next behind those')
    words.set([fd, fd])
    expectRun(ring, update(2, ALLOC), 1, 'two where one is free')
    assert.equal(words[0], 0)
    expectRun(ring, update(1, ALLOC), -ENFILE, 'a full table')
    words.set([-1])
    expectRun(ring, update(1, 9), -EINVAL, 'beyond the table')
    expectRun(ring, update(1, 0), 1, 'empty slot 0')
    expectRun(ring, read(0, stand.alloc(4), 0), -EBADF, 'slot 0', FIXED)
  },
  { registers: NEEDS.registers, opcodes: [abi.IORING_OP_FILES_UPDATE] },
)

conformance(
  'a tag comes back when the last user of its file is done',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { readEnd, writeEnd } = stand.pipe()
      const file = stand.file('file', 'text')
      equalRes(registerFilesTags(ring, fds(readEnd, file), new BigUint64Array([71n, 72n])), 0, 'register')
      put(ring, 1, read(0, stand.alloc(4)), FIXED)
      submit(ring, 1)
      equalRes(registerFilesUpdateTag(ring, 1, fds(file), new BigUint64Array([73n])), 1, 'replace slot 1')
      expectInOrder(ring, '72:0')
      equalRes(registerFilesUpdate(ring, 0, fds(-1)), 1, 'empty slot 0')
      expectNothing(ring, 'its read still waits')
      put(ring, 2, write(writeEnd, stand.alloc('x')))
      submit(ring, 1)
      expectAnyOrder(ring, '1:1 2:1 71:0')
      equalRes(unregisterFiles(ring), 0, 'unregister')
      expectInOrder(ring, '73:0')
    })
  },
  NEEDS,
)

conformance(
  'a ring is closed with tagged files, and requests on them',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { readEnd } = stand.pipe()
      equalRes(registerFilesTags(ring, fds(readEnd), new BigUint64Array([71n])), 0, 'register')
      put(ring, 1, read(0, stand.alloc(4)), FIXED)
      submit(ring, 1)
      // inEachMode closes it.
    })
  },
  NEEDS,
)

conformance(
  'a file is opened into a slot, read and closed in one chain',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const path = pathOf(stand, 'file', 'contents')
      equalRes(registerFilesSparse(ring, 4), 0, 'sparse')
      for (const way of [0, abi.IOSQE_ASYNC, abi.IOSQE_IO_DRAIN]) {
        const into = stand.alloc(8)
        put(ring, 1, openDirect(path, 2), LINK | way)
        put(ring, 2, read(2, into, 0), FIXED | LINK)
        put(ring, 3, closeDirect(2))
        submit(ring, 3)
        expectInOrder(ring, '1:0 2:8 3:0')
        assert.equal(string(into), 'contents')
        expectRun(ring, closeDirect(2), -EBADF, 'closed already')
      }
    })
  },
  NEEDS,
)

conformance(
  'a slot that is opened into again has the new file',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const [a, b] = [pathOf(stand, 'a', 'old'), pathOf(stand, 'b', 'new')]
      equalRes(registerFilesSparse(ring, 2), 0, 'sparse')
      const into = stand.alloc(3)
      put(ring, 1, openDirect(a, 0), LINK)
      put(ring, 2, openDirect(b, 0), LINK)
      put(ring, 3, read(0, into, 0), FIXED)
      submit(ring, 3)
      expectInOrder(ring, '1:0 2:0 3:3')
      assert.equal(string(into), 'new')
      expectRun(ring, closeDirect(0), 0, 'close')
    })
  },
  NEEDS,
)

conformance(
  'free slots are chosen in order, from the range that is given',
  (stand) => {
    const ring = stand.openRing(8)
    const path = pathOf(stand, 'file', '')
    equalRes(registerFileAllocRange(ring, 0, 1), -EINVAL, 'a range of no table')
    equalRes(registerFilesSparse(ring, 6), 0, 'sparse')
    expectRun(ring, openDirect(path, ALLOC), 0, 'the first')
    expectRun(ring, openDirect(path, ALLOC), 1, 'the second')
    equalRes(registerFileAllocRange(ring, 3, 2), 0, 'a range')
    expectRun(ring, openDirect(path, ALLOC), 3, 'the first of it')
    expectRun(ring, openDirect(path, ALLOC), 4, 'the second of it')
    expectRun(ring, openDirect(path, ALLOC), -ENFILE, 'a third')
    expectRun(ring, openDirect(path, 5), 0, 'one that is named, outside of it')
    expectRun(ring, closeDirect(3), 0, 'close')
    expectRun(ring, openDirect(path, ALLOC), 3, 'the one that is free')
    equalRes(registerFileAllocRange(ring, 5, 2), -EINVAL, 'beyond the table')
    equalRes(registerFileAllocRange(ring, 2 ** 31, 2 ** 31), -EOVERFLOW, 'beyond all')
    equalRes(registerFileAllocRange(ring, 0, 0), 0, 'nothing')
    expectRun(ring, openDirect(path, ALLOC), -ENFILE, 'of nothing')
  },
  { registers: [...NEEDS.registers, abi.IORING_REGISTER_FILE_ALLOC_RANGE] },
)

conformance(
  'what was chosen of a table is forgotten with it',
  (stand) => {
    const ring = stand.openRing(8)
    const path = pathOf(stand, 'file', '')
    equalRes(registerFilesSparse(ring, 16), 0, 'sparse')
    equalRes(unregisterFiles(ring), 0, 'unregister an empty one')
    expectRun(ring, openDirect(path, ALLOC), -ENFILE, 'of no table')
    equalRes(registerFilesSparse(ring, 16), 0, 'sparse')
    equalRes(registerFileAllocRange(ring, 8, 8), 0, 'a range')
    for (const slot of [8, 9, 10]) expectRun(ring, openDirect(path, ALLOC), slot, `slot ${slot}`)
    equalRes(unregisterFiles(ring), 0, 'unregister')
    expectRun(ring, openDirect(path, ALLOC), -ENFILE, 'of no table again')
    equalRes(registerFilesSparse(ring, 2), 0, 'a shorter one')
    for (const slot of [0, 1, -ENFILE])
      expectRun(ring, openDirect(path, ALLOC), slot, `slot ${slot} of the shorter one`)
  },
  { registers: [...NEEDS.registers, abi.IORING_REGISTER_FILE_ALLOC_RANGE] },
)

conformance(
  'direct opens and closes that make no sense are refused',
  (stand) => {
    const ring = stand.openRing(8)
    const path = pathOf(stand, 'file', '')
    expectRun(ring, openDirect(path, 0), -ENXIO, 'no table')
    expectRun(ring, closeDirect(0), -ENXIO, 'close in no table')
    equalRes(registerFilesSparse(ring, 2), 0, 'sparse')
    expectRun(ring, openDirect(path, 2), -EINVAL, 'a slot outside')
    expectRun(ring, openDirect(path, 0, RDONLY | abi.O_CLOEXEC), -EINVAL, 'O_CLOEXEC')
    expectRun(ring, closeDirect(2), -EINVAL, 'close of a slot outside')
    expectRun(ring, closeDirect(1), -EBADF, 'close of an empty slot')
    expectRun(ring, withFields(closeDirect(1), { fd: 5 }), -EINVAL, 'a slot and an fd')
    expectRun(ring, close(0), -EBADF, 'close of a registered file by its flag', FIXED)
  },
  NEEDS,
)

conformance(
  'openat2 opens, plainly and into slots',
  (stand) => {
    const ring = stand.openRing(8)
    const how = stand.alloc(OPEN_HOW.size)
    const words = new BigUint64Array(how.buffer)
    const path = pathOf(stand, 'file', 'text')
    const open = (at: number) => sqe(prep.prepOpenat2, abi.AT_FDCWD, at, addressOf(how))
    const direct = (slot: number) => sqe(prep.prepOpenat2Direct, abi.AT_FDCWD, path, addressOf(how), slot)
    const fd = stand.own(ok(run(ring, open(path)), 'openat2'))
    const into = stand.alloc(4)
    expectRun(ring, read(fd, into, 0), 4, 'read')
    equalRes(registerFiles(ring, fds(stand.pipe().readEnd, -1)), 0, 'register')
    expectRun(ring, direct(0), 0, 'over a pipe')
    expectRun(ring, read(0, into, 0), 4, 'read of slot 0', FIXED)
    assert.equal(string(into), 'text')
    expectRun(ring, direct(2), -EINVAL, 'a slot outside')
    expectRun(ring, direct(ALLOC), 1, 'a free slot')
    words[2] = BigInt(abi.RESOLVE_NO_SYMLINKS)
    expectRun(ring, open(stand.cstr('/proc/self/exe')), -40, 'a link where none is allowed (ELOOP)')
    words[2] = BigInt(abi.RESOLVE_BENEATH)
    expectRun(ring, open(path), -18, 'a path that leaves its folder (EXDEV)')
    words[2] = 1n << 40n
    expectRun(ring, open(path), -EINVAL, 'an unknown way')
    words.set([0n, 0o600n, 0n])
    expectRun(ring, open(path), -EINVAL, 'a mode where nothing is made')
  },
  { ...NEEDS, opcodes: [abi.IORING_OP_OPENAT2] },
)

conformance(
  'a registered file gets an fd of its own',
  (stand) => {
    const ring = stand.openRing(8)
    const file = stand.file('file', 'text')
    equalRes(registerFiles(ring, fds(file, -1)), 0, 'register')
    const install = (slot: number, flags = 0) => sqe(prep.prepFixedFdInstall, slot, flags)
    for (const [flags, isClosedOnExec] of [
      [0, true],
      [abi.IORING_FIXED_FD_NO_CLOEXEC, false],
    ] as const) {
      const fd = stand.own(ok(run(ring, install(0, flags)), 'install'))
      assert.equal(fstatSync(fd).ino, fstatSync(file).ino)
      const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')
      const fileFlags = Number.parseInt(/^flags:\s*(\d+)$/m.exec(info)?.[1] ?? '', 8)
      assert.equal((fileFlags & abi.O_CLOEXEC) !== 0, isClosedOnExec, `flags ${flags}`)
    }
    expectRun(ring, install(1), -EBADF, 'an empty slot')
    expectRun(ring, install(0, 0x100), -EINVAL, 'an unknown flag')
    expectRun(ring, withFields(install(0), { flags: 0 }), -EBADF, 'a plain fd')
  },
  { ...NEEDS, opcodes: [abi.IORING_OP_FIXED_FD_INSTALL] },
)

conformance(
  'NOPs with files leave none behind',
  (stand) => {
    const ring = stand.openRing(8)
    const { readEnd, writeEnd } = stand.pipe()
    equalRes(registerFiles(ring, fds(writeEnd)), 0, 'register')
    const flags = abi.IORING_NOP_FILE | abi.IORING_NOP_FIXED_FILE
    for (let i = 0; i < 100; i++) expectRun(ring, withFields(nop(flags), { fd: 0 }), 0, 'nop')
    expectRun(ring, withFields(nop(flags), { fd: 3 }), -EBADF, 'nop of a slot outside')
    equalRes(unregisterFiles(ring), 0, 'unregister')
    stand.closeFd(writeEnd)
    // Its last writer is gone, or the read would wait.
    expectRun(ring, read(readEnd, stand.alloc(1)), 0, 'read')
  },
  NEEDS,
)

conformance(
  'direct descriptors take no fd of the process',
  (stand) => {
    const ring = stand.openRing(64)
    const path = pathOf(stand, 'file', '')
    equalRes(registerFilesSparse(ring, 64), 0, 'sparse')
    const before = nrOpenFds()
    for (let i = 0; i < 64; i++) put(ring, i, openDirect(path, ALLOC))
    submit(ring, 64)
    const slots = reap(ring, 64).map(({ res }) => res)
    assert.deepEqual(
      slots.sort((a, b) => a - b),
      slots.map((_, i) => i),
    )
    assert.equal(nrOpenFds(), before)
    for (let i = 0; i < 64; i++) put(ring, i, closeDirect(i))
    submit(ring, 64)
    assert.ok(reap(ring, 64).every((cqe) => text(cqe).endsWith(':0')))
  },
  NEEDS,
)
