/**
 * Histories drawn from a seed: enqueues, cancels, limits, toggles of exit-on-idle, blocked items; and once
 * more with deaths.
 *
 * URING_SEED=n URING_RUNS=n choose others, and more; `npm run explore` searches for longer.
 */
import { test } from 'node:test'
import { drawSeed, withSeed } from '../seed.js'
import { assertHolds, explore } from './explorer.js'
import { drawn } from './wq.table.js'

const { seed: SEED, runs: RUNS } = drawSeed(16)
const SCHEDULES = 50
/** A second worker dies in the midst of a push while the owner repairs what the first left. */
const KNOWN = [500207]

for (const maxDeaths of [0, 2]) {
  test(`io-wq keeps its invariants in histories drawn by chance${maxDeaths > 0 ? ', with workers that die' : ''}`, async (t) => {
    let [schedules, steps] = [0, 0]
    for (const seed of [...KNOWN, ...Array.from({ length: RUNS }, (_, run) => SEED + run)]) {
      const result = await explore(drawn(seed, SCHEDULES, maxDeaths))
      await withSeed(seed, async () => assertHolds(result))
      schedules += result.schedules
      steps += result.steps
    }
    t.diagnostic(`${schedules} schedules, ${steps} steps`)
  })
}
