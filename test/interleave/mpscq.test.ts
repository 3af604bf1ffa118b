/**
 * mpscq under every order of two producers and a consumer, and planted bugs that some order has to show.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertFails, assertHolds, type Bounds, explore, type Scenario } from './explorer.js'
import { type Arg, MEMORY_BYTES } from './mpscq.scenario.js'

function queue(arg: Arg, bounds: Bounds, consumer = 'consumer', producer = 'producer'): Scenario & Bounds {
  return {
    module: new URL('./mpscq.scenario.js', import.meta.url),
    threads: [producer, producer, consumer],
    memoryBytes: MEMORY_BYTES,
    arg,
    ...bounds,
  }
}

// biome-ignore format: table
const HOLDS: [name: string, scenario: Scenario & Bounds][] = [
  ['one node each, two pops, every order',
    queue({ queue: 'real', each: 1, pops: 2 }, {})],
  ['one node each, four pops, orders that differ',
    queue({ queue: 'real', each: 1, pops: 4 }, { reduce: true })],
  ['two nodes each, five pops, two preemptions',
    queue({ queue: 'real', each: 2, pops: 5 }, { maxPreemptions: 2 })],
  ['two nodes each, popped until all are there, two preemptions',
    queue({ queue: 'real', each: 2, pops: 0 }, { maxPreemptions: 2 }, 'pollingConsumer')],
  ['two nodes each, a consumer that sleeps on isEmpty, two preemptions',
    queue({ queue: 'real', each: 2, pops: 0 }, { maxPreemptions: 2 }, 'sleepingConsumer', 'ringingProducer')],
]

for (const [name, scenario] of HOLDS) {
  test(`mpscq keeps its invariants: ${name}`, async (t) => {
    const result = await explore(scenario)
    t.diagnostic(result.summary)
    assertHolds(result)
    assert(result.complete)
  })
}

test('planted: a push that loads and stores the tail is found', async (t) => {
  t.diagnostic((await assertFails(queue({ queue: 'tornPush', each: 1, pops: 2 }, {}), 'check')).summary)
})

test('planted: a pop that stores the stub over the tail is found', async (t) => {
  t.diagnostic((await assertFails(queue({ queue: 'eagerPop', each: 1, pops: 2 }, {}), 'check')).summary)
})

test('planted: a pop that clears the stub’s link too late is found', async (t) => {
  t.diagnostic((await assertFails(queue({ queue: 'lateReset', each: 1, pops: 2 }, {}), 'check')).summary)
})

test('planted: a consumer that sleeps on NONE is found asleep for ever', async (t) => {
  const scenario = queue(
    { queue: 'real', each: 1, pops: 0 },
    { maxPreemptions: 2 },
    'sleepingOnNone',
    'ringingProducer',
  )
  const { failure, summary } = await assertFails(scenario, 'deadlock')
  t.diagnostic(summary)
  assert.match(failure!.message, /sleepingOnNone is asleep at wait/)
})
