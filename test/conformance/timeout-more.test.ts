/**
 * Timeouts and limits beside cancels, eventfds, skipped completions and closing. Bodies for every backend that has them.
 */
import assert from 'node:assert/strict'
import { readSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import * as abi from '../../src/abi/constants.js'
import { EINVAL, ENOENT } from '../../src/lib/errno.js'
import * as prep from '../../src/ring/prep.js'
import { registerEventfd } from '../../src/ring/register.js'
import type { Ring } from '../../src/ring/ring.js'
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
import { type Fill, nop, read, type SqeField, sqe, withFields } from './fills.js'
import { conformance } from './harness.js'
import { DEFER, inEachMode } from './modes.js'
import type { Stand } from './stand.js'

const TIMEOUTS = { opcodes: [abi.IORING_OP_TIMEOUT, abi.IORING_OP_TIMEOUT_REMOVE] }
const NEEDS = { opcodes: [...TIMEOUTS.opcodes, abi.IORING_OP_LINK_TIMEOUT] }
const LONG_MS = 600_000
const LINK = abi.IOSQE_IO_LINK
const SKIP = abi.IOSQE_CQE_SKIP_SUCCESS
const { IORING_TIMEOUT_MULTISHOT: MULTISHOT, IORING_TIMEOUT_ETIME_SUCCESS: ETIME_SUCCESS } = abi

const timeout = (stand: Stand, ms: number, count = 0, flags = 0) =>
  sqe(prep.prepTimeout, stand.timespec(ms), count, flags)
const limit = (stand: Stand, ms: number, flags = 0) => sqe(prep.prepLinkTimeout, stand.timespec(ms), flags)
const remove = (userData: number, flags = 0) => sqe(prep.prepTimeoutRemove, userData, 0, flags)
const update = (stand: Stand, ms: number, userData: number, flags = 0) =>
  sqe(prep.prepTimeoutUpdate, stand.timespec(ms), userData, 0, flags)
const cancel = (userData: number, flags = 0) => sqe(prep.prepCancel64, userData, 0, flags)
const cancelOp = (opcode: number, flags = 0) => sqe(prep.prepCancelOp, opcode, flags)
const waiting = (stand: Stand) => read(stand.pipe().readEnd, stand.alloc(8))

/** Goes round the event loop until an eventfd, which does not block, has been signalled. */
async function signalled(eventfd: number): Promise<void> {
  for (;;) {
    try {
      readSync(eventfd, new Uint8Array(8))
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
    await turn()
  }
}

conformance(
  'an eventfd tells of a timeout while nobody is in enter',
  async (stand) => {
    for (const flags of [0, DEFER]) {
      const ring = stand.openRing(8, { flags })
      const eventfd = stand.eventfd()
      equalRes(registerEventfd(ring, eventfd), 0, 'register')
      for (const ms of [0, 3]) {
        put(ring, 1, timeout(stand, ms))
        put(ring, 2, timeout(stand, LONG_MS))
        submit(ring, 2)
        await signalled(eventfd)
        expectInOrder(ring, '1:-ETIME')
        put(ring, 3, remove(2))
        submit(ring, 1)
        expectAnyOrder(ring, '2:-ECANCELED 3:0')
        await signalled(eventfd)
      }
    }
  },
  TIMEOUTS,
)

conformance(
  'what timeouts and limits skip',
  (stand) => {
    const ring = stand.openRing(8)
    put(ring, 1, timeout(stand, LONG_MS, 1), SKIP)
    put(ring, 2, nop())
    submit(ring, 2)
    expectInOrder(ring, '2:0')
    expectNothing(ring, 'a count that is met')
    put(ring, 1, timeout(stand, 1), SKIP)
    put(ring, 2, timeout(stand, 1, 0, ETIME_SUCCESS), SKIP)
    put(ring, 3, timeout(stand, 20))
    submit(ring, 3)
    expectInOrder(ring, '1:-ETIME 3:-ETIME')
    put(ring, 1, nop(), LINK)
    put(ring, 2, limit(stand, LONG_MS), SKIP)
    submit(ring, 2)
    expectInOrder(ring, '1:0')
    expectNothing(ring, 'a limit that is not reached')
    put(ring, 1, waiting(stand), LINK)
    put(ring, 2, limit(stand, 2), SKIP)
    submit(ring, 2)
    expectInOrder(ring, '1:-ECANCELED')
    expectNothing(ring, 'a limit that is reached')
    put(ring, 1, waiting(stand), LINK | SKIP)
    put(ring, 2, limit(stand, 2), LINK)
    put(ring, 3, nop())
    submit(ring, 3)
    expectInOrder(ring, '2:-ETIME 1:-ECANCELED')
    expectNothing(ring, 'behind a failure that silences its chain')
  },
  NEEDS,
)

conformance(
  'a multishot timeout that gets another time has no end any more',
  (stand) => {
    // Room for ten seconds of it: one that overflows the CQ ends, and this thread may have to wait for its turn.
    inEachMode(stand, 1024, (ring) => {
      put(ring, 1, timeout(stand, LONG_MS, 2, MULTISHOT))
      submit(ring, 1)
      put(ring, 2, update(stand, 5, 1))
      submit(ring, 1)
      const found: string[] = []
      while (found.length < 6) {
        assert.equal(ring.waitCqe(10_000), 0)
        found.push(...drain(ring).map(text))
      }
      assert.deepEqual([...new Set(found)].sort(), ['1:-ETIME/0x2', '2:0'])
      put(ring, 3, update(stand, LONG_MS, 1))
      submit(ring, 1)
      for (let all = ''; !all.includes('3:0'); all += drain(ring).map(text)) assert.equal(ring.waitCqe(10_000), 0)
      expectNothing(ring, 'a long time')
      put(ring, 4, remove(1))
      submit(ring, 1)
      expectAnyOrder(ring, '1:-ECANCELED 4:0')
    })
  },
  TIMEOUTS,
)

conformance(
  'a timeout has a limit as other requests have',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      put(ring, 1, timeout(stand, LONG_MS), LINK)
      put(ring, 2, limit(stand, 2))
      submit(ring, 2)
      expectInOrder(ring, '2:-ETIME 1:-ECANCELED')
      put(ring, 1, timeout(stand, 2), LINK)
      put(ring, 2, limit(stand, LONG_MS))
      submit(ring, 2)
      expectAnyOrder(ring, '1:-ETIME 2:-ECANCELED')
      for (const end of [nop(), remove(1), cancel(1)]) {
        put(ring, 1, timeout(stand, LONG_MS, 1), LINK)
        put(ring, 2, limit(stand, LONG_MS))
        submit(ring, 2)
        put(ring, 3, end)
        submit(ring, 1)
        const found = reap(ring, 3).map(text).sort()
        assert.ok(found[0] === '1:0' || found[0] === '1:-ECANCELED', found.join(' '))
        assert.deepEqual(found.slice(1), ['2:-ECANCELED', '3:0'])
      }
    })
  },
  NEEDS,
)

conformance(
  'a limit is neither removed nor cancelled, only its request',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      put(ring, 1, waiting(stand), LINK)
      put(ring, 2, limit(stand, LONG_MS))
      submit(ring, 2)
      expectRun(ring, remove(2), -ENOENT, 'remove')
      expectRun(ring, cancel(2), -ENOENT, 'cancel')
      expectRun(ring, cancelOp(abi.IORING_OP_LINK_TIMEOUT, abi.IORING_ASYNC_CANCEL_ALL), 0, 'cancel by opcode')
      expectRun(ring, update(stand, 1, 2), -ENOENT, 'update as a timeout')
      put(ring, 3, cancel(1))
      submit(ring, 1)
      expectAnyOrder(ring, '1:-ECANCELED 2:-ECANCELED 3:0')
    })
  },
  NEEDS,
)

/** Runs what ends timeouts, by their user_data. */
function expectEnds(ring: Ring, fill: Fill, res: number, ended: readonly number[]): void {
  put(ring, 9, fill)
  submit(ring, 1)
  expectAnyOrder(ring, [`9:${res}`, ...ended.map((userData) => `${userData}:-ECANCELED`)].join(' '))
}

conformance(
  'a cancel finds timeouts by user_data, by opcode and as any, and not by file',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { IORING_ASYNC_CANCEL_ALL: ALL, IORING_ASYNC_CANCEL_ANY: ANY, IORING_ASYNC_CANCEL_FD: FD } = abi
      const start = () => {
        put(ring, 1, timeout(stand, LONG_MS))
        put(ring, 2, timeout(stand, LONG_MS, 7))
        put(ring, 1, timeout(stand, LONG_MS))
        submit(ring, 3)
      }
      start()
      expectRun(ring, sqe(prep.prepCancelFd, stand.pipe().readEnd, ALL), 0, 'by file')
      expectEnds(ring, withFields(cancel(0, ANY), { fd: 0 }), 3, [1, 2, 1])
      start()
      expectEnds(ring, cancelOp(abi.IORING_OP_TIMEOUT, ALL), 3, [1, 2, 1])
      start()
      expectEnds(ring, cancel(1), 0, [1])
      expectEnds(ring, cancel(1, ALL), 1, [1])
      expectRun(ring, withFields(cancel(2, FD), { fd: stand.pipe().readEnd }), -ENOENT, 'by file')
      expectEnds(ring, remove(2), 0, [2])
    })
  },
  TIMEOUTS,
)

conformance(
  'rings are closed with timeouts and limits under way, and there is room for more',
  (stand) => {
    for (let i = 0; i < 300; i++) {
      const ring = stand.openRing(8, { flags: i % 2 === 0 ? 0 : DEFER })
      put(ring, 1, timeout(stand, LONG_MS))
      put(ring, 2, timeout(stand, LONG_MS, 3, i % 3 === 0 ? MULTISHOT : 0))
      put(ring, 3, timeout(stand, LONG_MS), LINK)
      put(ring, 4, limit(stand, LONG_MS))
      submit(ring, 4)
      ring.queueExit()
    }
  },
  NEEDS,
)

conformance(
  'a thousand timeouts end once each',
  (stand) => {
    inEachMode(stand, 1024, (ring) => {
      for (let i = 0; i < 1000; i++) put(ring, i, timeout(stand, 1 + ((i * 7919) % 1000) / 20))
      submit(ring, 1000)
      const found = reap(ring, 1000).map(text)
      assert.deepEqual(found.sort(), Array.from({ length: 1000 }, (_, i) => `${i}:-ETIME`).sort())
      expectNothing(ring, 'all have ended')
    })
  },
  TIMEOUTS,
)

conformance(
  'fields that no timeout has are refused',
  (stand) => {
    const ring = stand.openRing(8)
    const refused = (fill: Fill, fields: readonly SqeField[], link = false) => {
      for (const field of fields) {
        if (link) put(ring, 9, nop(), LINK)
        put(ring, 1, withFields(fill, { [field]: 1 }))
        submit(ring, link ? 2 : 1)
        expectAnyOrder(ring, link ? '9:-ECANCELED 1:-EINVAL' : '1:-EINVAL')
      }
    }
    const ALWAYS = ['ioprio', 'buf_index', 'splice_fd_in', 'addr3', 'pad2', 'personality'] as const
    refused(timeout(stand, 1), ALWAYS)
    refused(limit(stand, 1), [...ALWAYS, 'off'], true)
    refused(remove(1), [...ALWAYS, 'len'])
    expectRun(ring, withFields(remove(1), { rw_flags: abi.IORING_TIMEOUT_ABS }), -EINVAL, 'a flag')
  },
  NEEDS,
)
