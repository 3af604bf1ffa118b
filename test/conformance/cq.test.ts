/**
 * The completion queue: ready, peek, advance, and what happens when it is full. Bodies for every backend.
 */
import assert from 'node:assert/strict'
import {
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_TASKRUN_FLAG,
  IORING_SQ_CQ_OVERFLOW,
  IOSQE_ASYNC,
} from '../../src/abi/constants.js'
import { nowMs } from '../../src/lib/clock.js'
import type { Cqe } from '../../src/ring/cq.js'
import type { Ring } from '../../src/ring/ring.js'
import { drain, expectInOrder, HANG_MS, ok, put, reap, submit, text } from './cqes.js'
import { nop, read } from './fills.js'
import { conformance } from './harness.js'
import { DEFER, inEachMode } from './modes.js'

/** Submits NOPs `from` to `to - 1`, as many a batch as the SQ takes. */
function submitNops(ring: Ring, from: number, to: number, sqeFlags = 0): void {
  for (let next = from; next < to; ) {
    const count = Math.min(ring.sq.entries, to - next)
    for (let i = 0; i < count; i++) put(ring, next + i, nop(), sqeFlags)
    submit(ring, count)
    next += count
  }
}

/** Takes off what is visible, runs no task work. */
function takeVisible(ring: Ring): number[] {
  const seen = numbers(0, ring.cq.ready()).map((ahead) => ring.cq.userData(ahead))
  ring.cq.advance(seen.length)
  return seen
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

const hasOverflow = (ring: Ring) => (ring.sq.flags() & IORING_SQ_CQ_OVERFLOW) !== 0

conformance('ready counts the completions that were not advanced over', (stand) => {
  inEachMode(stand, 4, (ring) => {
    assert.equal(ring.cq.ready(), 0)
    submitNops(ring, 0, 4)
    assert.equal(ring.cq.ready(), 4)
    ring.cq.advance(2)
    assert.equal(ring.cq.ready(), 2)
    assert.equal(ring.cq.userData(), 2)
    submitNops(ring, 4, 8)
    assert.equal(ring.cq.ready(), 6)
    ring.cq.advance(6)
    assert.equal(ring.cq.ready(), 0)
    assert.equal(ring.cq.peekCqe(), undefined)
  })
})

conformance('peekBatch gives at most what was asked, oldest first, and takes nothing off', (stand) => {
  const ring = stand.openRing(4)
  const peek = (max: number) => ring.cq.peekBatch(max).map(({ userData }) => userData)
  assert.deepEqual(peek(4), [])
  submitNops(ring, 0, 4)
  assert.deepEqual(peek(1), [0])
  assert.deepEqual(peek(4), [0, 1, 2, 3])
  assert.deepEqual(peek(10), [0, 1, 2, 3])
  submitNops(ring, 4, 8)
  assert.deepEqual(peek(5), [0, 1, 2, 3, 4])
  ring.cq.advance(3)
  submitNops(ring, 8, 10)
  assert.deepEqual(peek(8), [3, 4, 5, 6, 7, 8, 9])
  ring.cq.advance(7)
  assert.deepEqual(peek(8), [])
})

conformance('completions beyond the CQ are kept and come in order', (stand) => {
  inEachMode(stand, 4, (ring) => {
    submitNops(ring, 0, 20)
    assert.equal(ring.cq.ready(), 8)
    assert.equal(ring.cq.overflow(), 0, 'none was lost')
    assert.deepEqual(
      reap(ring, 20).map(({ userData }) => userData),
      numbers(0, 20),
    )
    assert.equal(ring.cq.overflow(), 0)
  })
})

conformance(
  'the overflow flag is set from the first completion that does not fit until the last is flushed',
  (stand) => {
    inEachMode(stand, 4, (ring) => {
      submitNops(ring, 0, 8)
      assert.equal(hasOverflow(ring), false, 'a full CQ is no overflow')
      submitNops(ring, 8, 9)
      assert.equal(hasOverflow(ring), true)
      assert.equal(ring.cqNeedsEnter(), true)
      submitNops(ring, 9, 20)
      assert.deepEqual(takeVisible(ring), numbers(0, 8))
      ok(ring.getEvents(), 'getEvents')
      assert.equal(hasOverflow(ring), true, 'four do not fit yet')
      assert.deepEqual(takeVisible(ring), numbers(8, 16))
      ok(ring.getEvents(), 'getEvents')
      assert.equal(hasOverflow(ring), false)
      assert.deepEqual(takeVisible(ring), numbers(16, 20))
      assert.equal(ring.cqNeedsEnter(), false)
    })
  },
)

conformance('a plain submit flushes no overflow, and a new completion does not overtake one', (stand) => {
  inEachMode(stand, 4, (ring) => {
    submitNops(ring, 0, 10)
    assert.deepEqual(takeVisible(ring), numbers(0, 8))
    assert.equal(ring.cq.ready(), 0)
    submitNops(ring, 10, 12)
    assert.equal(ring.cq.ready(), 0, 'there is room, but the line is at the overflow list')
    assert.equal(hasOverflow(ring), true)
    ok(ring.getEvents(), 'getEvents')
    assert.deepEqual(takeVisible(ring), numbers(8, 12))
    assert.equal(hasOverflow(ring), false)
  })
})

conformance('a flush moves as many as there is room for', (stand) => {
  const ring = stand.openRing(4)
  submitNops(ring, 0, 20)
  ring.cq.advance(3)
  ok(ring.getEvents(), 'getEvents')
  assert.equal(ring.cq.ready(), 8)
  assert.deepEqual(
    reap(ring, 17).map(({ userData }) => userData),
    numbers(3, 20),
  )
})

conformance('submitting goes on while the CQ overflows', (stand) => {
  inEachMode(stand, 4, (ring) => {
    submitNops(ring, 0, 200)
    assert.deepEqual(
      reap(ring, 200).map(({ userData }) => userData),
      numbers(0, 200),
    )
  })
})

conformance('drains of all sizes keep the order through overflows', (stand) => {
  inEachMode(
    stand,
    4,
    (ring) => {
      const seen: number[] = []
      let next = 0
      for (let round = 0; round < 200; round++) {
        const count = 1 + ((round * 7) % 13)
        submitNops(ring, next, next + count)
        next += count
        if (round % 3 === 0) ok(ring.getEvents(), 'getEvents')
        const take = Math.min(ring.cq.ready(), (round * 5) % 6)
        seen.push(...ring.cq.peekBatch(take).map(({ userData }) => userData))
        ring.cq.advance(take)
      }
      seen.push(...drain(ring).map(({ userData }) => userData))
      assert.deepEqual(seen, numbers(0, next))
    },
    { cqEntries: 4 },
  )
})

conformance('a CQ of one entry loses nothing', (stand) => {
  const ring = stand.openRing(1, { cqEntries: 1 })
  assert.equal(ring.cq.entries, 1)
  submitNops(ring, 0, 5)
  assert.equal(ring.cq.ready(), 1)
  expectInOrder(ring, '0:0 1:0 2:0 3:0 4:0')
})

conformance('peek fetches what found no room, and a look at what there is does not', (stand) => {
  inEachMode(stand, 4, (ring) => {
    submitNops(ring, 0, 20)
    const seen: number[] = []
    for (let ready = ring.cq.ready(); ready > 0; ready = ring.cq.ready()) {
      for (let i = 0; i < ready; i++) seen.push(ring.cq.userData(i))
      ring.cq.advance(ready)
    }
    assert.equal(ring.cq.hasOverflow(), true)
    const cqe = ring.cq.peekCqe()
    assert.equal(cqe?.userData, seen.length)
    while (seen.length < 20) {
      const batch = ring.cq.peekBatch(20)
      assert.ok(batch.length > 0, `${seen.length} of 20 were fetched`)
      for (const { userData } of batch) seen.push(userData)
      ring.cq.advance(batch.length)
    }
    assert.deepEqual(seen, numbers(0, 20))
    assert.equal(ring.cq.hasOverflow(), false)
    assert.equal(ring.cq.peekCqe(), undefined)
  })
})

conformance('peek runs the task work that is flagged', (stand) => {
  for (const flags of [DEFER | IORING_SETUP_TASKRUN_FLAG, IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG]) {
    const ring = stand.openRing(8, { flags })
    const { readEnd, writeEnd } = stand.pipe()
    put(ring, 7, read(readEnd, stand.alloc(4)))
    submit(ring, 1)
    stand.write(writeEnd, 'data')
    let cqe: Cqe | undefined
    for (const end = nowMs() + HANG_MS; cqe === undefined && nowMs() < end; ) cqe = ring.cq.peekCqe()
    assert.equal(cqe && text(cqe), '7:4')
  }
})

conformance('a muted eventfd says so', (stand) => {
  const ring = stand.openRing(4)
  assert.equal(ring.cq.eventfdEnabled(), true)
  ring.cq.setEventfdEnabled(false)
  assert.equal(ring.cq.eventfdEnabled(), false)
  ring.cq.setEventfdEnabled(true)
  assert.equal(ring.cq.eventfdEnabled(), true)
})

conformance('completions of workers are kept beyond the CQ as well', (stand) => {
  inEachMode(stand, 8, (ring) => {
    submitNops(ring, 0, 64, IOSQE_ASYNC)
    const seen = reap(ring, 64).map(({ userData }) => userData)
    assert.deepEqual(
      seen.sort((a, b) => a - b),
      numbers(0, 64),
    )
    assert.equal(ring.cq.overflow(), 0)
    assert.equal(hasOverflow(ring), false)
  })
})

conformance('the overflow flag is set until the last of the list is in the ring', (stand) => {
  inEachMode(stand, 4, (ring) => {
    submitNops(ring, 0, 8)
    submitNops(ring, 8, 11)
    assert.ok(hasOverflow(ring))
    for (let left = 3; left > 0; left--) {
      ring.cq.advance(1)
      // Looks for room, and has none for more than one.
      ring.getEvents()
      assert.equal(hasOverflow(ring), left > 1, `${left - 1} wait`)
    }
    assert.deepEqual(takeVisible(ring), numbers(3, 11))
  })
})
