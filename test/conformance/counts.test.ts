/**
 * Timeouts beside what is flushed, linked, on other rings, or looked at late. Bodies for every backend that has them.
 */
import assert from 'node:assert/strict'
import { readSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import * as abi from '../../src/abi/constants.js'
import { nowMs } from '../../src/lib/clock.js'
import { EAGAIN, EBADF, EINVAL, ENOENT } from '../../src/lib/errno.js'
import * as prep from '../../src/ring/prep.js'
import { registerEventfd } from '../../src/ring/register.js'
import { addressOf } from '../../src/sys/memory.js'
import {
  drain,
  equalRes,
  expectAnyOrder,
  expectInOrder,
  expectNothing,
  expectRun,
  put,
  reap,
  submit,
  text,
} from './cqes.js'
import { cancel, fsync, nop, read, sqe, withFields, write } from './fills.js'
import { conformance } from './harness.js'
import { DEFER, inEachMode } from './modes.js'
import type { Stand } from './stand.js'

const NEEDS = { opcodes: [abi.IORING_OP_TIMEOUT, abi.IORING_OP_TIMEOUT_REMOVE, abi.IORING_OP_LINK_TIMEOUT] }
const LONG_MS = 600_000
const LINK = abi.IOSQE_IO_LINK

const timeout = (stand: Stand, ms: number, count = 0, flags = 0) =>
  sqe(prep.prepTimeout, stand.timespec(ms), count, flags)
const limit = (stand: Stand, ms: number) => sqe(prep.prepLinkTimeout, stand.timespec(ms), 0)

/** The thread does something else for so long. */
function compute(ms: number): void {
  for (const end = nowMs() + ms; nowMs() < end; );
}

conformance(
  'a count is met by completions that overflowed, once they are in the CQ',
  (stand) => {
    const ring = stand.openRing(1)
    put(ring, 9, timeout(stand, LONG_MS, 4))
    submit(ring, 1)
    for (let i = 0; i < 4; i++) {
      put(ring, i, nop())
      submit(ring, 1)
    }
    const found = reap(ring, 5).map(text)
    assert.deepEqual(found.sort(), ['0:0', '1:0', '2:0', '3:0', '9:0'])
  },
  NEEDS,
)

conformance(
  'a wait runs what other rings of the thread have to do',
  (stand) => {
    const [waits, other] = [stand.openRing(4), stand.openRing(4)]
    for (const ring of [waits, stand.openRing(4, { flags: DEFER })]) {
      const { readEnd, writeEnd } = stand.pipe()
      put(ring, 1, read(readEnd, stand.alloc(8)))
      submit(ring, 1)
      put(other, 2, timeout(stand, 2, 0, abi.IORING_TIMEOUT_ETIME_SUCCESS), LINK)
      put(other, 3, write(writeEnd, stand.alloc('data')))
      submit(other, 2)
      expectInOrder(ring, '1:4')
      expectInOrder(other, '2:-ETIME 3:4')
    }
  },
  NEEDS,
)

conformance(
  'a timeout that begins behind a read on another ring is told by its eventfd',
  async (stand) => {
    const [ring, other] = [stand.openRing(4), stand.openRing(4)]
    const eventfd = stand.eventfd()
    equalRes(registerEventfd(ring, eventfd), 0, 'register')
    const { readEnd, writeEnd } = stand.pipe()
    put(ring, 1, read(readEnd, stand.alloc(4)), LINK)
    put(ring, 2, timeout(stand, 2))
    submit(ring, 2)
    stand.write(writeEnd, 'data')
    const found: string[] = []
    for (let nrTold = 0; found.length < 2; ) {
      other.getEvents()
      await turn()
      try {
        readSync(eventfd, new Uint8Array(8))
        nrTold++
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN')
      }
      if (nrTold === 0) continue
      const batch = ring.cq.peekBatch(4)
      ring.cq.advance(batch.length)
      found.push(...batch.map(text))
    }
    assert.deepEqual(found, ['1:4', '2:-ETIME'])
  },
  NEEDS,
)

conformance(
  'a count begins behind what is linked before it',
  (stand) => {
    const ring = stand.openRing(8)
    put(ring, 1, nop(abi.IORING_NOP_TW), LINK)
    put(ring, 2, timeout(stand, LONG_MS, 1))
    submit(ring, 2)
    expectInOrder(ring, '1:0')
    expectNothing(ring, 'what ended before it does not count')
    put(ring, 3, nop())
    submit(ring, 1)
    expectInOrder(ring, '3:0 2:0')
  },
  NEEDS,
)

conformance(
  'what is up by the time of enter is up for what comes with it',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { readEnd, writeEnd } = stand.pipe()
      put(ring, 1, timeout(stand, 2))
      put(ring, 4, read(readEnd, stand.alloc(8)), LINK)
      put(ring, 5, limit(stand, 2))
      submit(ring, 3)
      compute(15)
      ring.getEvents()
      put(ring, 2, sqe(prep.prepTimeoutUpdate, stand.timespec(LONG_MS), 1, 0, 0))
      put(ring, 3, cancel(4))
      submit(ring, 2)
      const found = reap(ring, 5).map(text).sort()
      // What the limit has cancelled may be found by a cancel until it has ended.
      const [asked] = found.splice(2, 1)
      assert.ok(['3:-ENOENT', '3:-EALREADY', '3:0'].includes(asked!), asked)
      assert.deepEqual(found, ['1:-ETIME', '2:-ENOENT', '4:-ECANCELED', '5:-ETIME'])
      stand.write(writeEnd, 'x')
    })
  },
  NEEDS,
)

conformance(
  'timeouts that are due at once go in the order in which they came',
  (stand) => {
    const ring = stand.openRing(64)
    const [ms, flags] = [Date.now() + 300, abi.IORING_TIMEOUT_ABS | abi.IORING_TIMEOUT_REALTIME]
    const ts = stand.timespec(ms)
    for (let i = 0; i < 40; i++) put(ring, i, sqe(prep.prepTimeout, ts, 0, flags))
    submit(ring, 40)
    assert.deepEqual(
      reap(ring, 40).map(({ userData }) => userData),
      Array.from({ length: 40 }, (_, i) => i),
    )
  },
  NEEDS,
)

conformance(
  'a pipe that does not block ends a splice or tee that would wait',
  (stand) => {
    const ring = stand.openRing(8)
    const [a, b] = [stand.pipe(abi.O_NONBLOCK), stand.pipe()]
    for (const way of [0, abi.IOSQE_ASYNC]) {
      expectRun(ring, sqe(prep.prepSplice, a.readEnd, -1, b.writeEnd, -1, 8, 0), -EAGAIN, 'splice', way)
      expectRun(ring, sqe(prep.prepTee, a.readEnd, b.writeEnd, 8, 0), -EAGAIN, 'tee', way)
    }
  },
  { opcodes: [abi.IORING_OP_SPLICE, abi.IORING_OP_TEE] },
)

conformance('a file that is no regular one is asked by its fd alone, whatever is asked', (stand) => {
  const ring = stand.openRing(8)
  const statxbuf = stand.alloc(256)
  const flags = abi.AT_EMPTY_PATH | abi.AT_STATX_FORCE_SYNC
  for (const fd of [stand.pipe().readEnd, stand.file('file', ''), stand.eventfd()]) {
    for (const way of [0, abi.IOSQE_ASYNC]) {
      const path = stand.syscalls.takesNullPath ? 0 : stand.cstr('')
      put(ring, 1, sqe(prep.prepStatx, fd, path, flags, 0x7ff, addressOf(statxbuf)), way)
      put(ring, 2, nop())
      submit(ring, 2)
      expectAnyOrder(ring, '1:0 2:0')
    }
  }
})

conformance('a sync from before the file, and a cancel by a slot of none, are refused', (stand) => {
  const ring = stand.openRing(8)
  const fd = stand.file('file', 'text')
  expectRun(ring, withFields(fsync(fd), { off: -1 }), -EINVAL, 'a negative offset')
  const byFd = sqe(prep.prepCancelFd, fd, 0)
  expectRun(ring, byFd, -ENOENT, 'by fd')
  expectRun(ring, byFd, -EBADF, 'by slot', abi.IOSQE_FIXED_FILE)
  assert.deepEqual(drain(ring), [])
})
