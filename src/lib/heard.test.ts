/**
 * A Worker that fails is heard, with no other listener. Main thread; the workers throw.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { heard } from './heard.js'

test('a Worker that throws ends no process where nobody else listens', async () => {
  const worker = heard(new Worker('throw new Error("of the thread")', { eval: true }))
  const code = await new Promise((resolve) => worker.once('exit', resolve))
  assert.equal(code, 1)
})

test('who listens besides gets the error', async () => {
  const worker = heard(new Worker('throw new Error("of the thread")', { eval: true }))
  const error = await new Promise((resolve) => worker.on('error', resolve))
  await new Promise((resolve) => worker.once('exit', resolve))
  assert.equal((error as Error).message, 'of the thread')
})
