/**
 * A Worker's answer, whatever order and turn its events come in. Main thread.
 */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { answerOf } from './answer.js'

function run(source: string): Promise<unknown> {
  return answerOf(new Worker(source, { eval: true, stderr: true }))
}

test('the answer and the exit in one turn, as a loop that is behind gets them', async () => {
  const worker = new EventEmitter()
  const answer = answerOf(worker)
  worker.emit('message', 'first')
  worker.emit('exit', 0)
  assert.equal(await answer, 'first')
})

test('the first message counts, and the thread is gone when it is known', async () => {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads')
    parentPort.postMessage({ n: 1 })
    parentPort.postMessage({ n: 2 })`,
    { eval: true },
  )
  assert.deepEqual(await answerOf(worker), { n: 1 })
  assert.equal(worker.threadId, -1)
})

test('a Worker that ends without an answer, or throws, is an error', async () => {
  await assert.rejects(run('process.exit(3)'), { message: 'a Worker ended without an answer (exit code 3)' })
  await assert.rejects(run(`throw new RangeError('as planned')`), { name: 'RangeError', message: 'as planned' })
})
