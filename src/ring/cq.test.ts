/**
 * The completion side on memory of the test's own, which can begin anywhere: also just below 2^32. Main thread.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IORING_SETUP_CQE32 } from '../abi/constants.js'
import { PARAMS } from '../abi/params.js'
import { Cq } from './cq.js'

const HEAD = 0
const TAIL = 1
const OVERFLOW = 2
const CQ_FLAGS = 3
const CQES = 16
const ENTRIES = 4

/** A CQ of four whose head and tail begin at `start`, and a function that posts to it. */
function makeCq(start = 0, flags = 0) {
  const cqeWords = flags & IORING_SETUP_CQE32 ? 8 : 4
  const rings = new Int32Array(CQES + ENTRIES * cqeWords)
  rings[HEAD] = rings[TAIL] = start
  const params = new DataView(new ArrayBuffer(PARAMS.size))
  const set = (name: keyof typeof PARAMS.at, value: number) => params.setUint32(PARAMS.at[name], value, true)
  set('cq_entries', ENTRIES)
  set('flags', flags)
  set('cq_off_head', HEAD * 4)
  set('cq_off_tail', TAIL * 4)
  set('cq_off_overflow', OVERFLOW * 4)
  set('cq_off_flags', CQ_FLAGS * 4)
  set('cq_off_cqes', CQES * 4)
  const post = (low: number, high: number, res: number, cqeFlags: number) => {
    rings.set([low, high, res, cqeFlags], CQES + (rings[TAIL]! & (ENTRIES - 1)) * cqeWords)
    rings[TAIL] = rings[TAIL]! + 1
  }
  return { cq: new Cq({ rings: rings.buffer, sqes: new ArrayBuffer(0) }, params, () => 0), rings, post }
}

test('a completion is read in place, all of it', () => {
  const { cq, post } = makeCq()
  post(-1, 0x12345678, -22, 3)
  assert.equal(cq.ready(), 1)
  assert.equal(cq.userData(), 0xffff_ffff)
  assert.equal(cq.userDataHigh(), 0x12345678)
  assert.equal(cq.res(), -22)
  assert.equal(cq.flags(), 3)
  assert.deepEqual(cq.peekCqe(), { userData: 0xffff_ffff, userDataHigh: 0x12345678, res: -22, flags: 3 })
})

test('an empty CQ has nothing to peek', () => {
  const { cq, post } = makeCq()
  assert.equal(cq.peekCqe(), undefined)
  assert.deepEqual(cq.peekBatch(4), [])
  post(1, 0, 0, 0)
  cq.cqeSeen()
  assert.equal(cq.peekCqe(), undefined)
})

test('later completions are reached by their distance from the head', () => {
  const { cq, post } = makeCq()
  for (let i = 0; i < 4; i++) post(i, 0, i * 10, 0)
  assert.deepEqual(
    [0, 1, 2, 3].map((ahead) => cq.res(ahead)),
    [0, 10, 20, 30],
  )
  cq.advance(2)
  assert.equal(cq.res(1), 30)
  assert.deepEqual(
    cq.peekBatch(10).map(({ userData }) => userData),
    [2, 3],
  )
})

for (const start of [-1, -2, -3, 0x7fff_fffe, 0x7fff_ffff]) {
  test(`indices go on past ${start >>> 0}`, () => {
    const { cq, rings, post } = makeCq(start)
    assert.equal(cq.ready(), 0)
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < ENTRIES; i++) post(round * ENTRIES + i, 0, 0, 0)
      assert.equal(cq.ready(), ENTRIES)
      assert.deepEqual(
        cq.peekBatch(ENTRIES).map(({ userData }) => userData),
        [0, 1, 2, 3].map((i) => round * ENTRIES + i),
      )
      cq.advance(3)
      assert.equal(cq.ready(), 1)
      cq.advance(1)
      assert.equal(rings[HEAD], (start + (round + 1) * ENTRIES) | 0)
      assert.equal(cq.ready(), 0)
    }
  })
}

test('with CQE32 a completion is twice as far from the next', () => {
  const { cq, post } = makeCq(0, IORING_SETUP_CQE32)
  for (let i = 0; i < 5; i++) {
    post(i, 0, i, 0)
    assert.equal(cq.userData(), i)
    cq.cqeSeen()
  }
})

test('the eventfd is muted by one bit of the flags', () => {
  const { cq, rings } = makeCq()
  rings[CQ_FLAGS] = 6
  cq.setEventfdEnabled(false)
  assert.equal(rings[CQ_FLAGS], 7)
  cq.setEventfdEnabled(true)
  assert.equal(rings[CQ_FLAGS], 6)
})

test('lost completions are counted by the other side', () => {
  const { cq, rings } = makeCq()
  rings[OVERFLOW] = -2
  assert.equal(cq.overflow(), 0xffff_fffe)
})
