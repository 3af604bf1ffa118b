/**
 * IORING_SQ_TASKRUN and the eventfd's mute against an owner that runs task work and goes to sleep, in every order within
 * bounds; and planted bugs that some order has to show.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertHolds, type Bounds, explore, type Scenario } from './explorer.js'
import { type Bug, over, plant } from './plant.js'
import { type Arg, MEMORY_BYTES } from './taskrun.scenario.js'

function taskWork(waits: Arg['waits'], nrWorkers: number, each: number, maxPreemptions: number): Scenario & Bounds {
  return {
    module: new URL('./taskrun.scenario.js', import.meta.url),
    threads: ['owner', ...Array.from({ length: nrWorkers }, () => 'worker')],
    memoryBytes: MEMORY_BYTES,
    arg: { waits, nrWorkers, each } satisfies Arg,
    maxPreemptions,
  }
}

// biome-ignore format: table
const HOLDS: [name: string, scenario: Scenario & Bounds][] = [
  ['one worker, an app that sleeps on the eventfd', taskWork('eventfd', 1, 2, 3)],
  ['two workers, an app that sleeps on the eventfd', taskWork('eventfd', 2, 1, 2)],
  ['one worker, an app that looks at the flag', taskWork('flag', 1, 2, 2)],
  ['two workers, an app that looks at the flag', taskWork('flag', 2, 1, 1)],
]

for (const [name, scenario] of HOLDS) {
  test(`no completion waits while its app sleeps: ${name}`, async (t) => {
    const result = await explore(scenario)
    t.diagnostic(result.summary)
    assertHolds(result)
    assert(result.complete)
  })
}

const [, , LOOKS] = HOLDS.map(([, scenario]) => scenario)
const [SLEEPS] = HOLDS.map(([, scenario]) => scenario)

const PLANTED: [name: string, scenario: Scenario & Bounds, bug: Bug][] = [
  [
    'a worker that looks at the mute before it sets the flag',
    SLEEPS!,
    {
      file: 'backends/threads/request/edge',
      change: [
        ['fetchOr(ring, SQ_FLAGS, IORING_SQ_TASKRUN);', 'const muted = loadAcquire(ring, CQ_FLAGS); $&'],
        ['(loadAcquire(ring, CQ_FLAGS) & IORING', '(muted & IORING'],
      ],
    },
  ],
  [
    'an owner that clears the flag when it has popped',
    LOOKS!,
    {
      file: 'backends/threads/run/tw',
      change: [
        ['if ((loadAcquire(ctx.words, SQ_FLAGS) & IORING_SQ_TASKRUN) !== 0)', 'if (false)'],
        [
          'if (!tctx.wq.isQueueEmpty(ctx.id))\n        fetchOr',
          'fetchAnd(ctx.words, SQ_FLAGS, ~IORING_SQ_TASKRUN);\n $&',
        ],
      ],
    },
  ],
  [
    'a flag that is cleared only with something in the queue',
    LOOKS!,
    {
      file: 'backends/threads/run/tw',
      change: [
        [
          'if ((loadAcquire(ctx.words, SQ_FLAGS)',
          'if (!tctx.wq.isQueueEmpty(ctx.id) && (loadAcquire(ctx.words, SQ_FLAGS)',
        ],
      ],
    },
  ],
  [
    'an app that looks before it unmutes',
    SLEEPS!,
    {
      file: 'driver/wakeup',
      change: [
        ['this.#ring.cq.setEventfdEnabled(true);', ''],
        [
          'return this.#ring.cq.ready() === 0 && !this.#ring.cqNeedsEnter();',
          'const may = this.#ring.cq.ready() === 0 && !this.#ring.cqNeedsEnter();\n this.#ring.cq.setEventfdEnabled(true);\n return may;',
        ],
      ],
    },
  ],
]

for (const [name, scenario, bug] of PLANTED) {
  test(`planted: ${name} is found`, async (t) => {
    const { home, remove } = plant(bug)
    t.after(remove)
    const { failure, summary } = await explore({ ...scenario, module: over(scenario.module, home) })
    t.diagnostic(`${failure?.kind}: ${failure?.message.slice(0, 100)}; ${summary}`)
    assert(failure !== undefined, `no schedule failed: ${summary}`)
  })
}
