import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Waiting } from '../jobs/waiting.js'
import { Ranked, RankedJobs } from './priority.js'

function job(id: number, priority: number, key?: unknown, isUnbounded = false): Ranked {
  const waiting: Waiting = {
    words: new Int32Array(1),
    nrWords: 1,
    held: undefined,
    key,
    isUnbounded,
    signal: undefined,
    listener: undefined,
    listenFlags: 0,
    extras: undefined,
    givenNs: 0,
    resolve: () => {},
    id,
  }
  return new Ranked(waiting, priority, -id)
}

/** Takes all there are; a key is busy from its job's taking until the next is wanted. */
function drain(jobs: RankedJobs, busy: Set<unknown>, acct = 0): number[] {
  const ids: number[] = []
  const nextOf = () => jobs.next(acct, Number.POSITIVE_INFINITY)?.jobs
  for (let next = nextOf(); next !== undefined; next = nextOf()) {
    for (const job of next) {
      ids.push(job.waiting.id)
      assert.equal(jobs.take(job.waiting.id), job)
    }
    const { key } = next[0]!.waiting
    if (key === undefined) continue
    busy.add(key)
    jobs.keyChanged(key)
    busy.delete(key)
    jobs.keyChanged(key)
  }
  return ids
}

test('higher first, then as given', () => {
  const jobs = new RankedJobs(() => false)
  for (const [id, priority] of [
    [-1, 0],
    [-2, 5],
    [-3, 0],
    [-4, 5],
    [-5, -1],
    [-6, 9],
  ] as const)
    jobs.add(job(id, priority))
  assert.equal(jobs.size, 6)
  assert.deepEqual(drain(jobs, new Set()), [-6, -2, -4, -1, -3, -5])
  assert.equal(jobs.size, 0)
})

test('an urgent job hurries those of its key that were given before, and overtakes none', () => {
  const busy = new Set<unknown>()
  const jobs = new RankedJobs((key) => busy.has(key))
  jobs.add(job(-1, 3))
  jobs.add(job(-2, 0, 'k'))
  jobs.add(job(-3, 0))
  jobs.add(job(-4, 1, 'k'))
  jobs.add(job(-5, 7, 'k'))
  jobs.add(job(-6, 0, 'k'))
  assert.deepEqual(drain(jobs, busy), [-2, -4, -5, -1, -3, -6])
})

test('jobs of a busy key wait and keep nobody waiting', () => {
  const busy = new Set<unknown>(['k'])
  const jobs = new RankedJobs((key) => busy.has(key))
  jobs.add(job(-1, 9, 'k'))
  jobs.add(job(-2, 9, 'k', true))
  jobs.add(job(-3, 0))
  assert.equal(jobs.next(1, 1), undefined)
  assert.deepEqual(drain(jobs, busy), [-3])
  busy.delete('k')
  jobs.keyChanged('k')
  assert.equal(jobs.next(0, 1)?.jobs[0]?.waiting.id, -1)
  assert.equal(jobs.next(1, 1)?.jobs[0]?.waiting.id, -2)
})

test('one that comes back takes its old place', () => {
  const jobs = new RankedJobs(() => false)
  const [first, second] = [job(-1, 0, 'k'), job(-2, 0, 'k')]
  jobs.add(second)
  jobs.add(job(-3, 0))
  jobs.add(first)
  assert.deepEqual(drain(jobs, new Set()), [-1, -2, -3])
})

for (const [what, priorityOf] of [
  ['falling', (i: number) => -i],
  ['rising', (i: number) => i],
] as const) {
  test(`150,000 jobs of one key, their priorities ${what}: in order, and in no time that grows with their number`, () => {
    const nr = 150_000
    const busy = new Set<unknown>()
    const jobs = new RankedJobs((key) => busy.has(key))
    for (let i = 1; i <= nr; i++) jobs.add(job(-i, priorityOf(i), 'k'))
    let seen = 0
    for (let turn = jobs.next(0, 64); turn !== undefined; turn = jobs.next(0, 64)) {
      assert.ok(turn.jobs.length <= 64)
      assert.equal(turn.rank, what === 'falling' ? -(seen + 1) : nr)
      for (const { waiting } of turn.jobs) assert.equal(waiting.id, -++seen)
      for (const { waiting } of turn.jobs) jobs.take(waiting.id)
    }
    assert.equal(seen, nr)
    assert.equal(jobs.size, 0)
  })
}

test('against a list that is searched each time', () => {
  let x = 1
  const random = (below: number) => {
    x = (Math.imul(x, 1103515245) + 12345) & 0x7fff_ffff
    return (x >> 8) % below
  }
  const busy = new Set<unknown>()
  const jobs = new RankedJobs((key) => busy.has(key))
  let model: Ranked[] = []
  const laneOf = (of: Ranked) =>
    of.waiting.key === undefined ? [of] : model.filter((m) => m.waiting.key === of.waiting.key)
  /** The lane with the highest member, up to that; of several, the one whose head was given first. */
  const expected = () => {
    const lanes = model
      .map(laneOf)
      .filter((lane) => lane[0]!.waiting.key === undefined || !busy.has(lane[0]!.waiting.key))
    const rank = (lane: Ranked[]) => Math.max(...lane.map(({ priority }) => priority))
    lanes.sort((a, b) => rank(b) - rank(a) || a[0]!.order - b[0]!.order)
    const lane = lanes[0]
    return lane?.slice(0, lane.findIndex(({ priority }) => priority === rank(lane)) + 1)
  }
  for (let step = 1; step <= 3000; step++) {
    const what = random(10)
    if (what < 4) {
      const made = job(-step, random(4), random(3) === 0 ? undefined : random(4))
      jobs.add(made)
      model.push(made)
    } else if (what < 6 && model.length > 0) {
      const gone = model[random(model.length)]!
      assert.equal(jobs.take(gone.waiting.id), gone)
      assert.equal(jobs.take(gone.waiting.id), undefined)
      model = model.filter((other) => other !== gone)
    } else if (what < 8) {
      const key = random(4)
      if (!busy.delete(key)) busy.add(key)
      jobs.keyChanged(key)
    } else {
      const limit = 1 + random(4)
      const lane = expected()
      const turn = jobs.next(0, limit)
      const next = turn?.jobs
      // By name: a job knows its neighbours.
      const idsOf = (some: readonly Ranked[] | undefined) => some?.map(({ waiting }) => waiting.id)
      assert.deepEqual(idsOf(next), idsOf(lane?.slice(0, limit)), `step ${step}`)
      assert.equal(turn?.rank, lane?.at(-1)?.priority)
      for (const { waiting } of next ?? []) jobs.take(waiting.id)
      model = model.filter((other) => next?.includes(other) !== true)
    }
    assert.equal(jobs.size, model.length)
  }
})
