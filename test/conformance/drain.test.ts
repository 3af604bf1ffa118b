/**
 * IOSQE_IO_DRAIN: a barrier in the stream of requests. Bodies for every backend that has it.
 */
import assert from 'node:assert/strict'
import { existsSync, fstatSync } from 'node:fs'
import {
  IOSQE_ASYNC as ASYNC,
  AT_FDCWD,
  IOSQE_IO_DRAIN as DRAIN,
  IOSQE_IO_HARDLINK as HARDLINK,
  IORING_ASYNC_CANCEL_ANY,
  IORING_FSYNC_DATASYNC,
  IORING_NOP_INJECT_RESULT,
  IORING_REGISTER_SYNC_CANCEL,
  IORING_SETUP_SUBMIT_ALL,
  IOSQE_IO_LINK as LINK,
  O_CREAT,
  O_RDWR,
  IOSQE_CQE_SKIP_SUCCESS as SKIP,
} from '../../src/abi/constants.js'
import { ECANCELED, EINVAL, ENOENT, EOPNOTSUPP } from '../../src/lib/errno.js'
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
import { badOpcode, cancel, close, fsync, nop, openat, read, readv, statx, withFields, write } from './fills.js'
import { conformance } from './harness.js'
import { DEFER, inEachMode } from './modes.js'
import type { Stand } from './stand.js'
import { expectWorkersGone, threads } from './workers.js'

const POLLIN = 1

const NEEDS = { sqeFlags: DRAIN }

/** A read of one byte that ends when `end` is called. */
function held(stand: Stand) {
  const { readEnd, writeEnd } = stand.pipe()
  return { fill: read(readEnd, stand.alloc(1)), end: () => stand.write(writeEnd, 'x') }
}

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

conformance(
  'a drained request waits for the whole of the chains before it, and chains behind wait for it',
  (stand) => {
    inEachMode(stand, 16, (ring) => {
      for (const link of [LINK, HARDLINK]) {
        const [first, drained] = [held(stand), held(stand)]
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
      const [member, next] = [held(stand), held(stand)]
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
    const first = held(stand)
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
      const first = held(stand)
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
    const first = held(stand)
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
  'a drain holds on its own ring alone',
  (stand) => {
    const [ring, other] = [stand.openRing(8), stand.openRing(8)]
    const first = held(stand)
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
  'a cancel that runs finds nothing of what a drain holds back',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const [trigger, other] = [held(stand), held(stand)]
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
    const trigger = held(stand)
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
    const first = held(stand)
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
      const first = held(stand)
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
      const first = held(stand)
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
    const first = held(stand)
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
    const first = held(stand)
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
        const first = held(stand)
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

conformance(
  'what a held request points to is read when it is submitted',
  (stand) => {
    const ring = stand.openRing(8)
    const first = held(stand)
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
      const first = held(stand)
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
    const first = held(stand)
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
