/**
 * The postmaster, those that ask it and the owner, in every order within bounds or in orders drawn, with deaths at any step.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertHolds, type Bounds, explore, type Scenario } from './explorer.js'
import { type Arg, MEMORY_BYTES } from './post.scenario.js'

const ONE = ['owner', 'worker', 'postmaster']
const TWO = ['ownerOfTwo', 'worker', 'second', 'postmaster']

function post(threads: readonly string[], arg: Arg, bounds: Bounds & Partial<Scenario>): Scenario & Bounds {
  return { module: new URL('./post.scenario.js', import.meta.url), threads, memoryBytes: MEMORY_BYTES, arg, ...bounds }
}

const isIdle = true
const hasWakes = true
const MORTAL = { maxTimeouts: 5, lateTimeouts: true }
/** Of two workers there are too many orders. */
const DRAWN = { ...MORTAL, random: 1, maxSchedules: 2000 }
// biome-ignore format: table
const HOLDS: [name: string, scenario: Scenario & Bounds][] = [
  ['a letter comes, or was never given away, where the postmaster may leave',
    post(ONE, { what: 'letter', isIdle }, { maxTimeouts: 1, random: 1, maxSchedules: 4000 })],
  ['a buffer comes',
    post(ONE, { what: 'buffer', isIdle }, { maxPreemptions: 2 })],
  ...(['before', 'asked', 'given'] as const).map((dies): [string, Scenario & Bounds] =>
    [`nobody waits for a postmaster that dies: ${dies}`, post(ONE, { what: 'letter', isIdle, dies }, { maxPreemptions: 2 })]),
  ['who sits down where a worker dies gets its own letter',
    post(TWO, { what: 'letter', isIdle, hasWakes }, { ...DRAWN, victims: [1] })],
  ['and the buffer that both ask for',
    post(TWO, { what: 'buffer', isIdle, hasWakes }, { ...DRAWN, victims: [1] })],
]

for (const [name, scenario] of HOLDS) {
  test(`the postmaster: ${name}`, async (t) => {
    const result = await explore(scenario)
    t.diagnostic(result.summary)
    assertHolds(result)
    assert(result.complete || scenario.random !== undefined)
  })
}
