import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JOB_WORDS } from '../between/record.js'
import { Extras } from '../jobs/extras.js'
import type { Held } from '../jobs/held.js'
import type { Waiting } from '../jobs/waiting.js'
import { Backlog } from './backlog.js'

function push(backlog: Backlog, record: readonly number[] = [1], held?: Held, options: Partial<Waiting> = {}): number {
  const id = backlog.nextId()
  const words = new Int32Array(JOB_WORDS)
  words.set(record)
  const job: Waiting = {
    words,
    nrWords: record.length,
    held,
    key: undefined,
    isUnbounded: false,
    signal: undefined,
    listener: undefined,
    listenFlags: 0,
    extras: undefined,
    givenNs: 0,
    ...options,
    resolve: () => {},
    id,
  }
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

test('against a list, whoever leaves in whatever order; names are never used twice', () => {
  const backlog = new Backlog()
  let x = 7
  const random = (below: number) => {
    x = (Math.imul(x, 1103515245) + 12345) & 0x7fff_ffff
    return (x >> 8) % below
  }
  const model: number[] = []
  const names = new Set<number>()
  const grow = (count: number) => {
    for (let i = 0; i < count; i++) {
      const id = push(backlog)
      assert.ok(!names.has(id))
      names.add(id)
      model.push(id)
    }
  }
  for (let round = 0; round < 40; round++) {
    grow(random(3000))
    // From the end, from the start, from anywhere; now and then all.
    const nrLeave = round % 8 === 7 ? model.length : random(model.length + 1)
    for (let i = 0; i < nrLeave; i++) {
      const way = round % 3
      if (way === 0) {
        assert.equal(backlog.shift()?.id, model.shift())
        continue
      }
      const id = way === 1 ? model.pop()! : model.splice(random(Math.min(50, model.length)), 1)[0]!
      assert.equal(backlog.remove(id)?.id, id)
      assert.equal(backlog.remove(id), undefined)
    }
    assert.equal(backlog.size, model.length)
  }
  assert.deepEqual(
    [...backlog].map(({ id }) => id),
    model,
  )
})

test('all that a job has comes out of here, whichever way', () => {
  const backlog = new Backlog()
  const { signal } = new AbortController()
  const listener = { onProgress: () => {} }
  const extras = new Extras(0, 'id', 3)
  const options = { key: 'k', isUnbounded: true, signal, listener, listenFlags: 4, extras, givenNs: 5 }
  const ids = [push(backlog), push(backlog, [7, 8], undefined, options), push(backlog, [7, 8], undefined, options)]
  const seen = [...backlog]
  assert.deepEqual(
    seen.map(({ id }) => id),
    ids,
  )
  const { words, nrWords, resolve, id, ...rest } = seen[1]!
  assert.deepEqual([...words], [7, 8])
  assert.deepEqual([nrWords, id, typeof resolve], [2, ids[1], 'function'])
  assert.deepEqual(rest, { held: undefined, ...options })
  assert.deepEqual(backlog.remove(ids[2]!)?.extras, extras)
  const late = new Extras(0)
  backlog.setExtras(ids[0]!, late)
  assert.equal(backlog.shift()?.extras, late)
  const last = backlog.shift()!
  assert.deepEqual([last.key, last.isUnbounded, last.signal, last.extras, last.givenNs], ['k', true, signal, extras, 5])
  assert.deepEqual([...backlog], [])
})
