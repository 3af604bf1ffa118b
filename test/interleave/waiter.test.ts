/**
 * A waiter for an eventfd in every order within bounds, and planted bugs that some order has to show.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertHolds, type Bounds, explore, type Scenario } from './explorer.js'
import { type Bug, over, plant } from './plant.js'
import { MEMORY_BYTES } from './waiter.scenario.js'

const SCENARIO: Scenario & Bounds = {
  module: new URL('./waiter.scenario.js', import.meta.url),
  threads: ['loop', 'waiter', 'signaller'],
  memoryBytes: MEMORY_BYTES,
  lateTimeouts: true,
  maxTimeouts: 2,
  maxPreemptions: 2,
}

test('a waiter hears each signal and closes its eventfd last, in every order', async (t) => {
  const result = await explore(SCENARIO)
  t.diagnostic(result.summary)
  assertHolds(result)
  assert(result.complete)
})

const PLANTED: [name: string, says: RegExp, bug: Bug][] = [
  [
    'a waiter that empties the eventfd when it has sent its message',
    /can go on/,
    { file: 'sys/waiter-loop', change: [['empty();\n        post();', 'post();\n        empty();']] },
  ],
  [
    'a waiter that sleeps while it is told to poll',
    /can go on/,
    {
      file: 'sys/waiter-loop',
      change: [['futexWait(words, STATE, IDLE, PAUSE);', 'futexWait(words, STATE, loadAcquire(words, STATE), PAUSE);']],
    },
  ],
  [
    'a loop that tells a sleeping waiter without waking it',
    /can go on/,
    { file: 'sys/waiter', change: [['futexWake(this.#words, STATE, 1);', '']] },
  ],
  [
    'a close that signals when the waiter may have ended',
    /another file/,
    {
      file: 'sys/waiter',
      change: [
        [
          'this.#signal(this.#fd);\n        this.#tell(STOPPED);',
          'this.#tell(STOPPED);\n        this.#signal(this.#fd);',
        ],
      ],
    },
  ],
]

for (const [name, says, bug] of PLANTED) {
  test(`planted: ${name} is found`, async (t) => {
    const { home, remove } = plant(bug)
    t.after(remove)
    const { failure, summary } = await explore({ ...SCENARIO, module: over(SCENARIO.module, home) })
    t.diagnostic(`${failure?.kind}: ${failure?.message.slice(0, 100)}; ${summary}`)
    assert(failure !== undefined, `no schedule failed: ${summary}`)
    assert.match(failure.message, says)
  })
}
