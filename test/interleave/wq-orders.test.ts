/**
 * Every order of enqueue, take, go idle, leave, exit-on-idle and cancel, for two workers: the owner's calls by a table,
 * what the workers do by the explorer.
 */
import { test } from 'node:test'
import { assertHolds, explore } from './explorer.js'
import { ORDERS } from './wq.table.js'

test(`io-wq keeps its invariants with two workers, in ${ORDERS.length} orders of calls`, async (t) => {
  let [schedules, steps] = [0, 0]
  for (const [name, scenario] of ORDERS) {
    const result = await explore(scenario)
    if (result.failure !== undefined) t.diagnostic(`fails: ${name}`)
    assertHolds(result)
    schedules += result.schedules
    steps += result.steps
  }
  t.diagnostic(`${schedules} schedules, ${steps} steps`)
})
