/**
 * runSync() behind open iterations, in every combination of what may stand in its way: it runs, or it is refused at once
 * for an iteration of its key; it never waits for its own thread.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pool } from '../../src/pool/pool.js'

type Jobs = typeof import('./async-jobs.js')
const jobs = new URL('./async-jobs.js', import.meta.url)

const LIMITS = [
  { maxWorkers: 1 },
  { maxWorkers: 1, concurrentJobs: 1 },
  { maxWorkers: 1, concurrentJobs: 1, maxUnbounded: 1, maxJobsPerWorker: 1 },
  { maxWorkers: 2, concurrentJobs: 1, maxJobsPerWorker: 2 },
]

/** What was given before; how many iterations are open, and which of them have the key. */
const BEFORE: readonly {
  readonly what: string
  readonly keyed: boolean
  readonly give: (pool: Pool<Jobs>) => AsyncIterableIterator<unknown>[]
}[] = [
  { what: 'one', keyed: false, give: (pool) => [pool.iterate('count', [1000])] },
  { what: 'one of a room of one', keyed: false, give: (pool) => [pool.iterate('count', [9], { highWaterMark: 1 })] },
  { what: 'three', keyed: false, give: (pool) => Array.from({ length: 3 }, () => pool.iterate('countLater', [1000])) },
  { what: 'one of the key', keyed: true, give: (pool) => [pool.iterate('count', [1000], { key: 'k' })] },
  { what: 'an unbounded one', keyed: false, give: (pool) => [pool.iterate('count', [1000], { unbounded: true })] },
  {
    what: 'one of another key, an unbounded one of the key',
    keyed: true,
    give: (pool) => [
      pool.iterate('count', [1000], { key: 'other' }),
      pool.iterate('countLater', [1000], { key: 'k', unbounded: true }),
    ],
  },
]

const OPTIONS = [
  {},
  { key: 'k' },
  { key: 'free' },
  { priority: 1 },
  { priority: -1 },
  { unbounded: true },
  { key: 'k', unbounded: true, priority: 1 },
]

for (const [nr, limits] of LIMITS.entries()) {
  for (const recycles of [false, true]) {
    test(`with ${JSON.stringify(limits)}${recycles ? ', recycled' : ''}`, async () => {
      for (const [i, { what, keyed, give }] of BEFORE.entries()) {
        await using pool = new Pool<Jobs>(jobs, limits)
        const open = give(pool)
        // Half of the time they have begun, else they may have or not.
        if ((nr + i) % 2 === 0) await Promise.all(open.map((values) => values.next()))
        const recycled = recycles ? pool.recycle() : undefined
        const behind = [pool.run('inside', [new Int32Array(1)]), pool.run('add', [1, 1], { key: keyed ? 'free' : 'k' })]
        // Two of the options each time, other ones for each limit: all pairs come up.
        for (const options of [0, 1].map((n) => OPTIONS[(2 * i + 3 * nr + n + (recycles ? 2 : 0)) % OPTIONS.length]!)) {
          const run = () => pool.runSync('add', [1, 2], options)
          const name = `${what}, then ${JSON.stringify(options)}`
          if (keyed && 'key' in options && options.key === 'k') {
            assert.throws(run, { code: 'ERR_URING_DEADLOCK' }, name)
          } else assert.equal(run(), 3, name)
        }
        await Promise.all(open.map((values) => values.return?.()))
        assert.equal(pool.runSync('add', [1, 2], { key: 'k' }), 3)
        await Promise.all(behind)
        await recycled
      }
    })
  }
}
