/**
 * IOSQE_IO_DRAIN: a barrier in the stream of requests. Bodies for every backend that has it.
 */
import assert from 'node:assert/strict'
import {
  AT_FDCWD,
  IOSQE_IO_DRAIN as DRAIN,
  IOSQE_IO_HARDLINK as HARDLINK,
  IORING_FSYNC_DATASYNC,
  IOSQE_IO_LINK as LINK,
  O_CREAT,
  O_RDWR,
  IOSQE_CQE_SKIP_SUCCESS as SKIP,
} from '../../src/abi/constants.js'
import { EOPNOTSUPP } from '../../src/lib/errno.js'
import { expectAnyOrder, expectInOrder, expectNothing, expectRun, put, reap, submit } from './cqes.js'
import { badOpcode, cancel, fsync, nop, openat, read, statx, write } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'

const NEEDS = { sqeFlags: DRAIN }

conformance(
  'a drained request waits for all before it, and all behind wait for it',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const first = stand.pipe()
      const drained = stand.pipe()
      put(ring, 1, read(first.readEnd, stand.alloc(1)))
      put(ring, 2, read(drained.readEnd, stand.alloc(1)), DRAIN)
      put(ring, 3, nop())
      submit(ring, 3)
      put(ring, 4, nop())
      submit(ring, 1)
      expectNothing(ring, 'all wait for the first')
      stand.write(drained.writeEnd, 'x')
      expectNothing(ring, 'the drained one has not begun')
      stand.write(first.writeEnd, 'x')
      expectInOrder(ring, '1:1 2:1 3:0 4:0')
      put(ring, 5, nop())
      submit(ring, 1)
      expectInOrder(ring, '5:0')
    })
  },
  NEEDS,
)

conformance(
  'a drain inside of a chain holds for the whole chain, and for the next request',
  (stand) => {
    const ring = stand.openRing(16)
    for (let round = 0; round < 200; round++) {
      const { readEnd, writeEnd } = stand.pipe()
      put(ring, 1, read(readEnd, stand.alloc(1)))
      put(ring, 2, nop(), LINK)
      put(ring, 3, nop(), round % 2 === 0 ? LINK | DRAIN : HARDLINK | DRAIN)
      put(ring, 4, nop())
      put(ring, 5, nop())
      put(ring, 6, nop(), DRAIN)
      put(ring, 7, nop())
      submit(ring, 7)
      stand.write(writeEnd, 'x')
      expectInOrder(ring, '1:1 2:0 3:0 4:0 5:0 6:0 7:0')
      stand.closeFd(readEnd)
      stand.closeFd(writeEnd)
    }
  },
  NEEDS,
)

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
  'a refused chain is not drained, and the request after it still is',
  (stand) => {
    const ring = stand.openRing(8)
    const { readEnd, writeEnd } = stand.pipe()
    put(ring, 1, read(readEnd, stand.alloc(1)))
    put(ring, 2, nop(), LINK)
    put(ring, 3, nop(), LINK | DRAIN)
    put(ring, 4, badOpcode, LINK)
    put(ring, 5, nop())
    submit(ring, 5)
    expectAnyOrder(ring, '2:-ECANCELED 3:-ECANCELED 4:-EINVAL 5:-ECANCELED')
    put(ring, 6, nop())
    submit(ring, 1)
    expectNothing(ring, 'the next request waits for the first')
    stand.write(writeEnd, 'x')
    expectInOrder(ring, '1:1 6:0')
  },
  NEEDS,
)

conformance(
  'a drained datasync comes after all writes, whichever workers do them',
  (stand) => {
    const ring = stand.openRing(16)
    const fd = stand.file('file', '')
    for (let i = 0; i < 8; i++) put(ring, i, write(fd, stand.alloc(`${i}`.repeat(512)), i * 512))
    put(ring, 8, fsync(fd, IORING_FSYNC_DATASYNC), DRAIN)
    put(ring, 9, statx(fd, stand.cstr(''), 0x1000, 0x7ff, stand.alloc(256)))
    submit(ring, 10)
    const order = reap(ring, 10).map(({ userData, res }) => [userData, res])
    assert.deepEqual(order.slice(8), [
      [8, 0],
      [9, 0],
    ])
    assert.ok(order.slice(0, 8).every(([, res]) => res === 512))
  },
  NEEDS,
)

conformance(
  'files are opened behind a drain',
  (stand) => {
    const ring = stand.openRing(8)
    const path = stand.cstr(stand.path('large'))
    put(ring, 1, nop())
    put(ring, 2, openat(AT_FDCWD, path, O_CREAT | O_RDWR, 0o600), DRAIN)
    submit(ring, 2)
    const [first, second] = reap(ring, 2)
    assert.equal(first!.userData, 1)
    const fd = stand.own(second!.res)
    expectRun(ring, write(fd, stand.alloc('end'), 2 ** 32), 3, 'a write beyond 4 GiB')
    expectRun(ring, fsync(fd), 0, 'fsync', DRAIN)
  },
  NEEDS,
)
