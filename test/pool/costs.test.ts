/** What is done to one job costs the same however many others wait: CPU time per operation, with a few and with many. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pool } from '../../src/pool/pool.js'
import { Gate } from './gate.js'

type Jobs = typeof import('./jobs.js')
const jobs = new URL('./jobs.js', import.meta.url)
const FEW = 1000
const MANY = 20_000
/** Somebody who walks all that wait takes 20 times as long. */
const MAX_RATIO = 8
const NR_OPERATIONS = 200
const ROUNDS = 3

const OPERATIONS: Readonly<Record<string, (pool: Pool<Jobs>, i: number) => void>> = {
  'cancel(id) of one that waits': (pool, i) => {
    assert.equal(pool.cancel(i), 'ok')
  },
  'cancel(id) of none': (pool) => {
    assert.equal(pool.cancel('none'), 'notfound')
  },
  'kill(id) of one that waits': (pool, i) => {
    assert.equal(pool.kill(i), 0)
  },
  'stats()': (pool) => {
    pool.stats()
  },
  'a job more, with all a job can have, and its abort': (pool) => {
    const controller = new AbortController()
    pool.run('noop', [], { id: 'more', key: 'k', timeout: 1e6, signal: controller.signal }).catch(() => {})
    controller.abort()
  },
}

/** CPU time of this thread's process for each operation, in microseconds: the least of some rounds. */
async function costOf(operate: (pool: Pool<Jobs>, i: number) => void, nrWaiting: number): Promise<number> {
  const pool = new Pool<Jobs>(jobs, { maxWorkers: 1 })
  const gate = new Gate()
  const held = pool.run('hold', [gate.words])
  await gate.reached(1)
  for (let i = 0; i < nrWaiting + ROUNDS * NR_OPERATIONS; i++) {
    pool.run('noop', [], { id: i, key: i % 10 === 0 ? 'k' : undefined }).catch(() => {})
  }
  let least = Number.POSITIVE_INFINITY
  for (let round = 0, i = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage()
    for (let n = 0; n < NR_OPERATIONS; n++) operate(pool, i++)
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / NR_OPERATIONS)
    await new Promise((resolve) => setImmediate(resolve))
  }
  gate.open()
  await held
  await pool.destroy(0)
  return least
}

for (const [what, operate] of Object.entries(OPERATIONS)) {
  test(what, async () => {
    const few = await costOf(operate, FEW)
    const many = await costOf(operate, MANY)
    // What takes no time to speak of may vary as it likes.
    assert.ok(many < MAX_RATIO * Math.max(few, 5), `${few} us with ${FEW}, ${many} us with ${MANY}`)
  })
}
