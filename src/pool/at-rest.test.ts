/**
 * What a pool without jobs has left is seen, in test builds; test/pool/at-rest.test.ts has pools look.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { VERIFY } from '../lib/assert.js'
import { type AtRestParts, verifyAtRest } from './at-rest.js'

const skip = !VERIFY && 'looks in test builds alone'

/** Parts as far as they are looked at: counts. */
function parts(left: Readonly<Record<string, unknown>> = {}): AtRestParts {
  const nothing = {
    wq: { nrTouched: 4, counts: () => ({ items: 0 }), crew: { spare: { nrLeft: 0 } } },
    jobs: { count: 0, nrLeft: () => 0, keys: { size: 0 } },
    blocks: { nrUsed: 0 },
    aborts: { size: 0 },
    events: { size: 0 },
    control: { nrLeft: 0 },
    settler: { syncs: { size: 0 } },
    intake: { nrWaiting: 0 },
    ports: { nrUnread: 0 },
    post: { nrHeld: 0 },
    nrPaused: 0,
    nrDied: 0,
  }
  return { ...nothing, ...left } as unknown as AtRestParts
}

test('with nothing left all is well', { skip }, () => {
  for (const isClosed of [false, true]) verifyAtRest(parts(), isClosed)
})

// biome-ignore format: table
const LEFT: [says: RegExp, left: Readonly<Record<string, unknown>>][] = [
  [/1 jobs in flight/,      { jobs: { count: 1, nrLeft: () => 0, keys: { size: 0 } } }],
  [/2 parts of jobs/,       { jobs: { count: 0, nrLeft: () => 2, keys: { size: 0 } } }],
  [/3 keys with jobs/,      { jobs: { count: 0, nrLeft: () => 0, keys: { size: 3 } } }],
  [/1 jobs that wait/,      { intake: { nrWaiting: 1 } }],
  [/1 blocks of the arena/, { blocks: { nrUsed: 1 } }],
  [/1 signals watched/,     { aborts: { size: 1 } }],
  [/1 listeners/,           { events: { size: 1 } }],
  [/1 ids and deadlines/,   { control: { nrLeft: 1 } }],
  [/1 jobs at the postm/,   { post: { nrHeld: 1 } }],
  [/1 sleeping callers/,    { settler: { syncs: { size: 1 } } }],
]
// biome-ignore format: table
const LEFT_AT_THE_END: typeof LEFT = [
  [/1 records/,        { wq: { nrTouched: 4, counts: () => ({ items: 1 }), crew: {} } }],
  [/1 spare threads/,  { wq: { nrTouched: 4, counts: () => ({ items: 0 }), crew: { spare: { nrLeft: 1 } } } }],
  [/1 paused iterations/, { nrPaused: 1 }],
  [/1 results unread/, { ports: { nrUnread: 1 } }],
]

for (const [says, left] of LEFT) {
  test(`seen: ${says.source}`, { skip }, () => assert.throws(() => verifyAtRest(parts(left), false), says))
}

for (const [says, left] of LEFT_AT_THE_END) {
  test(`seen when it is closed: ${says.source}`, { skip }, () => {
    verifyAtRest(parts(left), false)
    assert.throws(() => verifyAtRest(parts(left), true), says)
  })
}

test('what a killed thread had sent may be left', { skip }, () => {
  verifyAtRest(parts({ ports: { nrUnread: 1 }, nrDied: 1 }), true)
})
