/**
 * Cancelling polls, timeouts, registered files and what workers hold; and cancelling by a register call. Bodies for every
 * backend that has them.
 */
import assert from 'node:assert/strict'
import * as abi from '../../src/abi/constants.js'
import { EBADF, EINVAL, ENOENT, ETIME } from '../../src/lib/errno.js'
import * as prep from '../../src/ring/prep.js'
import { registerFiles, registerSyncCancel } from '../../src/ring/register.js'
import type { Ring } from '../../src/ring/ring.js'
import { CANCEL, expectCancelled, expectInterrupted, holdTheWorker, putWaiting } from './cancelled.js'
import {
  drain,
  equalRes,
  expectAnyOrder,
  expectInOrder,
  expectNothing,
  expectRun,
  named,
  put,
  reap,
  submit,
  text,
} from './cqes.js'
import { cancel, nop, read, sqe, withFields } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'
import type { Stand } from './stand.js'

const ALL = abi.IORING_ASYNC_CANCEL_ALL
const FD = abi.IORING_ASYNC_CANCEL_FD
const ANY = abi.IORING_ASYNC_CANCEL_ANY
const FD_FIXED = abi.IORING_ASYNC_CANCEL_FD_FIXED
const OP = abi.IORING_ASYNC_CANCEL_OP
const USERDATA = abi.IORING_ASYNC_CANCEL_USERDATA

const POLLS = { opcodes: [abi.IORING_OP_POLL_ADD] }
const SPLICES = { opcodes: [abi.IORING_OP_SPLICE] }
const FILES = { registers: [abi.IORING_REGISTER_FILES] }
const SYNC = { registers: [abi.IORING_REGISTER_SYNC_CANCEL] }

const poll = (fd: number) => sqe(prep.prepPollAdd, fd, abi.POLLIN)
const cancelFd = (fd: number, flags = 0) => sqe(prep.prepCancelFd, fd, flags)
const cancelOp = (opcode: number, flags = 0) => sqe(prep.prepCancelOp, opcode, flags)

conformance(
  'every way of cancelling polls counts them',
  (stand) => {
    inEachMode(stand, 32, (ring) => {
      const pipe = stand.pipe()
      const start = () => {
        for (let i = 1; i <= 8; i++) put(ring, i, poll(pipe.readEnd))
        submit(ring, 8)
      }
      const expectAll = (res: number) => {
        const ends = Array.from({ length: 8 }, (_, i) => `${i + 1}:-ECANCELED`)
        assert.deepEqual(reap(ring, 9).map(text).sort(), [...ends, `${CANCEL}:${res}`].sort())
      }
      for (const fill of [
        cancelFd(pipe.readEnd, ALL),
        cancelOp(abi.IORING_OP_POLL_ADD, ALL),
        cancel(0, ANY),
        cancel(0, ANY | ALL),
        withFields(cancelFd(pipe.readEnd, ALL | OP), { len: abi.IORING_OP_POLL_ADD }),
      ]) {
        start()
        put(ring, CANCEL, fill)
        submit(ring, 1)
        expectAll(8)
      }
      expectRun(ring, cancelFd(pipe.readEnd, ALL), 0, 'nothing is left')
      expectRun(ring, cancelFd(pipe.readEnd), -ENOENT, 'not one is left')
    })
  },
  POLLS,
)

conformance(
  'without ALL one of several polls on a file is cancelled at a time',
  (stand) => {
    const ring = stand.openRing(16)
    const { readEnd } = stand.pipe()
    for (let i = 1; i <= 3; i++) put(ring, i, poll(readEnd))
    submit(ring, 3)
    const ended = new Set<number>()
    for (let left = 3; left > 0; left--) {
      put(ring, CANCEL, cancelFd(readEnd))
      submit(ring, 1)
      const cqes = reap(ring, 2)
      expectNothing(ring, 'the others wait')
      for (const { userData, res } of cqes) {
        if (userData === CANCEL) assert.equal(res, 0)
        else ended.add(userData)
      }
    }
    assert.deepEqual([...ended].sort(), [1, 2, 3])
  },
  POLLS,
)

conformance(
  'a cancel by opcode leaves other operations alone',
  (stand) => {
    const ring = stand.openRing(16)
    put(ring, 1, poll(stand.pipe().readEnd))
    const { readEnd } = putWaiting(stand, ring, 2)
    submit(ring, 2)
    put(ring, CANCEL, cancelOp(abi.IORING_OP_POLL_ADD))
    submit(ring, 1)
    expectAnyOrder(ring, `1:-ECANCELED ${CANCEL}:0`)
    expectNothing(ring, 'the read waits')
    put(ring, CANCEL, cancelFd(readEnd))
    submit(ring, 1)
    expectCancelled(ring, [2])
  },
  POLLS,
)

conformance('a cancel by a number finds the same user_data', (stand) => {
  const ring = stand.openRing(8)
  putWaiting(stand, ring, 1)
  const at = put(ring, 2, read(stand.pipe().readEnd, stand.alloc(1)))
  prep.setUserData(ring.sq.words, at, 0x1234, 0x56)
  submit(ring, 2)
  put(ring, CANCEL, sqe(prep.prepCancel, 0x56 * 2 ** 32 + 0x1234))
  submit(ring, 1)
  const found = reap(ring, 2)
  assert.deepEqual(
    found.map(({ userData }) => userData).sort((a, b) => a - b),
    [CANCEL, 0x1234],
  )
  expectNothing(ring, 'the other waits')
})

conformance(
  'a cancel by registered file finds the requests on its slot and on its fd',
  (stand) => {
    const ring = stand.openRing(8)
    const [mine, other] = [stand.pipe(), stand.pipe()]
    equalRes(registerFiles(ring, new Int32Array([other.readEnd, mine.readEnd, -1])), 0, 'files')
    put(ring, 1, read(1, stand.alloc(8)), abi.IOSQE_FIXED_FILE)
    put(ring, 2, read(mine.readEnd, stand.alloc(8)))
    put(ring, 3, read(0, stand.alloc(8)), abi.IOSQE_FIXED_FILE)
    submit(ring, 3)
    put(ring, CANCEL, cancelFd(1, FD_FIXED | ALL))
    submit(ring, 1)
    expectAnyOrder(ring, `1:-ECANCELED 2:-ECANCELED ${CANCEL}:2`)
    expectRun(ring, cancelFd(2, FD_FIXED), -EBADF, 'an empty slot')
    expectRun(ring, cancelFd(9, FD_FIXED), -EBADF, 'a slot outside')
    put(ring, CANCEL, cancelFd(other.readEnd))
    submit(ring, 1)
    expectAnyOrder(ring, `3:-ECANCELED ${CANCEL}:0`)
  },
  FILES,
)

/** With one unbounded worker: request 1 is held by it, 2 and 3 stay pending. */
function putSplices(stand: Stand, ring: Ring): void {
  stand.setMaxWorkers(ring, 1, 1)
  const sink = stand.pipe()
  for (let i = 1; i <= 3; i++) {
    put(ring, i, sqe(prep.prepSplice, stand.pipe().readEnd, -1, sink.writeEnd, -1, 8, 0))
  }
  submit(ring, 3)
}

conformance(
  'a splice that a worker holds is interrupted, one that is pending is cancelled',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      putSplices(stand, ring)
      for (const target of [3, 2, 1]) {
        put(ring, CANCEL, cancel(target))
        submit(ring, 1)
        expectCancelled(ring, [target])
      }
      stand.release()
    })
  },
  SPLICES,
)

conformance(
  'all splices end when any is to be cancelled, whatever is counted',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      putSplices(stand, ring)
      put(ring, CANCEL, cancel(0, ANY | ALL))
      submit(ring, 1)
      const cqes = reap(ring, 4)
      for (const cqe of cqes) {
        if (cqe.userData === CANCEL) assert.ok(cqe.res >= 0, named(cqe.res))
        else expectInterrupted(cqe)
      }
      stand.release()
    })
  },
  SPLICES,
)

conformance(
  'a synchronous cancel of a waiting request has its completion there',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      const { readEnd } = putWaiting(stand, ring, 1)
      putWaiting(stand, ring, 2)
      submit(ring, 2)
      equalRes(registerSyncCancel(ring, { userData: 1n }), 0, 'by user_data')
      ring.getEvents()
      expectInOrder(ring, '1:-ECANCELED')
      equalRes(registerSyncCancel(ring, { userData: 1n }), -ENOENT, 'again')
      put(ring, 3, read(readEnd, stand.alloc(1)))
      submit(ring, 1)
      equalRes(registerSyncCancel(ring, { fd: readEnd, flags: FD }), 0, 'by file')
      // With DEFER_TASKRUN it can be found until its task work has run.
      ring.getEvents()
      equalRes(registerSyncCancel(ring, { opcode: abi.IORING_OP_READ, flags: OP }), 0, 'by opcode')
      ring.getEvents()
      expectAnyOrder(ring, '2:-ECANCELED 3:-ECANCELED')
    })
  },
  SYNC,
)

conformance(
  'a synchronous cancel of all counts them',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      for (let i = 0; i < 4; i++) putWaiting(stand, ring, 5)
      submit(ring, 4)
      equalRes(registerSyncCancel(ring, { userData: 5n, flags: ALL }), 4, 'ALL')
      assert.deepEqual(reap(ring, 4).map(text), new Array(4).fill('5:-ECANCELED'))
      equalRes(registerSyncCancel(ring, { userData: 5n, flags: ALL }), 0, 'ALL of none')
      equalRes(registerSyncCancel(ring, { flags: ANY }), 0, 'ANY of none')
    })
  },
  SYNC,
)

conformance(
  'a synchronous cancel waits for a worker that it interrupted',
  (stand) => {
    inEachMode(stand, 8, (ring) => {
      holdTheWorker(stand, ring)
      // It may not have begun yet, and is then cancelled at once.
      equalRes(registerSyncCancel(ring, { userData: 1n }), 0, 'while a worker runs it')
      const [end] = [...drain(ring)]
      assert.ok(end !== undefined, 'its completion is there')
      expectInterrupted(end)
      stand.release()
    })
  },
  SYNC,
)

conformance(
  'a synchronous cancel waits no longer than it is told',
  (stand) => {
    const ring = stand.openRing(8)
    holdTheWorker(stand, ring)
    const res = registerSyncCancel(ring, { userData: 1n, timeoutMs: 1e-6 })
    assert.ok([0, -ETIME].includes(res), named(res))
    expectInterrupted(reap(ring, 1)[0]!)
  },
  SYNC,
)

conformance(
  'synchronous cancels that make no sense are refused',
  (stand) => {
    const ring = stand.openRing(8)
    equalRes(registerSyncCancel(ring, { flags: 0x100 }), -EINVAL, 'an unknown flag')
    equalRes(registerSyncCancel(ring, { flags: FD, fd: stand.closedFd() }), -EBADF, 'a closed fd')
    equalRes(registerSyncCancel(ring, { flags: USERDATA, userData: 7n }), -ENOENT, 'none')
    equalRes(ring.register(abi.IORING_REGISTER_SYNC_CANCEL, null, 1), -EINVAL, 'no arguments')
    const padded = new Uint8Array(64)
    padded[40] = 1
    equalRes(ring.register(abi.IORING_REGISTER_SYNC_CANCEL, padded, 1), -EINVAL, 'padding')
    equalRes(ring.register(abi.IORING_REGISTER_SYNC_CANCEL, new Uint8Array(64), 2), -EINVAL, 'two')
  },
  SYNC,
)

conformance('thousands of reads and their cancels race, and each ends once', (stand) => {
  inEachMode(stand, 128, (ring) => {
    const { readEnd } = stand.pipe()
    const into = stand.alloc(8)
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 64; i++) {
        put(ring, i, read(readEnd, into))
        put(ring, 1000 + i, cancel(i))
      }
      submit(ring, 128)
      const ends = new Map<number, number>()
      for (const { userData } of reap(ring, 128)) ends.set(userData, (ends.get(userData) ?? 0) + 1)
      assert.equal(ends.size, 128)
      expectRun(ring, nop(), 0, 'the ring goes on')
    }
  })
})
