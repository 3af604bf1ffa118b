/**
 * The submission side on memory of the test's own, which can begin anywhere: also just below 2^32. Main thread.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IORING_SETUP_NO_SQARRAY, IORING_SETUP_SQE128 } from '../abi/constants.js'
import { PARAMS } from '../abi/params.js'
import { SQ_FULL, Sq } from './sq.js'

const HEAD = 0
const TAIL = 1
const FLAGS = 2
const DROPPED = 3
const ARRAY = 16
const ENTRIES = 4

/** An SQ of four whose head and tail begin at `start`. */
function makeSq(start = 0, flags = 0) {
  const rings = new Int32Array(ARRAY + ENTRIES)
  const sqes = new Int32Array(ENTRIES * (flags & IORING_SETUP_SQE128 ? 32 : 16)).fill(-1)
  rings[HEAD] = rings[TAIL] = start
  const params = new DataView(new ArrayBuffer(PARAMS.size))
  const set = (name: keyof typeof PARAMS.at, value: number) => params.setUint32(PARAMS.at[name], value, true)
  set('sq_entries', ENTRIES)
  set('flags', flags)
  set('sq_off_head', HEAD * 4)
  set('sq_off_tail', TAIL * 4)
  set('sq_off_flags', FLAGS * 4)
  set('sq_off_dropped', DROPPED * 4)
  set('sq_off_array', ARRAY * 4)
  return { sq: new Sq({ rings: rings.buffer, sqes: sqes.buffer }, params), rings, sqes }
}

test('getSqe hands out each slot once, zeroed, until the queue is full', () => {
  const { sq, sqes } = makeSq()
  for (let slot = 0; slot < ENTRIES; slot++) {
    const at = sq.getSqe()
    assert.equal(at, slot * 16)
    assert.ok(sqes.subarray(at, at + 16).every((word) => word === 0))
    assert.equal(sq.spaceLeft(), ENTRIES - slot - 1)
  }
  assert.equal(sq.getSqe(), SQ_FULL)
})

test('nothing is visible before flush, and flush counts what is new', () => {
  const { sq, rings } = makeSq()
  sq.getSqe()
  sq.getSqe()
  assert.equal(rings[TAIL], 0)
  assert.equal(sq.pending(), 0)
  assert.equal(sq.ready(), 2)
  assert.equal(sq.flush(), 2)
  assert.equal(rings[TAIL], 2)
  assert.equal(sq.pending(), 2)
  assert.equal(sq.flush(), 0)
  sq.getSqe()
  assert.equal(sq.flush(), 1)
  assert.equal(rings[TAIL], 3)
})

test('slots come back as the other side takes SQEs', () => {
  const { sq, rings } = makeSq()
  for (let i = 0; i < ENTRIES; i++) sq.getSqe()
  sq.flush()
  rings[HEAD] = 1
  assert.equal(sq.spaceLeft(), 1)
  assert.equal(sq.getSqe(), 0)
  assert.equal(sq.getSqe(), SQ_FULL)
  assert.equal(sq.pending(), 3)
  assert.equal(sq.ready(), 4)
})

for (const start of [-1, -2, -3, 0x7fff_fffe, 0x7fff_ffff]) {
  test(`indices go on past ${start >>> 0}`, () => {
    const { sq, rings } = makeSq(start)
    assert.equal(sq.spaceLeft(), ENTRIES)
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < ENTRIES; i++) {
        const slot = (start + round * ENTRIES + i) & (ENTRIES - 1)
        assert.equal(sq.getSqe(), slot * 16)
      }
      assert.equal(sq.getSqe(), SQ_FULL)
      assert.equal(sq.flush(), ENTRIES)
      assert.equal(sq.pending(), ENTRIES)
      assert.equal(sq.spaceLeft(), 0)
      assert.equal(rings[TAIL], (start + (round + 1) * ENTRIES) | 0)
      rings[HEAD] = rings[TAIL]!
      assert.equal(sq.pending(), 0)
      assert.equal(sq.ready(), 0)
    }
  })
}

test('the array names each slot by itself, and is not written where there is none', () => {
  assert.deepEqual([...makeSq().rings.subarray(ARRAY)], [0, 1, 2, 3])
  assert.deepEqual([...makeSq(0, IORING_SETUP_NO_SQARRAY).rings.subarray(ARRAY)], [0, 0, 0, 0])
})

test('with SQE128 an SQE is twice as far from the next', () => {
  const { sq } = makeSq(0, IORING_SETUP_SQE128)
  assert.deepEqual([sq.getSqe(), sq.getSqe(), sq.getSqe()], [0, 32, 64])
})

test('flags and dropped are the other side’s words', () => {
  const { sq, rings } = makeSq()
  rings[FLAGS] = 6
  rings[DROPPED] = -1
  assert.equal(sq.flags(), 6)
  assert.equal(sq.dropped(), 0xffff_ffff)
})

for (const [name, flags, stride] of [
  ['', 0, 16],
  [' of 128 bytes', IORING_SETUP_SQE128, 32],
] as const) {
  test(`putSqes copies SQEs one behind another, around the end and no more than there is room for${name}`, () => {
    const words = Int32Array.from({ length: 6 * 16 }, (_, i) => i)
    for (let start = -2; start < 2 * ENTRIES; start++) {
      const { sq, sqes } = makeSq(start, flags)
      const alone = start < ENTRIES ? 1 : 0
      assert.equal(sq.putSqes(words, 16, alone), alone)
      assert.equal(sq.putSqes(words, 16 + alone * 16, 5), ENTRIES - alone)
      assert.equal(sq.getSqe(), SQ_FULL)
      for (let i = 0; i < ENTRIES; i++) {
        const at = ((start + i) & (ENTRIES - 1)) * stride
        assert.deepEqual(sqes.subarray(at, at + 16), words.subarray((i + 1) * 16, (i + 2) * 16))
        assert.ok(sqes.subarray(at + 16, at + stride).every((word) => word === 0))
      }
      assert.equal(sq.pending(), 0)
      assert.equal(sq.flush(), ENTRIES)
    }
  })
}
