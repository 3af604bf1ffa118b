/**
 * What a driver has left as its ring ends is seen, in test builds, and so is a slot that is used after it was freed.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VERIFY } from '../lib/assert.js'
import { verifyAtRest } from './at-rest.js'
import { Backlog } from './backlog.js'
import { Call } from './ops/call.js'
import { Order } from './order.js'
import { Pieces } from './pieces.js'
import { Signals } from './signals.js'
import { Slots } from './slots.js'

const skip = !VERIFY && 'looks in test builds alone'

class Nothing extends Call<number> {
  override readonly syscall = 'nothing'
  override resolve = (value: unknown) => void Promise.resolve(value).catch(() => {})

  override prep(): void {}

  override result(res: number): number {
    return res
  }
}

function stand() {
  const slots = new Slots(new Signals(() => {}), { begin() {}, end() {} }, () => undefined)
  const order = new Order(slots, new Backlog(8, slots), false)
  return { slots, order, pieces: new Pieces(false), nrInflight: 0, nrQueued: 0 }
}

test('with nothing left all is well, whatever there was', { skip }, (t) => {
  const parts = stand()
  t.after(() => parts.pieces.close())
  verifyAtRest(parts)
  const slot = parts.slots.alloc(new Nothing(), 0)
  parts.slots.markSubmitted(slot)
  parts.slots.complete(slot, parts.slots.generation(slot), 1, 0)
  parts.pieces.giveBack(parts.pieces.take(10))
  verifyAtRest(parts)
})

test('a slot that is taken', { skip }, () => {
  const parts = stand()
  const slot = parts.slots.alloc(new Nothing(), 0)
  assert.throws(() => verifyAtRest(parts), /1 slots taken/)
  parts.slots.markSubmitted(slot)
  // Its promise is settled, and its memory held: nothing says that nobody writes there.
  parts.slots.abandon(slot, () => new Error('given up'))
  assert.throws(() => verifyAtRest(parts), /1 slots taken/)
})

test('a slot that is used after it was freed, by a completion or a drop', () => {
  const { slots } = stand()
  const slot = slots.alloc(new Nothing(), 0)
  slots.markSubmitted(slot)
  const generation = slots.generation(slot)
  slots.complete(slot, generation, 1, 0)
  assert.throws(() => slots.complete(slot, generation, 1, 0), /completion for generation/)
  assert.throws(() => slots.complete(slot, slots.generation(slot), 1, 0), /not submitted/)
  assert.throws(() => slots.drop(slot, undefined), /dropped while queued/)
  assert.equal(slots.alloc(new Nothing(), 0), slot)
  assert.throws(() => slots.complete(slot, generation, 1, 0), /completion for generation/)
})

test('operations that are in flight or wait', { skip }, () => {
  assert.throws(() => verifyAtRest({ ...stand(), nrInflight: 1 }), /1 operations in flight/)
  assert.throws(() => verifyAtRest({ ...stand(), nrQueued: 2 }), /2 operations queued/)
})

test('memory that was lent, or given back twice', { skip }, (t) => {
  const parts = stand()
  t.after(() => parts.pieces.close())
  const piece = parts.pieces.take(10)
  assert.throws(() => verifyAtRest(parts), /1 pieces of memory lent/)
  parts.pieces.giveBack(piece)
  assert.throws(() => parts.pieces.giveBack(piece), /given back once/)
})

test('a file whose order somebody has', { skip }, () => {
  const parts = stand()
  const call = new Nothing()
  parts.slots.alloc(call, 0)
  parts.order.add(call, 0, 1)
  assert.throws(() => verifyAtRest({ ...parts, slots: stand().slots }), /1 files in use/)
})
