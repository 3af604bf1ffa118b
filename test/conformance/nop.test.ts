/**
 * NOP: the plainest request. Bodies for every backend.
 */
import assert from 'node:assert/strict'
import {
  IORING_NOP_CQE32,
  IORING_NOP_INJECT_RESULT,
  IORING_NOP_TW,
  IORING_SETUP_CLAMP,
  IORING_SETUP_CQE32,
  IOSQE_ASYNC,
} from '../../src/abi/constants.js'
import { EINVAL, ENOENT } from '../../src/lib/errno.js'
import { setIoprio } from '../../src/ring/prep.js'
import { SQ_FULL } from '../../src/ring/sq.js'
import { drain, expectAnyOrder, expectInOrder, expectRun, put, reap, submit } from './cqes.js'
import { nop, withFields } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'

conformance('a NOP completes with 0 and its user_data', (stand) => {
  inEachMode(stand, 1, (ring) => {
    put(ring, 7, nop())
    submit(ring, 1)
    expectInOrder(ring, '7:0')
  })
})

conformance('NOPs of one batch complete in the order of their SQEs', (stand) => {
  inEachMode(stand, 8, (ring) => {
    for (let i = 0; i < 8; i++) put(ring, i, nop())
    submit(ring, 8)
    expectInOrder(ring, '0:0 1:0 2:0 3:0 4:0 5:0 6:0 7:0')
  })
})

conformance('inline NOPs are complete when enter returns', (stand) => {
  const ring = stand.openRing(4)
  for (let i = 0; i < 3; i++) put(ring, i, nop())
  submit(ring, 3)
  assert.equal(ring.cq.ready(), 3)
})

conformance('a NOP with IOSQE_ASYNC completes the same', (stand) => {
  inEachMode(stand, 8, (ring) => {
    for (let i = 0; i < 8; i++) put(ring, i, nop(), IOSQE_ASYNC)
    submit(ring, 8)
    expectAnyOrder(ring, '0:0 1:0 2:0 3:0 4:0 5:0 6:0 7:0')
  })
})

conformance('rings of every size fill their SQ and CQ with NOPs', (stand) => {
  for (let entries = 1; entries <= 32768; entries *= 2) {
    const ring = stand.openRing(entries, { flags: IORING_SETUP_CLAMP })
    assert.equal(ring.sq.entries, entries)
    assert.equal(ring.cq.entries, 2 * entries)
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < entries; i++) put(ring, round * entries + i, nop())
      assert.equal(ring.sq.getSqe(), SQ_FULL)
      submit(ring, entries)
    }
    assert.equal(ring.cq.ready(), 2 * entries)
    for (let i = 0; i < 2 * entries; i++) {
      assert.equal(ring.cq.userData(i), i)
      assert.equal(ring.cq.res(i), 0)
    }
    ring.cq.advance(2 * entries)
    ring.queueExit()
  }
})

conformance('an injected result comes back as it is', (stand) => {
  const ring = stand.openRing(8)
  put(ring, 1, nop(IORING_NOP_INJECT_RESULT, 42))
  put(ring, 2, nop(IORING_NOP_INJECT_RESULT, -ENOENT))
  put(ring, 3, nop(IORING_NOP_INJECT_RESULT, 0x7fffffff))
  put(ring, 4, nop(0, 42))
  submit(ring, 4)
  expectInOrder(ring, '1:42 2:-ENOENT 3:2147483647 4:0')
})

conformance('a NOP through task work completes once events are got', (stand) => {
  inEachMode(stand, 8, (ring) => {
    for (let i = 0; i < 4; i++) put(ring, i, nop(IORING_NOP_TW))
    submit(ring, 4)
    expectInOrder(ring, '0:0 1:0 2:0 3:0')
  })
})

conformance('unknown NOP flags are refused', (stand) => {
  const ring = stand.openRing(4)
  for (const flag of [0x40, 0x80, 0x8000_0000, 0x41]) {
    expectRun(ring, nop(flag), -EINVAL, `nop_flags 0x${flag.toString(16)}`)
  }
  expectRun(ring, nop(IORING_NOP_CQE32), -EINVAL, '32-byte CQE on a ring of 16-byte ones')
})

conformance('a NOP ignores the fields it has no use for', (stand) => {
  const ring = stand.openRing(4)
  const fields = { fd: 1234567, off: 5, addr: 1, len: 99, buf_index: 3, splice_fd_in: 4, addr3: 1, pad2: 1 }
  expectRun(ring, withFields(nop(), fields), 0, 'NOP')
})

conformance('a NOP takes no I/O priority', (stand) => {
  const ring = stand.openRing(4)
  expectRun(
    ring,
    (words, at) => {
      nop()(words, at)
      setIoprio(words, at, 1)
    },
    -EINVAL,
    'NOP with ioprio',
  )
})

conformance(
  '32-byte completions keep their order through a full CQ',
  (stand) => {
    const ring = stand.openRing(4, { flags: IORING_SETUP_CQE32 })
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 4; i++) put(ring, round * 4 + i, nop(IORING_NOP_CQE32))
      submit(ring, 4)
    }
    const order = [...reap(ring, 8), ...drain(ring)].map(({ userData }) => userData)
    assert.deepEqual(
      order,
      Array.from({ length: 20 }, (_, i) => i),
    )
  },
  { setup: IORING_SETUP_CQE32 },
)
