import { test } from 'node:test'
import { assertHolds, explore } from './explorer.js'
import { KILLS } from './wq.table.js'

for (const [name, scenario] of KILLS) {
  test(`io-wq loses nothing with a worker that dies at any step: ${name}`, async (t) => {
    const result = await explore(scenario)
    t.diagnostic(result.summary)
    assertHolds(result)
  })
}
