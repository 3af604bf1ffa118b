/**
 * The explorer against trees that can be counted by hand, and against each kind of failure.
 */
import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { assertFails, assertHolds, type Bounds, explore, replay, type Scenario } from './explorer.js'
import { ends } from './small.scenario.js'

const small = (threads: string[], more: Partial<Scenario> & Bounds = {}): Scenario & Bounds => ({
  module: new URL('./small.scenario.js', import.meta.url),
  threads,
  memoryBytes: 16,
  ...more,
})

beforeEach(() => ends.clear())

test('every order is run once: two threads of two steps have C(4, 2)', async () => {
  const result = await explore(small(['tornAdd', 'tornAdd']))
  assertHolds(result)
  assert.equal(result.schedules, 6)
  assert.equal(result.steps, 24)
  assert.deepEqual([...ends].sort(), ['[1,[null,null]]', '[2,[null,null]]'])
})

test('three threads of two steps have 6! / 2!^3 orders', async () => {
  assert.equal((await explore(small(['tornAdd', 'tornAdd', 'twoLoads']))).schedules, 90)
})

test('a lost update is found, and found again by replay', async () => {
  const { failure } = await assertFails(small(['tornAdd', 'tornAdd'], { arg: 2 }), 'check')
  assert.equal(failure?.message, 'count is 1')
  assert.equal(failure?.schedule, 'tornAdd.0 tornAdd.1*2 tornAdd.0')
})

test('a replay of a schedule that holds returns nothing', async () => {
  assert.equal(await replay(small(['tornAdd', 'tornAdd'], { arg: 2 }), 'tornAdd.1*2 tornAdd.0*2'), undefined)
})

test('without preemptions each thread runs until it ends', async () => {
  const none = await explore(small(['tornAdd', 'tornAdd'], { arg: 2, maxPreemptions: 0 }))
  assertHolds(none)
  assert.equal(none.schedules, 2)
  await assertFails(small(['tornAdd', 'tornAdd'], { arg: 2, maxPreemptions: 1 }), 'check')
})

test('reduce runs fewer schedules and reaches the same ends', async () => {
  const threads = ['tornAdd', 'tornAdd', 'twoLoads', 'ringer']
  const all = await explore(small(threads))
  const allEnds = [...ends].sort()
  ends.clear()
  const reduced = await explore(small(threads, { reduce: true }))
  assert(reduced.schedules < all.schedules / 4, `${reduced.summary} against ${all.summary}`)
  assert.deepEqual([...ends].sort(), allEnds)
})

test('a wake is modelled: the sleeper goes on, and the waker learns how many it woke', async () => {
  const result = await explore(small(['sleeper', 'ringer']))
  assertHolds(result)
  assert.deepEqual([...ends].sort(), ['[0,[["not-equal"],0]]', '[0,[["ok"],1]]', '[0,[[],0]]'])
})

test('a lost wake-up is a deadlock', async () => {
  const { failure } = await assertFails(small(['carelessSleeper', 'carelessRinger']), 'deadlock')
  assert.match(failure!.message, /carelessSleeper is asleep at wait of word 2, carelessRinger has finished/)
})

test('a finite timeout runs out only where allowed, and modelled time jumps by it', async () => {
  await assertFails(small(['napper']), 'deadlock')
  // To time out while another thread could step is no preemption: nobody is left by it.
  assertHolds(await explore(small(['napper', 'ringer'], { maxTimeouts: 1, maxPreemptions: 0 })))
  assert.deepEqual([...ends].sort(), ['[0,[["not-equal",0],0]]', '[0,[["ok",0],1]]', '[0,[["timed-out",50],0]]'])
})

test('a loop that gives way makes a finite tree', async () => {
  const result = await explore(small(['poller', 'poller', 'ringer', 'add']))
  assertHolds(result)
  assert(result.complete)
})

test('a loop that gives way to nobody is a deadlock', async () => {
  await assertFails(small(['poller', 'twoLoads']), 'deadlock')
})

test('a loop that does not give way is reported, unless spinLoads lets it pass', async () => {
  await assertFails(small(['spinner', 'ringer']), 'endless')
  const result = await explore(small(['spinner', 'ringer'], { spinLoads: 2 }))
  assertHolds(result)
  assert(result.complete)
})

test('a body that throws is a failure, with its message', async () => {
  const { failure } = await assertFails(small(['add', 'thrower']), 'threw')
  assert.match(failure!.message, /^thrower: Error: met one/)
})

test('a body that does not do the same each time is reported', async () => {
  const { failure } = await explore(small(['moody', 'add', 'add']))
  assert.equal(failure?.kind, 'diverged')
})

test('a random exploration depends on its seed alone', async () => {
  const sample = async (random: number) => {
    const result = await explore(small(['tornAdd', 'tornAdd'], { arg: 2, random, maxSchedules: 500 }))
    return [result.schedules, result.failure?.schedule]
  }
  assert.deepEqual(await sample(7), await sample(7))
  assert.notEqual((await sample(7))[1], undefined)
})

test('a missing body is an error', async () => {
  await assert.rejects(explore(small(['nobody'])), /exports no body nobody/)
})
