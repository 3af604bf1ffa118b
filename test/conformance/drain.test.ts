/**
 * IOSQE_IO_DRAIN: a barrier in the stream of requests. Bodies for every backend that has it.
 */
import assert from 'node:assert/strict'
import {
  IOSQE_ASYNC as ASYNC,
  AT_FDCWD,
  IOSQE_IO_DRAIN as DRAIN,
  IOSQE_IO_HARDLINK as HARDLINK,
  IORING_FSYNC_DATASYNC,
  IORING_NOP_INJECT_RESULT,
  IORING_OP_TIMEOUT,
  IOSQE_IO_LINK as LINK,
  O_CREAT,
  O_RDWR,
} from '../../src/abi/constants.js'
import { EINVAL } from '../../src/lib/errno.js'
import { prepTimeout } from '../../src/ring/prep.js'
import { expectAnyOrder, expectInOrder, expectNothing, expectRun, put, reap, submit, text } from './cqes.js'
import { badOpcode, fsync, nop, openat, read, sqe, statx, write } from './fills.js'
import { conformance } from './harness.js'
import { heldRead } from './held-read.js'
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
      // What comes behind goes together, and to workers.
      const [one, two, ...behind] = reap(ring, 4).map(text)
      assert.deepEqual([one, two, ...behind.sort()], ['1:1', '2:1', '3:0', '4:0'])
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

conformance(
  'a drained request waits for the whole of the chains before it, and chains behind wait for it',
  (stand) => {
    inEachMode(stand, 16, (ring) => {
      for (const link of [LINK, HARDLINK]) {
        const [first, drained] = [heldRead(stand), heldRead(stand)]
        put(ring, 1, first.fill, link)
        put(ring, 2, nop(), link | ASYNC)
        put(ring, 3, nop())
        put(ring, 4, drained.fill, DRAIN)
        put(ring, 5, nop(), link)
        put(ring, 6, nop(), link)
        put(ring, 7, nop())
        submit(ring, 7)
        expectNothing(ring, 'the chain has not ended')
        first.end()
        expectInOrder(ring, '1:1 2:0 3:0')
        expectNothing(ring, 'the drained one has not ended')
        drained.end()
        expectInOrder(ring, '4:1 5:0 6:0 7:0')
      }
    })
  },
  NEEDS,
)

conformance(
  'behind a chain with a drain the first request drains, too, and waits until the chain has ended',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const [member, next] = [heldRead(stand), heldRead(stand)]
      put(ring, 1, nop(), LINK)
      put(ring, 2, member.fill, LINK | DRAIN)
      put(ring, 3, nop())
      put(ring, 4, next.fill)
      put(ring, 5, nop())
      submit(ring, 5)
      expectInOrder(ring, '1:0')
      member.end()
      expectInOrder(ring, '2:1 3:0')
      expectNothing(ring, 'the one behind waits for the first behind the chain')
      next.end()
      expectInOrder(ring, '4:1 5:0')
    })
  },
  NEEDS,
)

conformance(
  'a chain that fails behind a drain is cancelled, and what is behind it goes on',
  (stand) => {
    const ring = stand.openRing(8)
    const first = heldRead(stand)
    put(ring, 1, first.fill)
    put(ring, 2, nop(IORING_NOP_INJECT_RESULT, -EINVAL), LINK | DRAIN)
    put(ring, 3, nop(), LINK)
    put(ring, 4, nop())
    put(ring, 5, nop(), DRAIN)
    submit(ring, 5)
    first.end()
    expectInOrder(ring, '1:1 2:-EINVAL 3:-ECANCELED 4:-ECANCELED 5:0')
  },
  NEEDS,
)

conformance(
  'a chain with a drain that is open at the end of enter is closed and held',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const first = heldRead(stand)
      put(ring, 1, first.fill)
      put(ring, 2, nop(), LINK | DRAIN)
      put(ring, 3, nop(), LINK)
      submit(ring, 3)
      put(ring, 4, nop())
      submit(ring, 1)
      expectNothing(ring, 'all wait for the first')
      first.end()
      expectInOrder(ring, '1:1 2:0 3:0 4:0')
    })
  },
  NEEDS,
)

conformance(
  'thousands of drained requests run one by one, in order',
  (stand) => {
    const ring = stand.openRing(4096)
    const first = heldRead(stand)
    put(ring, 0, first.fill)
    const nr = 3000
    for (let i = 1; i <= nr; i++) put(ring, i, nop(), i % 3 === 0 ? DRAIN | ASYNC : DRAIN)
    submit(ring, nr + 1)
    expectNothing(ring, 'all wait for the first')
    first.end()
    assert.deepEqual(
      reap(ring, nr + 1).map(({ userData }) => userData),
      Array.from({ length: nr + 1 }, (_, i) => i),
    )
  },
  NEEDS,
)

conformance(
  'some time after a drain, requests run inside of submit again',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      expectRun(ring, nop(), 0, 'a drained one', DRAIN)
      let nrHeld = 0
      for (;;) {
        put(ring, 1, nop())
        submit(ring, 1)
        // The kernel frees a request some time after its completion is there, and till then holds the next.
        if (ring.cq.ready() === 1) break
        reap(ring, 1)
        assert.ok(nrHeld++ < 10_000, 'requests are held for good')
      }
      expectInOrder(ring, '1:0')
    })
  },
  NEEDS,
)

conformance(
  'a drain waits for a timeout, and a ring is closed with one that is held',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const first = heldRead(stand)
      put(ring, 1, sqe(prepTimeout, stand.timespec(5), 0, 0))
      put(ring, 2, nop(), DRAIN)
      submit(ring, 2)
      expectInOrder(ring, '1:-ETIME 2:0')
      put(ring, 3, first.fill)
      put(ring, 4, sqe(prepTimeout, stand.timespec(3_600_000), 1, 0), DRAIN | LINK)
      put(ring, 5, nop())
      submit(ring, 3)
      expectNothing(ring, 'all wait for the first')
    })
  },
  { ...NEEDS, opcodes: [IORING_OP_TIMEOUT] },
)

conformance(
  'a completion that meets the count of a timeout ends it before a drain behind both goes',
  (stand) => {
    // Met in the batch itself, and by what ends later; each on a ring of its own, which holds no timeout back.
    inEachMode(stand, 8, (ring) => {
      put(ring, 1, sqe(prepTimeout, stand.timespec(3_600_000), 1, 0))
      put(ring, 2, nop())
      put(ring, 3, nop(), DRAIN)
      submit(ring, 3)
      expectInOrder(ring, '2:0 1:0 3:0')
    })
    inEachMode(stand, 8, (ring) => {
      const first = heldRead(stand)
      put(ring, 4, sqe(prepTimeout, stand.timespec(3_600_000), 1, 0))
      put(ring, 5, first.fill)
      put(ring, 6, nop(), DRAIN)
      submit(ring, 3)
      expectNothing(ring, 'neither has ended')
      first.end()
      expectInOrder(ring, '5:1 4:0 6:0')
    })
  },
  { ...NEEDS, opcodes: [IORING_OP_TIMEOUT] },
)

conformance(
  'a drain holds on its own ring alone',
  (stand) => {
    const [ring, other] = [stand.openRing(8), stand.openRing(8)]
    const first = heldRead(stand)
    put(ring, 1, first.fill)
    put(ring, 2, nop(), DRAIN)
    submit(ring, 2)
    expectRun(other, nop(), 0, 'a NOP of another ring')
    expectRun(other, nop(), 0, 'a drained NOP of another ring', DRAIN)
    first.end()
    expectInOrder(ring, '1:1 2:0')
  },
  NEEDS,
)

conformance(
  'drains go on while the CQ is full',
  (stand) => {
    inEachMode(
      stand,
      4,
      (ring) => {
        for (let i = 0; i < 6; i++) {
          put(ring, i, nop())
          submit(ring, 1)
        }
        const first = heldRead(stand)
        put(ring, 6, first.fill)
        put(ring, 7, nop(), DRAIN)
        put(ring, 8, nop(), LINK)
        put(ring, 9, nop())
        submit(ring, 4)
        first.end()
        expectInOrder(ring, '0:0 1:0 2:0 3:0 4:0 5:0 6:1 7:0 8:0 9:0')
      },
      { cqEntries: 4 },
    )
  },
  NEEDS,
)
