/**
 * Histories drawn from a seed: enqueues, cancels, limits, toggles of exit-on-idle, blocked items; and once
 * more with deaths.
 *
 * URING_SEED=n URING_RUNS=n choose others, and more; the seed is printed.
 */
import { test } from 'node:test'
import { assertHolds, explore } from './explorer.js'
import { drawn } from './wq.table.js'

const SEED = Number(process.env['URING_SEED'] ?? Math.floor(Math.random() * 1e9))
const RUNS = Number(process.env['URING_RUNS'] ?? 16)
const SCHEDULES = 50

for (const mortal of [false, true]) {
  test(`io-wq keeps its invariants in histories drawn by chance${mortal ? ', with workers that die' : ''}`, async (t) => {
    let [schedules, steps] = [0, 0]
    t.diagnostic(`URING_SEED=${SEED} URING_RUNS=${RUNS}`)
    for (let seed = SEED; seed < SEED + RUNS; seed++) {
      const result = await explore(drawn(seed, SCHEDULES, mortal))
      if (result.failure !== undefined) t.diagnostic(`fails with URING_SEED=${seed} URING_RUNS=1`)
      assertHolds(result)
      schedules += result.schedules
      steps += result.steps
    }
    t.diagnostic(`${schedules} schedules, ${steps} steps`)
  })
}
