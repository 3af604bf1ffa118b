/**
 * A worker that ends before it is up, while its owner sleeps and hears no event: it is noticed all the same, tried again,
 * and at last reported. Main thread.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Wq } from '../../src/wq/wq.js'

const LIMIT_MS = 20_000

test('an owner that sleeps learns that its workers end before they are up', async () => {
  const cancelled: number[] = []
  const failures: string[] = []
  const wq = new Wq({
    nrSlots: 4,
    nrQueues: 1,
    nrBuckets: 1,
    nrItems: 4,
    payloadBytes: 4,
    payloadHash: 1,
    workerEntry: new URL('data:text/javascript,process.exit(9)'),
    maxWorkers: [1, 1],
    hooks: {
      onCancelled: (item) => cancelled.push(item),
      onDied: (item) => assert.fail(`item ${item} did not run`),
      onCreateFailed: (error) => failures.push(error.message),
    },
  })
  const item = wq.alloc()
  wq.enqueue(item, 0, 0, 0)
  for (const end = performance.now() + LIMIT_MS; failures.length === 0 && performance.now() < end; ) {
    wq.sleep(LIMIT_MS, 1, () => false)
  }
  assert.deepEqual(failures, ['a worker ended before it was up (its thread is gone)'])
  assert.deepEqual(cancelled, [item])
  assert.equal(wq.counts().created, 4)
  assert.deepEqual(wq.counts().workers, [0, 0])
  wq.free(item)
  await wq.exit()
})
