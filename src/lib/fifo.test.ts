import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fifo } from './fifo.js'

test('the oldest comes first, and what is empty begins anew', () => {
  const queue = new Fifo<number>()
  assert.equal(queue.shift(), undefined)
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 5; i++) queue.push(i)
    assert.deepEqual([queue.size, queue.first], [5, 0])
    for (let i = 0; i < 5; i++) assert.equal(queue.shift(), i)
    assert.deepEqual([queue.size, queue.first, queue.shift()], [0, undefined, undefined])
  }
  queue.push(1)
  queue.push(2)
  queue.shift()
  queue.push(3)
  assert.deepEqual(queue.clear(), [2, 3])
  assert.deepEqual([queue.size, queue.nrPlaces], [0, 0])
})

test('a queue that is never empty has few places after long use, and all in order', () => {
  const queue = new Fifo<number>()
  const QUEUED = 100
  let next = 0
  while (next < QUEUED) queue.push(next++)
  let most = 0
  for (let i = 0; i < 100_000; i++) {
    queue.push(next++)
    assert.equal(queue.shift(), i)
    most = Math.max(most, queue.nrPlaces)
  }
  assert.equal(queue.size, QUEUED)
  assert.ok(most <= 1024 + QUEUED + 1, `${most} places for ${QUEUED}`)
})

test('a queue that was long gives back its places as it becomes short', () => {
  const queue = new Fifo<number>()
  const MANY = 100_000
  for (let i = 0; i < MANY; i++) queue.push(i)
  for (let i = 0; i < MANY; i++) {
    assert.equal(queue.shift(), i)
    assert.ok(queue.nrPlaces <= 2 * queue.size + 1024, `${queue.nrPlaces} places for ${queue.size}`)
  }
})

test('what has left is held no longer', () => {
  const queue = new Fifo<object>()
  for (let i = 0; i < 10; i++) queue.push({})
  const left = new WeakRef(queue.shift()!)
  assert.notEqual(queue.first, left.deref())
  assert.equal(queue.size, 9)
})
