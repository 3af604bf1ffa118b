import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Backlog, type Waiting } from './backlog.js'

function push(backlog: Backlog): number {
  const id = backlog.nextId()
  const job: Waiting = {
    words: new Int32Array(1),
    held: undefined,
    key: undefined,
    isUnbounded: false,
    signal: undefined,
    listener: undefined,
    listenFlags: 0,
    extras: undefined,
    givenNs: 0,
    resolve: () => {},
    id,
  }
  backlog.push(job)
  return id
}

test('first in, first out, through many compactions', () => {
  const backlog = new Backlog()
  const pushed: number[] = []
  const shifted: number[] = []
  for (let i = 0; i < 5000; i++) {
    pushed.push(push(backlog), push(backlog))
    shifted.push(backlog.shift()!.id)
  }
  for (let job = backlog.shift(); job !== undefined; job = backlog.shift()) shifted.push(job.id)
  assert.deepEqual(shifted, pushed)
  assert.equal(backlog.size, 0)
  assert.ok(pushed.every((id) => id < 0))
})

test('a removed job is passed over; one that has gone cannot be removed', () => {
  const backlog = new Backlog()
  const ids = Array.from({ length: 3000 }, () => push(backlog))
  for (let i = 0; i < 2000; i++) backlog.shift()
  assert.equal(backlog.remove(ids[0]!), undefined)
  assert.equal(backlog.remove(ids[2500]!)?.id, ids[2500])
  assert.equal(backlog.remove(ids[2500]!), undefined)
  assert.equal(backlog.size, 999)
  let count = 0
  for (let job = backlog.shift(); job !== undefined; job = backlog.shift()) count++
  assert.equal(count, 999)
})
