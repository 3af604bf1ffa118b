/**
 * Rings and threads: each thread has its own workers, and they end with it. Bodies for every backend.
 */
import assert from 'node:assert/strict'
import {
  IORING_ENTER_GETEVENTS,
  IORING_REGISTER_ENABLE_RINGS,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_SINGLE_ISSUER,
  IOSQE_ASYNC,
} from '../../src/abi/constants.js'
import { EEXIST } from '../../src/lib/errno.js'
import { equalRes, expectInOrder, expectRun, ok, put } from './cqes.js'
import { nop } from './fills.js'
import { conformance } from './harness.js'
import { DEFER } from './modes.js'
import { inThread } from './other-thread.js'
import { expectWorkersGone, threads } from './workers.js'

conformance('a thread makes a ring of its own, and its workers end with it', async (stand) => {
  const before = threads()
  assert.equal(await inThread({ backend: stand.backend, what: 'nops' }), 8)
  await expectWorkersGone(before)
})

conformance('a thread ends with its ring open and a request in flight', async (stand) => {
  const before = threads()
  assert.equal(await inThread({ backend: stand.backend, what: 'leave' }), 8)
  await expectWorkersGone(before)
})

conformance('threads use rings side by side', async (stand) => {
  const before = threads()
  const others = [1, 2, 3].map(() => inThread({ backend: stand.backend, what: 'nops' }))
  const ring = stand.openRing(8)
  for (let i = 0; i < 50; i++) expectRun(ring, nop(), 0, 'a NOP in a worker', IOSQE_ASYNC)
  assert.deepEqual(await Promise.all(others), [8, 8, 8])
  ring.queueExit()
  await expectWorkersGone(before)
})

conformance('with SINGLE_ISSUER another thread may not submit', async (stand) => {
  const ring = stand.openRing(4, { flags: IORING_SETUP_SINGLE_ISSUER })
  put(ring, 1, nop())
  ring.sq.flush()
  const { backend } = stand
  equalRes(await inThread({ backend, what: 'enter', fd: ring.fd, toSubmit: 1 }), -EEXIST, 'enter of another thread')
  equalRes(ring.submit(), 1, 'enter of its own')
  expectInOrder(ring, '1:0')
  const flags = IORING_ENTER_GETEVENTS
  equalRes(await inThread({ backend, what: 'enter', fd: ring.fd, flags }), 0, 'waiting needs no DEFER_TASKRUN')
})

conformance('with DEFER_TASKRUN another thread may not wait', async (stand) => {
  const ring = stand.openRing(4, { flags: DEFER })
  const { backend } = stand
  const flags = IORING_ENTER_GETEVENTS
  equalRes(await inThread({ backend, what: 'enter', fd: ring.fd, flags }), -EEXIST, 'enter of another thread')
})

conformance('a disabled ring belongs to the thread that enables it', async (stand) => {
  const ring = stand.openRing(4, { flags: IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_R_DISABLED })
  ok(ring.register(IORING_REGISTER_ENABLE_RINGS, null, 0), 'enable')
  put(ring, 1, nop())
  ring.sq.flush()
  const { backend } = stand
  equalRes(await inThread({ backend, what: 'enter', fd: ring.fd, toSubmit: 1 }), -EEXIST, 'enter of another thread')
  equalRes(ring.submit(), 1, 'enter of its own')
  expectInOrder(ring, '1:0')
})
