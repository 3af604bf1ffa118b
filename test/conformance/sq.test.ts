/**
 * The submission queue: full, space left, the index array, the head and the tail. Bodies for every backend.
 *
 * How indices wrap past 2^32 is shown in src/ring/sq.test.ts and cq.test.ts, on memory that starts just below: a
 * kernel's ring starts at 0 and takes minutes to get there.
 */
import assert from 'node:assert/strict'
import { IORING_ENTER_GETEVENTS, IORING_SETUP_NO_SQARRAY, IORING_SETUP_SUBMIT_ALL } from '../../src/abi/constants.js'
import { storeRelease } from '../../src/lib/barrier.js'
import { setUserData } from '../../src/ring/prep.js'
import { SQ_FULL } from '../../src/ring/sq.js'
import { equalRes, expectInOrder, expectNothing, put, reap, submit } from './cqes.js'
import { badOpcode, nop } from './fills.js'
import { conformance } from './harness.js'
import { inEachMode } from './modes.js'
import type { BareRing, Stand } from './stand.js'

conformance('a full SQ hands out no SQE until some are taken', (stand) => {
  inEachMode(stand, 8, (ring) => {
    for (let i = 0; i < 8; i++) put(ring, i, nop())
    assert.equal(ring.sq.getSqe(), SQ_FULL)
    submit(ring, 8)
    for (let i = 8; i < 16; i++) put(ring, i, nop())
    assert.equal(ring.sq.getSqe(), SQ_FULL)
  })
})

conformance('space left and ready count what is filled, submitted or not', (stand) => {
  const ring = stand.openRing(8)
  for (let i = 0; i < 8; i++) {
    assert.equal(ring.sq.spaceLeft(), 8 - i)
    assert.equal(ring.sq.ready(), i)
    put(ring, i, nop())
  }
  assert.equal(ring.sq.spaceLeft(), 0)
  submit(ring, 8)
  assert.equal(ring.sq.spaceLeft(), 8)
  assert.equal(ring.sq.ready(), 0)
})

conformance('a bad opcode in the middle leaves the rest queued for the next submit', (stand) => {
  const ring = stand.openRing(32)
  for (let i = 0; i < 8; i++) put(ring, i, nop())
  put(ring, 8, badOpcode)
  for (let i = 9; i < 17; i++) put(ring, i, nop())
  submit(ring, 9)
  assert.equal(ring.sq.ready(), 8)
  assert.equal(ring.sq.spaceLeft(), 24)
  submit(ring, 8)
  assert.equal(ring.sq.ready(), 0)
  assert.deepEqual(
    reap(ring, 17).map(({ userData }) => userData),
    Array.from({ length: 17 }, (_, i) => i),
  )
})

conformance('the queue goes round many times', (stand) => {
  inEachMode(stand, 4, (ring) => {
    let next = 0
    for (let round = 0; round < 300; round++) {
      const count = 1 + (round % 4)
      for (let i = 0; i < count; i++) put(ring, next + i, nop())
      submit(ring, count)
      for (const { userData, res } of reap(ring, count)) {
        assert.equal(userData, next++)
        assert.equal(res, 0)
      }
    }
  })
})

conformance('submitting nothing returns 0', (stand) => {
  const ring = stand.openRing(4)
  equalRes(ring.submit(), 0)
  equalRes(stand.syscalls.enter(ring.fd, 0, 0, 0), 0)
  equalRes(stand.syscalls.enter(ring.fd, 3, 0, 0), 0, 'enter with an empty SQ')
})

/** A ring of 8 whose SQEs 0 to 7 are NOPs with user_data 0 to 7, and whose array is not written yet. */
function openWithNops(stand: Stand, flags = 0): BareRing {
  const bare = stand.openBareRing(8, { flags })
  for (let i = 0; i < 8; i++) {
    nop()(bare.ring.sq.words, i * 16)
    setUserData(bare.ring.sq.words, i * 16, i)
  }
  return bare
}

/** Writes slots from `first` on, and moves the tail past them. */
function publish({ words, at }: BareRing, first: number, slots: readonly number[]): void {
  slots.forEach((slot, i) => {
    words[at('sq_off_array') + ((first + i) & 7)] = slot
  })
  storeRelease(words, at('sq_off_tail'), first + slots.length)
}

conformance('SQEs are taken in the order of the array, which may repeat a slot', (stand) => {
  const bare = openWithNops(stand)
  publish(bare, 0, [5, 2, 2, 7, 0])
  equalRes(stand.syscalls.enter(bare.ring.fd, 5, 0, 0), 5)
  expectInOrder(bare.ring, '5:0 2:0 2:0 7:0 0:0')
  assert.equal(bare.words[bare.at('sq_off_head')], 5)
})

for (const [name, flags] of [
  ['', 0],
  [', with SUBMIT_ALL too', IORING_SETUP_SUBMIT_ALL],
] as const) {
  conformance(`a bad array index is dropped, not counted, and ends the batch${name}`, (stand) => {
    const bare = openWithNops(stand, flags)
    publish(bare, 0, [0, 8, 1])
    equalRes(stand.syscalls.enter(bare.ring.fd, 3, 0, 0), 1, 'enter up to the bad index')
    assert.equal(bare.words[bare.at('sq_off_head')], 2, 'the head is past the bad index')
    assert.equal(bare.ring.sq.dropped(), 1)
    expectInOrder(bare.ring, '0:0')
    equalRes(stand.syscalls.enter(bare.ring.fd, 1, 0, 0), 1, 'the next enter')
    expectInOrder(bare.ring, '1:0')
  })
}

conformance('a lone bad array index makes enter return 0', (stand) => {
  const bare = openWithNops(stand)
  publish(bare, 0, [0xffff])
  equalRes(stand.syscalls.enter(bare.ring.fd, 1, 0, 0), 0)
  assert.equal(bare.ring.sq.dropped(), 1)
  assert.equal(bare.words[bare.at('sq_off_head')], 1)
  publish(bare, 1, [-1, 3])
  equalRes(stand.syscalls.enter(bare.ring.fd, 2, 0, 0), 0)
  assert.equal(bare.ring.sq.dropped(), 2)
  equalRes(stand.syscalls.enter(bare.ring.fd, 1, 0, 0), 1)
  expectInOrder(bare.ring, '3:0')
})

conformance('a bad array index inside a chain closes the chain there', (stand) => {
  const bare = openWithNops(stand)
  const IO_LINK_IN_WORD = 4 << 8
  bare.ring.sq.words[0]! |= IO_LINK_IN_WORD
  publish(bare, 0, [0, 8, 1])
  equalRes(stand.syscalls.enter(bare.ring.fd, 3, 0, 0), 1)
  expectInOrder(bare.ring, '0:0')
  equalRes(stand.syscalls.enter(bare.ring.fd, 1, 0, 0), 1)
  expectInOrder(bare.ring, '1:0')
})

conformance('a tail far ahead gives no more than a whole queue to one enter', (stand) => {
  const bare = openWithNops(stand)
  publish(bare, 0, [0, 1, 2, 3, 4, 5, 6, 7])
  storeRelease(bare.words, bare.at('sq_off_tail'), 1000)
  equalRes(stand.syscalls.enter(bare.ring.fd, 1000, 0, 0), 8)
  equalRes(stand.syscalls.enter(bare.ring.fd, 1000, 0, IORING_ENTER_GETEVENTS), 8)
  assert.equal(bare.words[bare.at('sq_off_head')], 16)
  expectInOrder(bare.ring, '0:0 1:0 2:0 3:0 4:0 5:0 6:0 7:0 0:0 1:0 2:0 3:0 4:0 5:0 6:0 7:0')
  expectNothing(bare.ring, 'nothing else was submitted')
})

conformance(
  'without an array the SQEs are taken by position',
  (stand) => {
    const bare = stand.openBareRing(4, { flags: IORING_SETUP_NO_SQARRAY })
    assert.equal(bare.param('sq_off_array'), 0)
    for (let i = 0; i < 9; i++) {
      put(bare.ring, i, nop())
      submit(bare.ring, 1)
      expectInOrder(bare.ring, `${i}:0`)
    }
  },
  { setup: IORING_SETUP_NO_SQARRAY },
)
