/** In a Worker a wait is made of slices. A TIMEOUT that ends by its count as a slice ends, ends the wait. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { BACKENDS } from '../cli/backends.js'

const kernel = BACKENDS.find(({ name }) => name === 'kernel')!

test('a TIMEOUT ends by count in the instant in which a slice of the wait ends', { skip: kernel.skip }, async () => {
  const worker = new Worker(new URL('./count-ends-a-wait.worker.js', import.meta.url))
  const [found] = await once(worker, 'message')
  assert.deepEqual(found, { res: 2, nrReady: 2, nrWaits: 1 })
})
