/** Numbers of threads: who gets which, and who waits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { giveNumberBack, numbersFor, takeNumber } from './numbers.js'

test('threads take the lowest free number, each its own', () => {
  const words = new Int32Array(numbersFor(3))
  assert.deepEqual(
    [11, 12, 13].map((id) => takeNumber(words, 3, id)),
    [1, 2, 3],
  )
  giveNumberBack(words, 12)
  giveNumberBack(words, 12)
  assert.equal(takeNumber(words, 3, 14), 2)
  giveNumberBack(words, 99)
  giveNumberBack(words, 11)
  giveNumberBack(words, 14)
  assert.deepEqual(
    [15, 16].map((id) => takeNumber(words, 3, id)),
    [1, 2],
  )
})

test('a thread that finds no number free sleeps until one is given back', async () => {
  const memory = numbersFor(1)
  const words = new Int32Array(memory)
  assert.equal(takeNumber(words, 1, 7), 1)
  const worker = new Worker(new URL('./numbers.test.worker.js', import.meta.url), { workerData: memory })
  const took = new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  await new Promise((resolve) => worker.once('online', resolve))
  giveNumberBack(words, 7)
  assert.equal(await took, 1)
  giveNumberBack(words, worker.threadId)
  await worker.terminate()
  assert.equal(takeNumber(words, 1, 8), 1)
})

test('one that none gives back stands for itself in the end', () => {
  const words = new Int32Array(numbersFor(1))
  assert.equal(takeNumber(words, 1, 7), 1)
  assert.equal(takeNumber(words, 1, 8), 2)
})
