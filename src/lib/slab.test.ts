/**
 * The free list: one behaviour each.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NONE } from './mpscq.js'
import { Slab } from './slab.js'

function filled(capacity: number): Slab {
  const slab = new Slab(capacity)
  for (let i = 0; i < capacity; i++) slab.alloc()
  return slab
}

test('records come in ascending order', () => {
  const slab = new Slab(3)
  assert.deepEqual([slab.alloc(), slab.alloc(), slab.alloc()], [0, 1, 2])
})

test('a full slab hands out NONE until a record is freed', () => {
  const slab = filled(2)
  assert.deepEqual([slab.alloc(), slab.alloc()], [NONE, NONE])
  slab.free(0)
  assert.deepEqual([slab.alloc(), slab.alloc()], [0, NONE])
})

test('the record freed last comes first, before untouched ones', () => {
  const slab = new Slab(8)
  for (let i = 0; i < 4; i++) slab.alloc()
  slab.free(1)
  slab.free(3)
  assert.deepEqual([slab.alloc(), slab.alloc(), slab.alloc()], [3, 1, 4])
})

test('used and touched records are counted', () => {
  const slab = new Slab(8)
  for (let i = 0; i < 3; i++) slab.alloc()
  slab.free(2)
  assert.deepEqual([slab.nrUsed, slab.nrTouched], [2, 3])
  slab.alloc()
  assert.deepEqual([slab.nrUsed, slab.nrTouched], [3, 3])
})

test('more records can be free than the free list first has room for', () => {
  const capacity = 5000
  const slab = filled(capacity)
  for (let i = 0; i < capacity; i++) slab.free(i)
  assert.equal(slab.nrUsed, 0)
  const again = new Set(Array.from({ length: capacity }, () => slab.alloc()))
  assert.equal(again.size, capacity)
  assert.equal(again.has(NONE), false)
})

test('freeing a record that was never handed out breaks an invariant', () => {
  const slab = new Slab(4)
  slab.alloc()
  assert.throws(() => slab.free(1), /record 1 which was never handed out/)
  assert.throws(() => slab.free(-1), /never handed out/)
})

test('freeing more records than are used breaks an invariant', () => {
  const slab = new Slab(4)
  slab.alloc()
  slab.free(0)
  assert.throws(() => slab.free(0), /every record is free/)
})

test('a slab needs room for a record', () => {
  assert.throws(() => new Slab(0), /slab capacity 0/)
})
