/**
 * Bugs put into io-wq, each of which some order of the tables has to show: the explorer can fail.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Bounds, explore, type Scenario } from './explorer.js'
import { type Bug, over, plant } from './plant.js'
import { drawn, HOLDS, KILLS } from './wq.table.js'

/** [what it is, the row that finds it, what the failure says, the bug] */
const PLANTED: [name: string, row: string, says: RegExp, bug: Bug][] = [
  [
    'a worker that falls asleep without looking whether it was woken',
    'enqueue against going idle: a worker that sleeps',
    /idle timeout|sleeps beside work|can go on/,
    {
      file: 'wq/worker-idle',
      change: [
        [
          'return cmpxchg(this.#mem.hashWords, this.#mem.wake(this.#slot), WAKE_NO, WAKE_ASLEEP) !== WAKE_YES',
          'storeRelease(this.#mem.hashWords, this.#mem.wake(this.#slot), WAKE_ASLEEP); return true',
        ],
      ],
    },
  ],
  [
    'a stall announced without a second look at the buckets',
    'a bucket freed as a worker of another account finds it busy',
    /no bucket busy|can go on|sleeps beside work/,
    {
      file: 'wq/acct',
      change: [['if (!busy)', 'if (busy) storeRelease(words, a + STALLED, 1);\n if (true)']],
    },
  ],
  [
    'a wake word reset when others may have been told to write to it',
    'shared hash: another pool lets go of a key as a worker finds it taken',
    /idle timeout|sleeps beside work|can go on/,
    {
      file: 'wq/acct',
      change: [
        ['storeRelease(mem.hashWords, mem.wake(slot), WAKE_NO);', ''],
        ['const head = words[mem.acct(acct) + FREE_HEAD];', 'storeRelease(mem.hashWords, mem.wake(slot), 0);\n $&'],
      ],
    },
  ],
  [
    'a worker that leaves though it is the one to be woken',
    'shared hash: an idle timeout while all work waits for a key',
    /workers at rest/,
    { file: 'wq/worker-loop', change: [['this.mem.sharedHash !== undefined && words[a + STALLED] !== 0', 'false']] },
  ],
  [
    'a key of another pool that wakes one worker, who does not pass it on',
    'shared hash: two keys let go, the one who has the first does not end',
    /idle timeout|sleeps beside work|can go on/,
    { file: 'wq/acct', change: [['if (shared !== undefined)\n        storeRelease(words, a + STALLED, 0);', '']] },
  ],
  [
    'a cancel that does not race fairly with the worker’s first step',
    'cancel of an item just taken',
    /.*/,
    {
      file: 'wq/cancels',
      change: [
        [
          'return cmpxchg(words, at + STATE, state, canceled) === state',
          'storeRelease(words, at + STATE, canceled); return true',
        ],
      ],
    },
  ],
  [
    'a cancel that forgets the end of its run',
    'cancel of both ends of a run, and another item behind it',
    /.*/,
    { file: 'wq/acct', change: [['joinEnds(mem, words[at + LAST], before);', ';']] },
  ],
  [
    'a cancel that forgets who is first now',
    'cancel of both ends of a run, and another item behind it',
    /.*/,
    { file: 'wq/acct', change: [['joinEnds(mem, words[at + NEXT], words[at + LAST]);', ';']] },
  ],
  [
    'an item behind a run that the first of the run does not learn of',
    'two of a bucket and another, two workers',
    /.*/,
    { file: 'wq/acct', change: [['words[mem.item(first) + LAST] = item;', ';']] },
  ],
  [
    'a run whose last item is taken for one that is still queued',
    'a bucket that gets more while its run is in hand',
    /.*/,
    { file: 'wq/acct', change: [['return (words[at + STATE] === ITEM_QUEUED &&', 'return (']] },
  ],
  [
    'patience while nobody runs',
    'patience: one worker is enough, and is woken',
    /idle timeout|sleeps beside work|can go on/,
    { file: 'wq/acct', change: [['nrRunning === 0 || ', '']] },
  ],
  [
    'a bucket let go within its run',
    'a bucket that gets more while its run is in hand',
    /do not overlap|before item|can go on|free/,
    { file: 'wq/worker-loop', change: [['holderAt !== NONE && this.#runNext === NONE', 'holderAt !== NONE']] },
  ],
  [
    'a bucket let go when its item is detached',
    'detached: a bucket is held until the item ends',
    /do not overlap|before item|can go on|free/,
    {
      file: 'wq/worker-loop',
      change: [['this.#holding.set(item, { holderAt, next: this.#runNext })', 'this.#releaseBucket(holderAt)']],
    },
  ],
  [
    'a worker that leaves for good though it has something detached',
    'detached: exit-on-idle waits for it',
    /.*/,
    {
      file: 'wq/worker-loop',
      change: [['if (this.#nrAsync > 0)\n            return false;\n        // This may', '// This may']],
    },
  ],
]

const PLANTED_IN_WAITS: typeof PLANTED = [
  [
    'a countdown that loses one of two items',
    'a wait for two of two workers',
    /ends with work at home|not been told of/,
    {
      file: 'wq/wakes',
      change: [['if (cmpxchg(words, wait, wanted, left) !== wanted)', 'xchg(words, wait, left); if (false)']],
    },
  ],
  [
    'an owner that looks at the queue before it says that it waits',
    'a wait for two of one worker',
    /had not been told of/,
    {
      file: 'wq/owner-wait',
      change: [
        ['xchg(words, OWNER_WAIT, wanted);', 'const isReady = ready(); $&'],
        ['if (!ready())', 'if (!isReady)'],
      ],
    },
  ],
  [
    'the last item of a wait wakes nobody',
    'a wait for two of one worker',
    /woken by nobody but its timeout/,
    { file: 'wq/wakes', change: [['if (left === OWNER_AWAKE)', 'if (left === OWNER_AWAKE && wanted === 1 && force)']] },
  ],
  [
    'an item that is to wake the owner counts as any other',
    'a wait for two that one of them ends',
    /slept on beside an item/,
    { file: 'wq/wakes', change: [['const left = force ? OWNER_AWAKE : wanted - 1;', 'const left = wanted - 1;']] },
  ],
  [
    'an item is counted before it is home',
    'a wait for two of two workers',
    /.*/,
    {
      file: 'wq/worker-loop',
      change: [
        ['const edge = this.#producer(queue).push(item);', 'wakeOwner(this.mem, force); $&'],
        ['wakeOwner(this.mem, force);\n        // Only', '// Only'],
      ],
    },
  ],
]

const PLANTED_IN_LISTENING: typeof PLANTED = [
  [
    'a wake that ends the wait left over in front, and no other',
    'detached: a wait that is left over, and the next one',
    /idle timeout|sleeps beside work|can go on/,
    { file: 'wq/wakes', change: [['futexWake(mem.hashWords, wake, ALL)', 'futexWake(mem.hashWords, wake, 1)']] },
  ],
  [
    'a worker that listens without looking whether it was woken',
    'detached: another comes home before it',
    /idle timeout|sleeps beside work|can go on/,
    {
      file: 'wq/worker-idle',
      change: [
        [
          'if (!this.#fallAsleep())\n            return false;\n        // A wait',
          'storeRelease(this.#mem.hashWords, this.#mem.wake(this.#slot), WAKE_ASLEEP);\n        // A wait',
        ],
      ],
    },
  ],
]

const PLANTED_IN_REPAIR: typeof PLANTED = [
  [
    'the buckets of the dead stay held',
    'two workers, buckets',
    /.*/,
    { file: 'wq/recover', change: [['freeBuckets(mem, slot);', ';']] },
  ],
  [
    'what a dead worker had taken and not begun is not queued again',
    'two workers, buckets',
    /.*/,
    { file: 'wq/recover', change: [['state === ITEM_QUEUED || taken', 'state === ITEM_QUEUED']] },
  ],
  [
    'an item of a run that looks pushed before it is',
    'two workers, both, owner in a futex',
    /can go on/,
    { file: 'wq/acct', change: [['words[mem.item(item) + LAST] = NONE;', ';']] },
  ],
  [
    'nobody is roused after a repair',
    'two workers, both, owner in a futex',
    /.*/,
    { file: 'wq/recover', change: [['rouse(mem);', ';']] },
  ],
  [
    'an item that ends detached names no worker on its way home',
    'detached',
    /.*/,
    { file: 'wq/worker-loop', change: [['storeRelease(words, current, item);', ';']] },
  ],
  [
    'what a repair took off a queue comes behind what another one in its midst took off',
    'drawn',
    /in its turn|came back/,
    {
      file: 'wq/task-work',
      change: [
        [
          'const land = (item) => this.#land(queue, item);',
          'const late = [];\n const land = (item) => late.push(item);',
        ],
        ['for (const item of [...this.#astray])', 'for (const item of late) this.#land(queue, item);\n $&'],
      ],
    },
  ],
]

function find(rows: typeof HOLDS, name: string): Scenario & Bounds {
  const row = rows.find(([row]) => row === name)
  assert(row !== undefined, `no row ${name}`)
  return row[1]
}

const DRAWN: (typeof KILLS)[number] = ['drawn', drawn(500207, 50, 2)]

const TABLES: [rows: typeof HOLDS, planted: typeof PLANTED][] = [
  [HOLDS, PLANTED],
  [HOLDS, PLANTED_IN_WAITS],
  [HOLDS, PLANTED_IN_LISTENING],
  [[...KILLS, DRAWN], PLANTED_IN_REPAIR],
]

for (const [rows, planted] of TABLES) {
  for (const [name, row, says, bug] of planted) {
    test(`planted: ${name} is found`, async (t) => {
      const { home, remove } = plant(bug)
      t.after(remove)
      const scenario = find(rows, row)
      const { failure, summary } = await explore({ ...scenario, module: over(scenario.module, home) })
      t.diagnostic(`${failure?.kind}: ${failure?.message.slice(0, 100)}; ${summary}`)
      assert(failure !== undefined, `no schedule failed: ${summary}`)
      assert.match(failure.message, says)
    })
  }
}
