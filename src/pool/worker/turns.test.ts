/**
 * When a worker goes back to its event loop, what it tells io-wq then, and what brings it out again. Main thread; the loop
 * of io-wq is a stand-in.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nowMs } from '../../lib/clock.js'
import type { WorkerLoop } from '../../wq/worker-loop.js'
import { Turns } from './turns.js'

/** A worker of so many jobs, and what it did. */
function worker(limit: number) {
  const did: string[] = []
  const loop = { sleeping: () => did.push('sleeping') }
  const state = { retires: false }
  const turns = new Turns({
    limit,
    loop: () => loop as unknown as WorkerLoop,
    retires: () => state.retires,
    onLongIdle: () => {},
  })
  const pause = () => turns.pause(() => did.push('resumed'), false, nowMs())
  return { did, state, turns, pause }
}

test('a worker that is full says that it sleeps, and goes on when one of its jobs has ended', () => {
  const { did, turns, pause } = worker(2)
  turns.detached()
  turns.detached()
  assert.equal(pause(), true)
  // Queued work gets another worker at once: not only when somebody sees that this one stands still.
  assert.deepEqual(did, ['sleeping'])
  turns.finished(false)
  assert.deepEqual(did, ['sleeping', 'resumed'])
  turns.finished(false)
})

test('one that is to leave says so too, though it has room', () => {
  const { did, state, turns, pause } = worker(2)
  turns.detached()
  state.retires = true
  assert.equal(pause(), true)
  assert.deepEqual(did, ['sleeping'])
  turns.finished(false)
})

test('one that has room does not, and goes on with the next job', async () => {
  const { did, turns, pause } = worker(2)
  turns.detached()
  assert.equal(pause(), true)
  assert.deepEqual(did, [])
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(did, ['resumed'])
  turns.finished(false)
})

test('a job that is parked makes room', async () => {
  const { did, turns, pause } = worker(1)
  turns.detached()
  assert.equal(pause(), true)
  turns.parked(1)
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(did, ['sleeping', 'resumed'])
  assert.ok(turns.isParked)
  turns.parked(-1)
  assert.equal(pause(), true)
  assert.deepEqual(did, ['sleeping', 'resumed', 'sleeping'])
  turns.finished(false)
})
