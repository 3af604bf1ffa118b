/**
 * Closing rings: with requests in flight, many of them, and the workers leaving after. Bodies for every backend.
 */
import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { AT_FDCWD, IOSQE_ASYNC, O_RDONLY } from '../../src/abi/constants.js'
import { nowMs } from '../../src/lib/clock.js'
import { nrOpenFds } from '../../src/sys/loop.test.fds.js'
import { expectAnyOrder, expectInOrder, expectRun, put, reap, submit } from './cqes.js'
import { nop, openat, read } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'
import { expectWorkersGone, LEAVE_MS, threads } from './workers.js'

conformance('the workers leave after the last ring is closed', async (stand) => {
  await expectWorkersGone(threads().filter((thread) => !thread.includes('iou-wrk-')))
  const before = threads()
  const rings = [stand.openRing(8), stand.openRing(8)]
  for (const ring of rings) {
    for (let i = 0; i < 8; i++) put(ring, i, nop(), IOSQE_ASYNC)
    submit(ring, 8)
    reap(ring, 8)
  }
  assert.ok(threads().length > before.length, 'workers ran')
  for (const ring of rings) ring.queueExit()
  await expectWorkersGone(before)
})

conformance('a worker stays while one ring of several is open', async (stand) => {
  const before = threads()
  const [used, other] = [stand.openRing(8), stand.openRing(8)]
  expectRun(used, nop(), 0, 'a NOP in a worker', IOSQE_ASYNC)
  used.queueExit()
  expectRun(other, nop(), 0, 'a NOP in a worker', IOSQE_ASYNC)
  other.queueExit()
  await expectWorkersGone(before)
})

conformance('workers held by requests leave when their ring is closed', async (stand) => {
  const before = threads()
  const ring = stand.openRing(8)
  stand.setMaxWorkers(ring, 4, 4)
  const path = stand.cstr(stand.fifo())
  for (let i = 0; i < 4; i++) put(ring, i, openat(AT_FDCWD, path, O_RDONLY), IOSQE_ASYNC)
  submit(ring, 4)
  stand.release()
  ring.queueExit()
  await expectWorkersGone(before)
})

conformance('a ring is closed with a thousand requests in flight', async (stand) => {
  const before = threads()
  const { readEnd } = stand.pipe()
  inEachMode(stand, 1024, (ring) => {
    for (let i = 0; i < 1000; i++) put(ring, i, read(readEnd, stand.alloc(1)), i % 2 === 0 ? 0 : IOSQE_ASYNC)
    submit(ring, 1000)
  })
  const ring = stand.openRing(8)
  expectRun(ring, nop(), 0, 'a NOP on a ring made after')
  ring.queueExit()
  await expectWorkersGone(before)
})

conformance('a closed ring’s requests leave their files to others', async (stand) => {
  const before = threads()
  const { readEnd, writeEnd } = stand.pipe()
  const first = stand.openRing(8)
  for (let i = 0; i < 4; i++) put(first, i, read(readEnd, stand.alloc(4)))
  submit(first, 4)
  first.queueExit()
  await expectWorkersGone(before)
  const second = stand.openRing(8)
  const into = stand.alloc(4)
  put(second, 1, read(readEnd, into))
  submit(second, 1)
  stand.write(writeEnd, 'mine')
  expectInOrder(second, '1:4')
  assert.equal(Buffer.from(into).toString(), 'mine')
})

conformance('a ring is closed with completions that nobody took', (stand) => {
  inEachMode(stand, 4, (ring) => {
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 4; i++) put(ring, i, nop())
      submit(ring, 4)
    }
  })
})

conformance('a ring is closed with SQEs that nobody submitted', (stand) => {
  const ring = stand.openRing(4)
  put(ring, 1, nop())
  ring.queueExit()
  ring.queueExit()
})

conformance('rings are made and closed by the hundreds, and no fd is left', async (stand) => {
  const before = nrOpenFds()
  for (let i = 0; i < 300; i++) {
    const ring = stand.openRing(8)
    put(ring, i, nop(), i % 10 === 0 ? IOSQE_ASYNC : 0)
    submit(ring, 1)
    expectInOrder(ring, `${i}:0`)
    ring.queueExit()
  }
  const deadline = nowMs() + LEAVE_MS
  while (nrOpenFds() > before) {
    assert.ok(nowMs() < deadline, `${nrOpenFds()} fds, ${before} before`)
    await turn()
  }
})

conformance('the process uses several rings at a time', (stand) => {
  const rings = Array.from({ length: 10 }, () => stand.openRing(4))
  rings.forEach((ring, i) => {
    put(ring, 100 + i, nop())
    put(ring, 200 + i, nop(), IOSQE_ASYNC)
    submit(ring, 2)
  })
  for (const [i, ring] of rings.entries()) expectAnyOrder(ring, `${100 + i}:0 ${200 + i}:0`)
})
