import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Backlog, type Waiting } from './backlog.js'
import type { Held } from './outgoing.js'
import { JOB_WORDS } from './record.js'

function push(backlog: Backlog, record: readonly number[] = [1], held?: Held): number {
  const id = backlog.nextId()
  const words = new Int32Array(JOB_WORDS)
  words.set(record)
  const job: Waiting = { words, nrWords: record.length, held, options: {}, resolve: () => {}, id }
  backlog.push(job)
  return id
}

test('what a job was given with comes out as it went in, however big its record is', () => {
  const backlog = new Backlog()
  const records = Array.from({ length: 3000 }, (_, i) =>
    Array.from({ length: 4 + ((i * 7) % (JOB_WORDS - 3)) }, () => i),
  )
  const held = (i: number): Held | undefined => (i % 5 === 0 ? { sabs: [], body: i, transfer: [] } : undefined)
  for (const [i, record] of records.entries()) push(backlog, record, held(i))
  for (const [i, record] of records.entries()) {
    const job = backlog.shift()!
    assert.deepEqual([...job.words.subarray(0, job.nrWords)], record)
    assert.deepEqual(job.held, held(i))
  }
  assert.equal(backlog.shift(), undefined)
})

test('first in, first out, through many chunks', () => {
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
