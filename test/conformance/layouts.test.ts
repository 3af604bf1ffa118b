/**
 * Rings laid out otherwise: large entries, mixed ones, memory of the app's, no fd. Bodies for every backend that has them.
 */
import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import * as abi from '../../src/abi/constants.js'
import { SQE } from '../../src/abi/sqe.js'
import { EBADF, EINVAL } from '../../src/lib/errno.js'
import { registerIowqMaxWorkers, registerProbe } from '../../src/ring/register.js'
import { queueInit } from '../../src/ring/ring.js'
import { equalRes, expectInOrder, expectRun, ok, put, reap, submit } from './cqes.js'
import { type Fill, nop, read, withFields } from './fills.js'
import { conformance } from './harness.js'
import { DEFER } from './modes.js'

const { IORING_SETUP_CQE32: CQE32, IORING_SETUP_CQE_MIXED: MIXED, IORING_SETUP_SQE128: SQE128 } = abi
const NO_MMAP = abi.IORING_SETUP_NO_MMAP
const NO_FD = NO_MMAP | abi.IORING_SETUP_REGISTERED_FD_ONLY

/** A NOP whose completion is a large one, with these two values. */
const largeNop = (first: number, second: number): Fill =>
  withFields(nop(abi.IORING_NOP_CQE32), { off: first, addr: second })

conformance(
  'a large completion has 16 bytes more',
  (stand) => {
    const ring = stand.openRing(4, { flags: CQE32 })
    for (let i = 0; i < 20; i++) {
      put(ring, i, largeNop(2 ** 40 + i, 7 * i))
      submit(ring, 1)
      assert.equal(ring.cq.ready(), 1)
      const extra = [0, 1, 2, 3].map((word) => ring.cq.extra(word))
      assert.deepEqual(extra, [i, 2 ** 8, 7 * i, 0])
      expectInOrder(ring, `${i}:0`)
    }
    put(ring, 1, nop())
    submit(ring, 1)
    assert.deepEqual([ring.cq.extra(0), ring.cq.extra(2)], [0, 0], 'those of a plain one are clear')
    expectInOrder(ring, '1:0')
  },
  { setup: CQE32 },
)

conformance(
  'large and small completions follow each other, and what does not fit at the end of the CQ is passed over',
  (stand) => {
    const ring = stand.openRing(4, { flags: MIXED, cqEntries: 8 })
    // Seven slots for five, so that each falls on every slot in turn.
    const isLarge = (i: number) => i % 5 === 1 || i % 5 === 3
    let nrFillers = 0
    for (let i = 0; i < 60; i += 2) {
      for (const each of [i, i + 1]) put(ring, each, isLarge(each) ? largeNop(each, 5) : nop())
      submit(ring, 2)
      const batch = ring.cq.peekBatch(8)
      assert.deepEqual(
        batch.map(({ userData, flags }) => [userData, flags]),
        [i, i + 1].map((each) => [each, isLarge(each) ? abi.IORING_CQE_F_32 : 0]),
      )
      // One by one: the words of a large one are at its own place.
      for (const each of [i, i + 1]) {
        if ((ring.cq.flags() & abi.IORING_CQE_F_SKIP) !== 0) {
          nrFillers++
          ring.cq.advance(ring.cq.slots())
        }
        assert.equal(ring.cq.userData(), each)
        assert.equal(ring.cq.slots(), isLarge(each) ? 2 : 1)
        if (isLarge(each)) assert.deepEqual([ring.cq.extra(0), ring.cq.extra(2)], [each, 5])
        ring.cq.cqeSeen()
      }
      assert.equal(ring.cq.ready(), 0)
    }
    assert.ok(nrFillers > 0, 'some were passed over')
  },
  { setup: MIXED },
)

conformance(
  'large and small completions are given back by number, with what lies between',
  (stand) => {
    const ring = stand.openRing(8, { flags: MIXED, cqEntries: 16 })
    for (let i = 0; i < 100; i += 5) {
      for (let each = i; each < i + 5; each++) put(ring, each, each % 2 === 0 ? largeNop(each, 0) : nop())
      submit(ring, 5)
      assert.deepEqual(
        ring.cq.peekBatch(3).map(({ userData }) => userData),
        [i, i + 1, i + 2],
      )
      ring.cq.seen(3)
      assert.equal(ring.cq.peekCqe()?.userData, i + 3)
      ring.cq.seen(2)
      assert.equal(ring.cq.peekCqe(), undefined)
      assert.equal(ring.cq.ready(), 0)
    }
  },
  { setup: MIXED },
)

conformance(
  'more completions of both sizes than the CQ holds come in order',
  (stand) => {
    const ring = stand.openRing(8, { flags: MIXED, cqEntries: 8 })
    for (let i = 0; i < 40; i += 8) {
      for (let each = i; each < i + 8; each++) put(ring, each, each % 2 === 0 ? largeNop(each, 0) : nop())
      submit(ring, 8)
    }
    const order: number[] = []
    while (order.length < 40) {
      ok(ring.getEvents(), 'getEvents')
      const batch = ring.cq.peekBatch(40)
      assert.ok(batch.length > 0, `${order.length} came`)
      order.push(...batch.map(({ userData }) => userData))
      ring.cq.seen(batch.length)
    }
    assert.deepEqual(
      order,
      Array.from({ length: 40 }, (_, i) => i),
    )
  },
  { setup: MIXED },
)

conformance(
  'large SQEs are 128 bytes apart, and handed out clear',
  (stand) => {
    const ring = stand.openRing(4, { flags: SQE128 })
    const LARGE_WORDS = (2 * SQE.size) >> 2
    assert.equal(ring.sq.words.length, 4 * LARGE_WORDS)
    for (let i = 0; i < 12; i++) {
      const at = put(ring, i, nop(abi.IORING_NOP_INJECT_RESULT, i * 10))
      assert.equal(at, (i % 4) * LARGE_WORDS)
      const second = ring.sq.words.subarray(at + LARGE_WORDS / 2, at + LARGE_WORDS)
      assert.ok(
        second.every((word) => word === 0),
        'the second half is clear',
      )
      second.fill(0x5a5a5a5a)
      if (i % 4 === 3) {
        submit(ring, 4)
        expectInOrder(ring, [3, 2, 1, 0].map((back) => `${i - back}:${(i - back) * 10}`).join(' '))
      }
    }
  },
  { setup: SQE128 },
)

for (const [name, flags, cqEntries] of [
  ['', 0, undefined],
  [' with large entries', CQE32 | SQE128, undefined],
  [' without an array, task work deferred', abi.IORING_SETUP_NO_SQARRAY | DEFER, 64],
  [' of some size', 0, 4096],
] as const) {
  conformance(
    `a ring lies in memory of the app’s${name}`,
    (stand) => {
      const ring = stand.openRing(8, { flags: NO_MMAP | flags, ...(cqEntries === undefined ? {} : { cqEntries }) })
      for (let i = 0; i < 100; i++) {
        put(ring, i, nop(abi.IORING_NOP_INJECT_RESULT, i))
        submit(ring, 1)
        expectInOrder(ring, `${i}:${i}`)
      }
      const bytes = stand.alloc(5)
      expectRun(ring, read(stand.file('file', 'hello'), bytes, 0), 5, 'read')
      assert.equal(Buffer.from(bytes).toString(), 'hello')
      equalRes(ring.resizeRings(16), -EINVAL, 'resizing it')
      // Its pages are the kernel's until the request has ended.
      put(ring, 1, read(stand.pipe().readEnd, stand.alloc(1)))
      submit(ring, 1)
      ring.queueExit()
    },
    { setup: NO_MMAP | flags },
  )
}

conformance(
  'a ring without an fd is entered and told by its index, which is free when it is closed',
  (stand) => {
    const nrFds = () => readdirSync('/proc/self/fd').filter((fd) => isRing(fd)).length
    const before = nrFds()
    // A thread has 16 places.
    for (let i = 0; i < 40; i++) {
      const ring = stand.openRing(8, { flags: NO_FD })
      assert.equal(nrFds(), before, 'no fd is open for it')
      expectRun(ring, nop(), 0, 'NOP')
      expectRun(ring, nop(), 0, 'NOP in a worker', abi.IOSQE_ASYNC)
      const probe = registerProbe(ring)
      assert.ok(typeof probe === 'object' && probe.opcodes.has(abi.IORING_OP_NOP))
      equalRes(registerIowqMaxWorkers(ring, new Uint32Array(2)), 0, 'IOWQ_MAX_WORKERS')
      equalRes(ring.unregisterRingFd(), -EINVAL, 'its index is all it has')
      ring.queueExit()
      equalRes(stand.syscalls.enter(ring.fd, 0, 0, abi.IORING_ENTER_REGISTERED_RING), -EBADF, 'enter after that')
    }
  },
  { setup: NO_FD },
)

function isRing(fd: string): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:[io_uring]'
  } catch {
    return false
  }
}

conformance(
  'rings with and without an fd work side by side',
  (stand) => {
    const rings = [0, NO_MMAP, NO_FD, 0, NO_FD].map((flags) => stand.openRing(4, { flags }))
    for (let round = 0; round < 10; round++) {
      for (const [i, ring] of rings.entries()) put(ring, 10 * round + i, nop())
      for (const ring of rings) submit(ring, 1)
      rings.forEach((ring, i) => {
        assert.equal(reap(ring, 1)[0]!.userData, 10 * round + i)
      })
    }
    assert.throws(() => queueInit(stand.syscalls, 0, { flags: NO_MMAP }), { code: 'EINVAL' })
  },
  { setup: NO_FD },
)
