/**
 * A wait for a file and its cancel, in every order, and a planted bug that some order has to show.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assertFails, assertHolds, explore, type Scenario } from './explorer.js'
import { type Arg, MEMORY_BYTES } from './poll.scenario.js'

function wait(worker: string, arg: Arg): Scenario {
  return {
    module: new URL('./poll.scenario.js', import.meta.url),
    threads: [worker, 'canceller', 'writer'],
    memoryBytes: MEMORY_BYTES,
    arg,
  }
}

for (const armed of [false, true]) {
  test(`a wait that was taken away moves nothing, in every order; armed before: ${armed}`, async (t) => {
    const result = await explore(wait('worker', { armed }))
    t.diagnostic(result.summary)
    assertHolds(result)
    assert(result.complete)
  })
}

test('planted: a worker that ends its wait with a store is found', async (t) => {
  t.diagnostic((await assertFails(wait('carelessWorker', { armed: true }), 'check')).summary)
})
