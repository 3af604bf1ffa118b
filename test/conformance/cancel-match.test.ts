/**
 * ASYNC_CANCEL: what matches, by user_data, fd, opcode, any, and how many of them. Bodies for every backend.
 */
import assert from 'node:assert/strict'
import * as abi from '../../src/abi/constants.js'
import { EBADF, ENOENT } from '../../src/lib/errno.js'
import { prepCancelFdUserData } from '../../src/ring/prep.js'
import { duplicateFd } from '../../src/sys/file.js'
import { CANCEL, expectAllCancelled, expectCancelled, holdTheWorker, putWaiting } from './cancelled.js'
import { expectAnyOrder, expectRun, ok, put, reap, submit } from './cqes.js'
import { cancel, nop, read, sqe, withFields, write } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'

const ALL = abi.IORING_ASYNC_CANCEL_ALL
const FD = abi.IORING_ASYNC_CANCEL_FD
const ANY = abi.IORING_ASYNC_CANCEL_ANY
const USERDATA = abi.IORING_ASYNC_CANCEL_USERDATA
const OP = abi.IORING_ASYNC_CANCEL_OP

conformance('a request is found by all 64 bits of its user_data', (stand) => {
  const ring = stand.openRing(8)
  const { writeEnd } = putWaiting(stand, ring, 1)
  submit(ring, 1)
  expectRun(ring, withFields(cancel(1), { addr: 2 ** 32 + 1 }), -ENOENT, 'another high word')
  put(ring, 2, write(writeEnd, stand.alloc('x')))
  submit(ring, 1)
  expectAnyOrder(ring, '1:1 2:1')
})

conformance('with ALL or ANY nothing found is a count of 0', (stand) => {
  const ring = stand.openRing(8)
  for (const flags of [ALL, ANY, ALL | ANY, ALL | USERDATA]) {
    expectRun(ring, cancel(77, flags), 0, `flags ${flags}`)
  }
})

conformance('ALL ends every request with that user_data', (stand) => {
  inEachMode(stand, 16, (ring) => {
    for (let i = 0; i < 6; i++) putWaiting(stand, ring, 5)
    const other = putWaiting(stand, ring, 6)
    submit(ring, 7)
    put(ring, CANCEL, cancel(5, ALL))
    submit(ring, 1)
    const cqes = reap(ring, 7)
    assert.deepEqual(cqes.map(({ userData }) => userData).sort(), [5, 5, 5, 5, 5, 5, CANCEL])
    expectAllCancelled(cqes)
    put(ring, 7, write(other.writeEnd, stand.alloc('x')))
    submit(ring, 1)
    expectAnyOrder(ring, '6:1 7:1')
  })
})

conformance('ANY ends every request of the ring, waiting, pending or running', (stand) => {
  inEachMode(stand, 16, (ring) => {
    holdTheWorker(stand, ring)
    for (let i = 2; i < 5; i++) putWaiting(stand, ring, i)
    for (let i = 5; i < 8; i++) put(ring, i, nop(), abi.IOSQE_ASYNC)
    submit(ring, 6)
    put(ring, CANCEL, cancel(0, ANY))
    submit(ring, 1)
    const cqes = reap(ring, 8)
    assert.deepEqual(
      cqes.map(({ userData }) => userData).sort((a, b) => a - b),
      [1, 2, 3, 4, 5, 6, 7, CANCEL],
    )
    expectAllCancelled(cqes.filter(({ userData }) => userData < 5 || userData === CANCEL))
    stand.release()
  })
})

conformance('a cancel by fd and user_data finds what has both', (stand) => {
  inEachMode(stand, 16, (ring) => {
    const mine = putWaiting(stand, ring, 1)
    const other = putWaiting(stand, ring, 1)
    put(ring, 2, read(mine.readEnd, stand.alloc(1)))
    submit(ring, 3)
    expectRun(ring, sqe(prepCancelFdUserData, mine.readEnd, 3), -ENOENT, 'another user_data')
    expectRun(ring, sqe(prepCancelFdUserData, mine.readEnd, 1, 1), -ENOENT, 'another high word')
    put(ring, CANCEL, sqe(prepCancelFdUserData, mine.readEnd, 1))
    submit(ring, 1)
    expectAnyOrder(ring, `1:-ECANCELED ${CANCEL}:0`)
    put(ring, 3, write(other.writeEnd, stand.alloc('x')))
    put(ring, 4, write(mine.writeEnd, stand.alloc('x')))
    submit(ring, 2)
    expectAnyOrder(ring, '1:1 2:1 3:1 4:1')
  })
})

conformance('a cancel by fd finds the requests on that file', (stand) => {
  inEachMode(stand, 16, (ring) => {
    const mine = putWaiting(stand, ring, 1)
    const other = putWaiting(stand, ring, 2)
    put(ring, 3, read(mine.readEnd, stand.alloc(1)))
    submit(ring, 3)
    put(ring, CANCEL, withFields(cancel(0, FD | ALL), { fd: mine.readEnd }))
    submit(ring, 1)
    const cqes = reap(ring, 3)
    assert.deepEqual(
      cqes.map(({ userData }) => userData).sort((a, b) => a - b),
      [1, 3, CANCEL],
    )
    expectAllCancelled(cqes)
    put(ring, CANCEL, withFields(cancel(0, FD), { fd: other.readEnd }))
    submit(ring, 1)
    expectCancelled(ring, [2])
    expectRun(ring, withFields(cancel(0, FD), { fd: stand.closedFd() }), -EBADF, 'a closed fd')
    expectRun(ring, withFields(cancel(0, FD), { fd: mine.writeEnd }), -ENOENT, 'the other end')
  })
})

conformance('a cancel by fd and user_data finds what has both', (stand) => {
  const ring = stand.openRing(8)
  const pipe = putWaiting(stand, ring, 1)
  put(ring, 2, read(pipe.readEnd, stand.alloc(1)))
  submit(ring, 2)
  expectRun(ring, withFields(cancel(3, FD | USERDATA), { fd: pipe.readEnd }), -ENOENT, 'no such user_data')
  expectRun(ring, withFields(cancel(1, FD | USERDATA), { fd: pipe.writeEnd }), -ENOENT, 'no such file')
  put(ring, CANCEL, withFields(cancel(2, FD | USERDATA), { fd: pipe.readEnd }))
  submit(ring, 1)
  expectCancelled(ring, [2])
  put(ring, CANCEL, cancel(1, USERDATA))
  submit(ring, 1)
  expectCancelled(ring, [1])
})

conformance('a cancel by fd compares the file, not its number', (stand) => {
  const ring = stand.openRing(8)
  const pipe = putWaiting(stand, ring, 1)
  submit(ring, 1)
  put(ring, CANCEL, withFields(cancel(0, FD), { fd: stand.own(ok(duplicateFd(pipe.readEnd), 'dup')) }))
  submit(ring, 1)
  expectCancelled(ring, [1])
})

conformance('a cancel by opcode finds the requests of that operation', (stand) => {
  const ring = stand.openRing(8)
  putWaiting(stand, ring, 1)
  submit(ring, 1)
  expectRun(ring, withFields(cancel(0, OP), { len: abi.IORING_OP_WRITE }), -ENOENT, 'no write waits')
  expectRun(ring, withFields(cancel(2, OP | USERDATA), { len: abi.IORING_OP_READ }), -ENOENT, 'other user_data')
  put(ring, CANCEL, withFields(cancel(0, OP), { len: abi.IORING_OP_READ }))
  submit(ring, 1)
  expectCancelled(ring, [1])
})

conformance('of two requests with one user_data a cancel without ALL ends one', (stand) => {
  inEachMode(stand, 8, (ring) => {
    const pipes = [putWaiting(stand, ring, 5), putWaiting(stand, ring, 5)]
    submit(ring, 2)
    put(ring, CANCEL, cancel(5))
    submit(ring, 1)
    expectCancelled(ring, [5])
    for (const { writeEnd } of pipes) put(ring, 6, write(writeEnd, stand.alloc('12345678')))
    submit(ring, 2)
    expectAnyOrder(ring, '5:8 6:8 6:8')
  })
})

conformance('a ring does not cancel what another ring has', (stand) => {
  const [mine, other] = [stand.openRing(8), stand.openRing(8)]
  const { writeEnd } = putWaiting(stand, other, 1)
  submit(other, 1)
  expectRun(mine, cancel(1), -ENOENT, 'cancel from another ring')
  expectRun(mine, cancel(1, ANY), 0, 'cancel of any from another ring')
  put(other, 2, write(writeEnd, stand.alloc('x')))
  submit(other, 1)
  expectAnyOrder(other, '1:1 2:1')
})
