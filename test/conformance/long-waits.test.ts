/**
 * Waits end in a Worker as they do on the main thread, though there they are made of slices. Bodies for every backend.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { IORING_FEAT_MIN_TIMEOUT } from '../../src/abi/constants.js'
import { conformance } from './harness.js'
import { longWaits } from './long-waits.js'

const EXPECTED = [
  'one, in time: -ETIME with ',
  'several, in time: -ETIME with ',
  'one, until: -ETIME with ',
  'a minimum alone: -ETIME with ',
  'a minimum and a limit: -ETIME with ',
  'submitted, fewer than asked: 1 with 1:0',
  'one is enough after the minimum: 1 with 1:0',
  'until, fewer than asked: 1 with 1:0',
  'a TIMEOUT ends a wait for several: 1 with 1:-ETIME',
  'several that come one by one: 2 with 1:1 2:1',
]

conformance(
  'long waits end as they should on the main thread',
  (stand) => assert.deepEqual(longWaits(stand), EXPECTED),
  {
    features: IORING_FEAT_MIN_TIMEOUT,
  },
)

conformance(
  'long waits end as they should in a Worker',
  async ({ backend }) => {
    const worker = new Worker(new URL('./long-waits.js', import.meta.url), { workerData: { backend } })
    const [lines] = (await once(worker, 'message')) as [string[]]
    await once(worker, 'exit')
    assert.deepEqual(lines, EXPECTED)
  },
  { features: IORING_FEAT_MIN_TIMEOUT },
)
