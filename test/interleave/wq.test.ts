import { test } from 'node:test'
import { assertHolds, explore } from './explorer.js'
import { HOLDS, NO_THREADS } from './wq.table.js'

for (const [name, scenario] of HOLDS) {
  test(`io-wq keeps its invariants: ${name}`, async (t) => {
    const result = await explore(scenario)
    t.diagnostic(result.summary)
    assertHolds(result)
  })
}

test('io-wq: that no worker can be made is reported to an owner that sleeps, and its work cancelled', async (t) => {
  const result = await explore(NO_THREADS)
  t.diagnostic(result.summary)
  assertHolds(result)
})
