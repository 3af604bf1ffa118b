/**
 * The handshakes of a pool in every order within bounds, and planted bugs that some order has to show.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertHolds, type Bounds, explore, type Scenario } from './explorer.js'
import { type Bug, over, plant } from './plant.js'
import { type Arg, MEMORY_BYTES } from './pool.scenario.js'

function jobs(arg: Arg, maxPreemptions: number): Scenario & Bounds {
  return {
    module: new URL('./pool.scenario.js', import.meta.url),
    threads: ['owner', ...Array.from({ length: arg.nrWorkers }, () => 'worker')],
    memoryBytes: MEMORY_BYTES,
    arg,
    maxPreemptions,
  }
}

/** Four of them fill a ring. */
const BIG = 16_000

const WAKES = jobs({ nrWorkers: 1, each: 2, claims: false, size: 1 }, 2)
const CLAIMS = jobs({ nrWorkers: 1, each: 2, claims: true, size: 1 }, 2)
const RING = jobs({ nrWorkers: 1, each: 6, claims: false, size: BIG }, 2)

// biome-ignore format: table
const HOLDS: [name: string, scenario: Scenario & Bounds][] = [
  ['an owner goes to sleep as jobs end', WAKES],
  ['an owner goes to sleep as jobs of two workers end', jobs({ nrWorkers: 2, each: 1, claims: false, size: 1 }, 2)],
  ['arguments are claimed', CLAIMS],
  ['arguments are claimed by two workers', jobs({ nrWorkers: 2, each: 1, claims: true, size: 1 }, 1)],
  ['results fill a ring, whose counts begin anew', RING],
]

for (const [name, scenario] of HOLDS) {
  test(`a pool keeps its word: ${name}`, async (t) => {
    const result = await explore(scenario)
    t.diagnostic(result.summary)
    assertHolds(result)
    assert(result.complete)
  })
}

const PLANTED: [name: string, scenario: Scenario & Bounds, says: RegExp, bug: Bug][] = [
  [
    'an owner that looks at the queue before it arms',
    WAKES,
    /can go on/,
    {
      file: 'pool/home/poller',
      change: [
        ['xchg(this.#words, ARMED, 1);', 'const isDrained = this.#hooks.isDrained(); $&'],
        ['if (this.#hooks.isDrained() &&', 'if (isDrained &&'],
      ],
    },
  ],
  [
    'an owner that looks for no claim when it has armed',
    CLAIMS,
    /can go on/,
    {
      file: 'pool/home/poller',
      change: [[' && loadAcquire(this.#words, NR_CLAIMS) === this.#seenClaims', '']],
    },
  ],
  [
    'an owner that notes claims when it has answered them',
    CLAIMS,
    /can go on/,
    {
      file: 'pool/home/poller',
      change: [
        [
          'this.#seenClaims = loadAcquire(this.#words, NR_CLAIMS);\n        this.#hooks.onClaims();',
          'this.#hooks.onClaims();\n this.#seenClaims = loadAcquire(this.#words, NR_CLAIMS);',
        ],
      ],
    },
  ],
  [
    'a worker that wakes the owner of its claim before it has made it',
    CLAIMS,
    /can go on/,
    {
      file: 'pool/worker/job-args',
      change: [
        ['xchg(words, claim, item + 1);', 'fetchAdd(words, NR_CLAIMS, 1); wakeOwner(); $&'],
        ['fetchAdd(words, NR_CLAIMS, 1);\n        wakeOwner();\n        while', 'while'],
      ],
    },
  ],
  [
    'an answer that comes before its message',
    CLAIMS,
    /did not arrive|a claim is answered once/,
    {
      file: 'pool/home/ports',
      change: [
        [
          'this.#post(slot, held ??',
          'xchg(words, seat + ANSWER, CLAIM_ANSWERED); futexWake(words, seat + ANSWER, 1); $&',
        ],
      ],
    },
  ],
  [
    'an owner that frees a result before it has read it',
    RING,
    /ring|result|strictly equal|Expected/,
    {
      file: 'pool/between/arena',
      change: [['from(slot, end, length) {', '$& this.done(slot, end); loadAcquire(this.#space.words, 0);']],
    },
  ],
  [
    'a worker that takes what was not read',
    RING,
    /strictly equal|Expected/,
    {
      file: 'pool/between/arena',
      change: [['this.#tail)) >>> 0 > RING_BYTES', 'this.#tail)) >>> 0 > 2 * RING_BYTES']],
    },
  ],
]

for (const [name, scenario, says, bug] of PLANTED) {
  test(`planted: ${name} is found`, async (t) => {
    const { home, remove } = plant(bug)
    t.after(remove)
    const { failure, summary } = await explore({ ...scenario, module: over(scenario.module, home) })
    t.diagnostic(`${failure?.kind}: ${failure?.message.slice(0, 100)}; ${summary}`)
    assert(failure !== undefined, `no schedule failed: ${summary}`)
    assert.match(failure.message, says)
  })
}
