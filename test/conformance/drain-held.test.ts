/**
 * What IOSQE_IO_DRAIN holds back, or refuses to: cancels, refusals, files, memory, closing. Bodies for every backend that
 * has it.
 */
import assert from 'node:assert/strict'
import { existsSync, fstatSync } from 'node:fs'
import {
  AT_FDCWD,
  IOSQE_IO_DRAIN as DRAIN,
  IOSQE_IO_HARDLINK as HARDLINK,
  IORING_ASYNC_CANCEL_ANY,
  IORING_NOP_INJECT_RESULT,
  IORING_REGISTER_SYNC_CANCEL,
  IORING_SETUP_SUBMIT_ALL,
  IOSQE_IO_LINK as LINK,
  O_CREAT,
  O_RDWR,
  IOSQE_CQE_SKIP_SUCCESS as SKIP,
} from '../../src/abi/constants.js'
import { POLLIN } from '../../src/abi/posix.js'
import { ECANCELED, ENOENT, EOPNOTSUPP } from '../../src/lib/errno.js'
import { registerEventfdAsync, registerSyncCancel } from '../../src/ring/register.js'
import { libc } from '../../src/sys/libc.js'
import { addressOf } from '../../src/sys/memory.js'
import {
  equalRes,
  expectAnyOrder,
  expectInOrder,
  expectNothing,
  expectRun,
  HANG_MS,
  ok,
  put,
  reap,
  submit,
  text,
} from './cqes.js'
import { badOpcode, cancel, close, nop, openat, read, readv, withFields } from './fills.js'
import { conformance } from './harness.js'
import { heldRead } from './held-read.js'
import { DEFER, inEachMode } from './modes.js'
import { expectWorkersGone, threads } from './workers.js'

const NEEDS = { sqeFlags: DRAIN }

conformance(
  'what a drain holds back is not found by a cancel, which waits itself',
  (stand) => {
    const ring = stand.openRing(8)
    const { readEnd, writeEnd } = stand.pipe()
    put(ring, 1, read(readEnd, stand.alloc(1)))
    put(ring, 2, nop(), DRAIN)
    put(ring, 3, cancel(1))
    submit(ring, 3)
    expectNothing(ring, 'the cancel is behind the drain')
    stand.write(writeEnd, 'x')
    expectInOrder(ring, '1:1 2:0 3:-ENOENT')
  },
  NEEDS,
)

conformance(
  'a ring that has seen a request without completion refuses drains',
  (stand) => {
    const ring = stand.openRing(8)
    expectRun(ring, nop(), 0, 'a drain before', DRAIN)
    put(ring, 1, nop(), SKIP)
    submit(ring, 1)
    expectRun(ring, nop(), -EOPNOTSUPP, 'a drain after', DRAIN)
    expectRun(ring, nop(), -EOPNOTSUPP, 'both', DRAIN | SKIP)
    expectRun(ring, nop(), 0, 'neither')
  },
  NEEDS,
)

conformance(
  'a cancel that runs finds nothing of what a drain holds back',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const [trigger, other] = [heldRead(stand), heldRead(stand)]
      put(ring, 1, trigger.fill, LINK)
      put(ring, 2, cancel(4))
      put(ring, 3, other.fill)
      put(ring, 4, nop(), DRAIN)
      put(ring, 5, nop())
      submit(ring, 5)
      trigger.end()
      expectInOrder(ring, '1:1 2:-ENOENT')
      other.end()
      expectInOrder(ring, '3:1 4:0 5:0')
    })
  },
  NEEDS,
)

conformance(
  'a cancel of any request leaves what a drain holds back',
  (stand) => {
    const ring = stand.openRing(8)
    const trigger = heldRead(stand)
    put(ring, 1, trigger.fill, LINK)
    put(ring, 2, cancel(0, IORING_ASYNC_CANCEL_ANY))
    put(ring, 3, nop(), DRAIN)
    submit(ring, 3)
    trigger.end()
    expectInOrder(ring, '1:1 2:0 3:0')
  },
  NEEDS,
)

conformance(
  'a sync cancel finds nothing of what a drain holds back',
  (stand) => {
    const ring = stand.openRing(8)
    const first = heldRead(stand)
    put(ring, 1, first.fill)
    put(ring, 2, nop(), DRAIN)
    submit(ring, 2)
    equalRes(registerSyncCancel(ring, { userData: 2n }), -ENOENT, 'a sync cancel')
    first.end()
    expectInOrder(ring, '1:1 2:0')
  },
  { ...NEEDS, registers: [IORING_REGISTER_SYNC_CANCEL] },
)

conformance(
  'a drained cancel waits for its target to end',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const first = heldRead(stand)
      put(ring, 1, first.fill)
      put(ring, 2, cancel(1), DRAIN)
      submit(ring, 2)
      expectNothing(ring, 'the cancel waits')
      first.end()
      expectInOrder(ring, '1:1 2:-ENOENT')
    })
  },
  NEEDS,
)

conformance(
  'a refused drain ends at once, and what is behind it is held all the same',
  (stand) => {
    inEachMode(stand, 8, (ring, flags) => {
      const first = heldRead(stand)
      put(ring, 1, first.fill)
      put(ring, 2, withFields(nop(), { ioprio: 1 }), DRAIN)
      equalRes(ring.submit(), 2, 'submit')
      expectInOrder(ring, '2:-EINVAL')
      put(ring, 3, nop())
      submit(ring, 1)
      expectNothing(ring, `flags ${flags}: it is held`)
      first.end()
      expectInOrder(ring, '1:1 3:0')
    })
  },
  NEEDS,
)

conformance(
  'what ended in a batch holds back what follows a refused drain in it',
  (stand) => {
    // Task work waits for GETEVENTS: what is held stays so until then.
    const ring = stand.openRing(8, { flags: DEFER | IORING_SETUP_SUBMIT_ALL })
    put(ring, 1, nop())
    put(ring, 2, withFields(nop(), { ioprio: 1 }), DRAIN)
    put(ring, 3, nop())
    put(ring, 4, nop())
    submit(ring, 4)
    assert.deepEqual(ring.cq.peekBatch(8).map(text), ['1:0', '2:-EINVAL'])
    ring.cq.advance(2)
    expectAnyOrder(ring, '3:0 4:0')
  },
  NEEDS,
)

conformance(
  'an SQE of an unknown opcode, or with an unknown flag, drains nothing',
  (stand) => {
    const ring = stand.openRing(8)
    const first = heldRead(stand)
    put(ring, 1, first.fill)
    put(ring, 2, badOpcode, DRAIN)
    submit(ring, 2)
    put(ring, 3, nop(), DRAIN | 0x80)
    submit(ring, 1)
    put(ring, 4, nop())
    submit(ring, 1)
    expectInOrder(ring, '2:-EINVAL 3:-EINVAL 4:0')
    first.end()
    expectInOrder(ring, '1:1')
  },
  NEEDS,
)

conformance(
  'a request without completion is held by a drain, and rules the next drain out',
  (stand) => {
    const ring = stand.openRing(8)
    const first = heldRead(stand)
    put(ring, 1, first.fill)
    put(ring, 2, nop(), DRAIN)
    put(ring, 3, nop(), SKIP)
    put(ring, 4, nop(), DRAIN)
    submit(ring, 4)
    expectInOrder(ring, '4:-ENOTSUP')
    put(ring, 5, nop(IORING_NOP_INJECT_RESULT, -ECANCELED), SKIP)
    submit(ring, 1)
    expectNothing(ring, 'it is held')
    first.end()
    expectInOrder(ring, '1:1 2:0 5:-ECANCELED')
  },
  NEEDS,
)

conformance(
  'a drain asked for by a request that is silent on success is refused',
  (stand) => {
    const ring = stand.openRing(8)
    expectRun(ring, nop(), -EOPNOTSUPP, 'both', DRAIN | SKIP)
    expectRun(ring, nop(), -EOPNOTSUPP, 'a drain', DRAIN)
  },
  NEEDS,
)

conformance(
  'what a held request points to is read when it is submitted',
  (stand) => {
    const ring = stand.openRing(8)
    const first = heldRead(stand)
    const path = stand.alloc(Buffer.from(`${stand.path('here', 'abcdef')}\0`))
    const fd = stand.file('data', 'abcdef')
    const into = [stand.alloc(2), stand.alloc(4)]
    const vecs = stand.iovecs(into)
    put(ring, 1, first.fill)
    put(ring, 2, openat(AT_FDCWD, addressOf(path), O_RDWR), DRAIN)
    put(ring, 3, readv(fd, vecs, 2, 0))
    put(ring, 4, openat(AT_FDCWD, addressOf(path), O_RDWR))
    submit(ring, 4)
    path.fill(0)
    vecs.fill(0n)
    first.end()
    const ends = reap(ring, 4).sort((a, b) => a.userData - b.userData)
    assert.equal(ends[2]!.res, 6)
    assert.equal(Buffer.concat(into).toString(), 'abcdef')
    stand.own(ends[1]!.res)
    stand.own(ends[3]!.res)
    assert.ok(ends[1]!.res > 0 && ends[3]!.res > 0, ends.map(text).join(' '))
  },
  NEEDS,
)

conformance(
  'a descriptor is not closed before what was before the drain has ended',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const first = heldRead(stand)
      const fd = stand.highFd(stand.file('data', 'abcdef'))
      put(ring, 1, first.fill)
      put(ring, 2, close(fd), DRAIN)
      put(ring, 3, read(fd, stand.alloc(1), 0))
      submit(ring, 3)
      expectNothing(ring, 'both wait')
      assert.equal(fstatSync(fd).size, 6)
      first.end()
      expectInOrder(ring, '1:1 2:0 3:-EBADF')
      stand.disown(fd)
    })
  },
  NEEDS,
)

conformance(
  'what a drain held back is run by a worker',
  (stand) => {
    const ring = stand.openRing(8)
    // Such an eventfd is signalled for what workers complete alone.
    const fd = stand.eventfd()
    ok(registerEventfdAsync(ring, fd), 'eventfd')
    const pollfd = new Int32Array([fd, POLLIN])
    const isSignalled = (ms: number) => libc('poll')(addressOf(pollfd), 1, ms) === 1
    expectRun(ring, nop(), 0, 'a NOP')
    assert.equal(isSignalled(0), false)
    expectRun(ring, nop(), 0, 'a drained NOP', DRAIN)
    assert.equal(isSignalled(HANG_MS), true)
  },
  NEEDS,
)

conformance(
  'the file of a held request is looked up when its turn has come',
  (stand) => {
    const ring = stand.openRing(8)
    const first = heldRead(stand)
    const fd = stand.highFd(stand.file('data', 'abcdef'))
    put(ring, 1, first.fill)
    put(ring, 2, read(fd, stand.alloc(1), 0), DRAIN)
    submit(ring, 2)
    stand.closeFd(fd)
    first.end()
    expectInOrder(ring, '1:1 2:-EBADF')
  },
  NEEDS,
)

conformance(
  'a ring is closed with requests that a drain holds back, and they never run',
  async (stand) => {
    const before = threads()
    const path = stand.path('made')
    const made = stand.cstr(path)
    const { readEnd, writeEnd } = stand.pipe()
    inEachMode(stand, 16, (ring) => {
      put(ring, 1, read(readEnd, stand.alloc(1)))
      put(ring, 2, openat(AT_FDCWD, made, O_CREAT | O_RDWR, 0o600), DRAIN)
      put(ring, 3, nop(), LINK)
      put(ring, 4, openat(AT_FDCWD, made, O_CREAT | O_RDWR, 0o600))
      put(ring, 5, nop(), HARDLINK)
      put(ring, 6, openat(AT_FDCWD, made, O_CREAT | O_RDWR, 0o600))
      submit(ring, 6)
    })
    await expectWorkersGone(before)
    stand.write(writeEnd, 'mine')
    const ring = stand.openRing(8)
    const into = stand.alloc(4)
    expectRun(ring, read(readEnd, into), 4, 'a read of what the closed rings left')
    assert.equal(Buffer.from(into).toString(), 'mine')
    assert.equal(existsSync(path), false)
  },
  NEEDS,
)
