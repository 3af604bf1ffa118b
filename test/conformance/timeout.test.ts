/**
 * TIMEOUT, TIMEOUT_REMOVE and their updates. Bodies for every backend that has them.
 */
import assert from 'node:assert/strict'
import * as abi from '../../src/abi/constants.js'
import { EFAULT, EINVAL, ENOENT, ETIME } from '../../src/lib/errno.js'
import * as prep from '../../src/ring/prep.js'
import type { Ring } from '../../src/ring/ring.js'
import { addressOf } from '../../src/sys/memory.js'
import {
  drain,
  equalRes,
  expectAnyOrder,
  expectInOrder,
  expectNothing,
  expectRun,
  put,
  submit,
  submitAndWaitFor,
  text,
  uninterrupted,
} from './cqes.js'
import { cancel, nop, read, sqe, withFields } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'
import type { Stand } from './stand.js'

const NEEDS = { opcodes: [abi.IORING_OP_TIMEOUT, abi.IORING_OP_TIMEOUT_REMOVE] }
const LONG_MS = 600_000
const ABS = abi.IORING_TIMEOUT_ABS
const REALTIME = abi.IORING_TIMEOUT_REALTIME
const BOOTTIME = abi.IORING_TIMEOUT_BOOTTIME
const MULTISHOT = abi.IORING_TIMEOUT_MULTISHOT
const ETIME_SUCCESS = abi.IORING_TIMEOUT_ETIME_SUCCESS

const timeout = (stand: Stand, ms: number, count = 0, flags = 0) =>
  sqe(prep.prepTimeout, stand.timespec(ms), count, flags)
const remove = (userData: number, flags = 0) => sqe(prep.prepTimeoutRemove, userData, 0, flags)
const update = (stand: Stand, ms: number, userData: number, flags = 0) =>
  sqe(prep.prepTimeoutUpdate, stand.timespec(ms), userData, 0, flags)

conformance(
  'a timeout completes with ETIME when its time has passed',
  (stand) => {
    inEachMode(stand, 4, (ring) => {
      for (const way of [0, abi.IOSQE_ASYNC]) {
        put(ring, 1, timeout(stand, 5), way)
        submit(ring, 1)
        expectInOrder(ring, '1:-ETIME')
      }
    })
  },
  NEEDS,
)

conformance(
  'of several timeouts the shortest is first',
  (stand) => {
    inEachMode(stand, 4, (ring) => {
      put(ring, 1, timeout(stand, 60))
      put(ring, 2, timeout(stand, 1))
      put(ring, 3, timeout(stand, 30))
      submit(ring, 3)
      expectInOrder(ring, '2:-ETIME 3:-ETIME 1:-ETIME')
    })
  },
  NEEDS,
)

conformance(
  'no time at all, and a time that is past, are up at once',
  (stand) => {
    inEachMode(stand, 4, (ring) => {
      for (const clock of [0, REALTIME, BOOTTIME]) {
        put(ring, 1, timeout(stand, 0, 0, clock))
        put(ring, 2, timeout(stand, 1, 0, clock | ABS))
        submit(ring, 2)
        expectAnyOrder(ring, '1:-ETIME 2:-ETIME')
      }
    })
  },
  NEEDS,
)

conformance(
  'a point in time is waited for, by the clock that is named',
  (stand) => {
    const ring = stand.openRing(4)
    put(ring, 1, timeout(stand, Date.now() + 20, 0, ABS | REALTIME))
    put(ring, 2, timeout(stand, Date.now() + LONG_MS, 0, ABS | REALTIME))
    submit(ring, 2)
    expectInOrder(ring, '1:-ETIME')
    put(ring, 3, remove(2))
    submit(ring, 1)
    expectAnyOrder(ring, '2:-ECANCELED 3:0')
  },
  NEEDS,
)

conformance(
  'the time is read before submit returns',
  (stand) => {
    const ring = stand.openRing(4)
    const ts = new BigInt64Array(stand.alloc(16).buffer)
    put(ring, 1, sqe(prep.prepTimeout, addressOf(ts), 0, 0))
    submit(ring, 1)
    ts.fill(1000n)
    expectInOrder(ring, '1:-ETIME')
  },
  NEEDS,
)

conformance(
  'times, clocks and flags that make no sense are refused',
  (stand) => {
    const ring = stand.openRing(4)
    const bad = stand.alloc(16)
    const words = new BigInt64Array(bad.buffer)
    const spec = sqe(prep.prepTimeout, addressOf(bad), 0, 0)
    words.set([-1n, 0n])
    expectRun(ring, spec, -EINVAL, 'negative seconds')
    words.set([0n, -1n])
    expectRun(ring, spec, -EINVAL, 'negative nanoseconds')
    expectRun(ring, sqe(prep.prepTimeout, 0, 0, 0), -EFAULT, 'no time')
    const one = timeout(stand, 1)
    for (const [flags, what] of [
      [REALTIME | BOOTTIME, 'two clocks'],
      [MULTISHOT | ABS, 'MULTISHOT with ABS'],
      [abi.IORING_TIMEOUT_UPDATE, 'UPDATE'],
      [abi.IORING_LINK_TIMEOUT_UPDATE, 'LINK_TIMEOUT_UPDATE'],
      [0x1_0000, 'an unknown flag'],
    ] as const) {
      expectRun(ring, withFields(one, { timeout_flags: flags }), -EINVAL, what)
    }
    expectRun(ring, withFields(one, { len: 0 }), -EINVAL, 'len 0')
    expectRun(ring, withFields(one, { len: 2 }), -EINVAL, 'len 2')
    expectRun(ring, withFields(one, { buf_index: 1 }), -EINVAL, 'buf_index')
    expectRun(ring, withFields(one, { file_index: 1 }), -EINVAL, 'splice_fd_in')
  },
  NEEDS,
)

conformance(
  'a count is met by completions, and gives 0',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      put(ring, 1, timeout(stand, LONG_MS, 2))
      submit(ring, 1)
      put(ring, 2, nop())
      submit(ring, 1)
      expectInOrder(ring, '2:0')
      expectNothing(ring, 'one of two')
      put(ring, 3, nop())
      submit(ring, 1)
      expectInOrder(ring, '3:0 1:0')
    })
  },
  NEEDS,
)

conformance(
  'counts are met in their own order, whatever that of the SQEs',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      for (const count of [3, 2, 1]) put(ring, count, timeout(stand, LONG_MS, count))
      submit(ring, 3)
      for (let i = 0; i < 3; i++) put(ring, 10, nop())
      submit(ring, 3)
      const order = () => found.filter((one) => !one.startsWith('10:'))
      const found: string[] = []
      while (found.length < 6) found.push(...drain(ring).map(text))
      assert.deepEqual(order(), ['1:0', '2:0', '3:0'])
    })
  },
  NEEDS,
)

conformance(
  'completions of the same batch count, also those before the timeout',
  (stand) => {
    const ring = stand.openRing(8)
    put(ring, 1, nop())
    put(ring, 2, timeout(stand, LONG_MS, 2))
    put(ring, 3, nop())
    submit(ring, 3)
    expectInOrder(ring, '1:0 3:0 2:0')
  },
  NEEDS,
)

conformance(
  'completions that are skipped, and timeouts, do not count',
  (stand) => {
    const ring = stand.openRing(8)
    put(ring, 1, timeout(stand, LONG_MS, 1))
    put(ring, 2, nop(), abi.IOSQE_CQE_SKIP_SUCCESS)
    submit(ring, 2)
    expectNothing(ring, 'a completion that was skipped')
    // In a submit of its own: one that expires while a batch is posted upsets the kernel's counting.
    put(ring, 3, timeout(stand, 1))
    submit(ring, 1)
    expectInOrder(ring, '3:-ETIME')
    expectNothing(ring, 'nothing that counts')
    put(ring, 4, nop())
    submit(ring, 1)
    expectInOrder(ring, '4:0 1:0')
  },
  NEEDS,
)

conformance(
  'a timeout is removed, once',
  (stand) => {
    inEachMode(stand, 4, (ring) => {
      put(ring, 1, timeout(stand, LONG_MS))
      submit(ring, 1)
      put(ring, 2, remove(1))
      put(ring, 3, remove(1))
      put(ring, 4, remove(77))
      submit(ring, 3)
      expectAnyOrder(ring, '1:-ECANCELED 2:0 3:-ENOENT 4:-ENOENT')
    })
  },
  NEEDS,
)

conformance(
  'a timeout is cancelled',
  (stand) => {
    inEachMode(stand, 4, (ring) => {
      put(ring, 1, timeout(stand, LONG_MS))
      submit(ring, 1)
      put(ring, 2, cancel(1))
      submit(ring, 1)
      expectAnyOrder(ring, '1:-ECANCELED 2:0')
    })
  },
  NEEDS,
)

conformance(
  'a timeout gets another time, and loses its count',
  (stand) => {
    inEachMode(stand, 4, (ring) => {
      put(ring, 1, timeout(stand, LONG_MS, 1))
      submit(ring, 1)
      put(ring, 2, update(stand, LONG_MS, 1), abi.IOSQE_CQE_SKIP_SUCCESS)
      put(ring, 3, nop())
      submit(ring, 2)
      expectInOrder(ring, '3:0')
      expectNothing(ring, 'the count is gone')
      put(ring, 4, update(stand, 1, 1))
      submit(ring, 1)
      expectAnyOrder(ring, '1:-ETIME 4:0')
      expectRun(ring, update(stand, 1, 1), -ENOENT, 'update of one that is gone')
    })
  },
  NEEDS,
)

conformance(
  'a timeout is moved to a point in time',
  (stand) => {
    const ring = stand.openRing(4)
    put(ring, 1, timeout(stand, LONG_MS, 0, REALTIME))
    submit(ring, 1)
    put(ring, 2, update(stand, Date.now() + 5, 1, ABS))
    submit(ring, 1)
    expectAnyOrder(ring, '1:-ETIME 2:0')
  },
  NEEDS,
)

conformance(
  'removes and updates that make no sense are refused',
  (stand) => {
    const ring = stand.openRing(4)
    expectRun(ring, remove(1, ABS), -EINVAL, 'remove with ABS')
    expectRun(ring, remove(1, 0x1_0000), -EINVAL, 'remove with an unknown flag')
    expectRun(ring, withFields(remove(1), { len: 1 }), -EINVAL, 'remove with len')
    expectRun(ring, remove(1), -EINVAL, 'remove with a registered file', abi.IOSQE_FIXED_FILE)
    expectRun(ring, update(stand, 1, 1, REALTIME | BOOTTIME), -EINVAL, 'update with two clocks')
    expectRun(ring, sqe(prep.prepTimeoutUpdate, 0, 1, 0, 0), -EFAULT, 'update to no time')
    expectRun(ring, update(stand, 1, 1), -ENOENT, 'update of none')
  },
  NEEDS,
)

conformance(
  'a timeout that is up breaks its link, unless that is success',
  (stand) => {
    inEachMode(stand, 4, (ring) => {
      put(ring, 1, timeout(stand, 1), abi.IOSQE_IO_LINK)
      put(ring, 2, nop())
      submit(ring, 2)
      expectInOrder(ring, '1:-ETIME 2:-ECANCELED')
      put(ring, 1, timeout(stand, 1, 0, ETIME_SUCCESS), abi.IOSQE_IO_LINK)
      put(ring, 2, nop())
      submit(ring, 2)
      expectInOrder(ring, '1:-ETIME 2:0')
      put(ring, 1, timeout(stand, 1), abi.IOSQE_IO_HARDLINK)
      put(ring, 2, nop())
      submit(ring, 2)
      expectInOrder(ring, '1:-ETIME 2:0')
    })
  },
  NEEDS,
)

conformance(
  'a multishot timeout is up as often as it is told',
  (stand) => {
    inEachMode(stand, 4, (ring) => {
      put(ring, 1, timeout(stand, 1, 3, MULTISHOT))
      submit(ring, 1)
      expectInOrder(ring, '1:-ETIME/0x2 1:-ETIME/0x2 1:-ETIME')
    })
  },
  NEEDS,
)

conformance(
  'a multishot timeout without end goes on until it is removed',
  (stand) => {
    inEachMode(stand, 4, (ring) => {
      put(ring, 1, timeout(stand, 1, 0, MULTISHOT))
      submit(ring, 1)
      for (let i = 0; i < 5; i++) {
        assert.equal(ring.waitCqe(10_000), 0)
        assert.equal(text(ring.cq.copy(0)), '1:-ETIME/0x2')
        ring.cq.cqeSeen()
      }
      put(ring, 2, remove(1))
      submit(ring, 1)
      expectEnd(ring)
    })
  },
  NEEDS,
)

/** A few more expiries may come before the end. */
function expectEnd(ring: Ring): void {
  const found: string[] = []
  while (!found.includes('1:-ECANCELED') || !found.includes('2:0')) {
    assert.equal(ring.waitCqe(10_000), 0)
    found.push(...drain(ring).map(text))
  }
  const others = found.filter((one) => one !== '1:-ETIME/0x2')
  assert.deepEqual(others.sort(), ['1:-ECANCELED', '2:0'])
}

conformance(
  'a timeout wakes whoever waits for more',
  (stand) => {
    inEachMode(stand, 4, (ring) => {
      put(ring, 1, timeout(stand, 5))
      put(ring, 2, read(stand.pipe().readEnd, stand.alloc(1)))
      equalRes(ring.submitAndWait(2), 2, 'submitAndWait')
      // Unless the wait was cut short, and there is nothing yet.
      if (ring.cq.ready() === 0) uninterrupted(() => ring.submitAndWait(2))
      assert.deepEqual(ring.cq.peekBatch(4).map(text), ['1:-ETIME'])
    })
  },
  NEEDS,
)

conformance(
  'a wait for a NOP and a timeout returns with both',
  (stand) => {
    inEachMode(stand, 4, (ring) => {
      put(ring, 1, nop())
      put(ring, 2, timeout(stand, 10))
      submitAndWaitFor(ring, 2, 2)
      assert.deepEqual(ring.cq.peekBatch(4).map(text), ['1:0', '2:-ETIME'])
    })
  },
  NEEDS,
)

conformance(
  'a wait that ran out leaves the next timeout its time',
  (stand) => {
    const ring = stand.openRing(4)
    equalRes(
      uninterrupted(() => ring.waitCqe(1)),
      -ETIME,
      'a wait for nothing',
    )
    put(ring, 1, timeout(stand, 50))
    const before = process.hrtime.bigint()
    submit(ring, 1)
    expectInOrder(ring, '1:-ETIME')
    assert.ok(process.hrtime.bigint() - before >= 50_000_000n, 'not before its time')
  },
  NEEDS,
)
