import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Extras } from './extras.js'
import { JobIds } from './job-ids.js'

test('one, several in their order, none; each is compared as by ===', () => {
  const ids = new JobIds()
  const key = {}
  const jobs = [7, 'a', 'a', key, 'a', Number.NaN, null].map((id, job) => new Extras(job, id))
  for (const extras of jobs) ids.add(extras)
  const found = (id: unknown) => ids.find(id).map(({ job }) => job)
  assert.deepEqual(found(7), [0])
  assert.deepEqual(found('a'), [1, 2, 4])
  assert.deepEqual(found(key), [3])
  assert.deepEqual(found(null), [6])
  for (const id of [{}, '7', undefined, Number.NaN, Number.NaN]) assert.deepEqual(found(id), [])
  assert.ok(ids.has(jobs[2]!))
  ids.remove(jobs[2]!)
  ids.remove(jobs[2]!)
  assert.ok(!ids.has(jobs[2]!))
  assert.deepEqual(found('a'), [1, 4])
  for (const extras of jobs) ids.remove(extras)
  assert.equal(ids.size, 0)
})
