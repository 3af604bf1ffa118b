/**
 * What each ordered access does and returns, and what a hook sees of it.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { afterEach, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import {
  cmpxchg,
  fetchAdd,
  fetchAnd,
  fetchOr,
  futexWait,
  futexWake,
  loadAcquire,
  setStepHook,
  storeRelease,
  xchg,
} from './barrier.js'

const shared = (...values: number[]) => {
  const words = new Int32Array(new SharedArrayBuffer(values.length * 4))
  words.set(values)
  return words
}

afterEach(() => setStepHook(undefined))

test('what is stored is loaded, as a signed word', () => {
  const words = shared(0)
  storeRelease(words, 0, 0xffff_ffff)
  assert.equal(loadAcquire(words, 0), -1)
})

test('read-modify-writes return what was there', () => {
  const words = shared(0b0110)
  assert.equal(xchg(words, 0, 0b1100), 0b0110)
  assert.equal(fetchAdd(words, 0, 1), 0b1100)
  assert.equal(fetchAnd(words, 0, 0b0101), 0b1101)
  assert.equal(fetchOr(words, 0, 0b1000), 0b0101)
  assert.equal(words[0], 0b1101)
})

test('cmpxchg writes only what holds the expected value', () => {
  const words = shared(5)
  assert.equal(cmpxchg(words, 0, 4, 9), 5)
  assert.equal(words[0], 5)
  assert.equal(cmpxchg(words, 0, 5, 9), 5)
  assert.equal(words[0], 9)
})

test('a wait for a word that holds something else ends at once', () => {
  assert.equal(futexWait(shared(1), 0, 0, Number.POSITIVE_INFINITY), 'not-equal')
})

test('a wait that nobody ends runs out of time', () => {
  assert.equal(futexWait(shared(0), 0, 0, 1), 'timed-out')
})

test('a wake without sleepers wakes none', () => {
  assert.equal(futexWake(shared(0), 0, 10), 0)
})

test('a wake ends the wait of a sleeping thread, and counts it', async () => {
  const words = shared(0)
  const worker = new Worker(new URL('./barrier.test.worker.js', import.meta.url), { workerData: words })
  const message = once(worker, 'message')
  while (futexWake(words, 0, 1) === 0); // until it sleeps
  assert.deepEqual(await message, ['ok'])
})

test('a hook runs before each access, with what the access is about to do', () => {
  const words = shared(7, 0)
  const seen: unknown[] = []
  setStepHook((kind, at, index, value, extra) => {
    assert.equal(at, words)
    seen.push([kind, index, value, extra, words[index]])
    return undefined
  })
  loadAcquire(words, 0)
  storeRelease(words, 0, 1)
  xchg(words, 0, 2)
  cmpxchg(words, 0, 2, 3)
  fetchAdd(words, 0, 1)
  fetchAnd(words, 0, 6)
  fetchOr(words, 0, 8)
  futexWait(words, 1, 5, 20)
  futexWake(words, 1, 4)
  assert.deepEqual(seen, [
    ['load', 0, 0, 0, 7],
    ['store', 0, 1, 0, 7],
    ['xchg', 0, 2, 0, 1],
    ['cmpxchg', 0, 3, 2, 2],
    ['add', 0, 1, 0, 3],
    ['and', 0, 6, 0, 4],
    ['or', 0, 8, 0, 4],
    ['wait', 1, 5, 20, 0],
    ['wake', 1, 4, 0, 0],
  ])
})

test('a hook can stand in for a wait and a wake', () => {
  const words = shared(0)
  const forever = () => futexWait(words, 0, 0, Number.POSITIVE_INFINITY)
  setStepHook(() => true)
  assert.equal(forever(), 'ok')
  setStepHook(() => 'timed-out')
  assert.equal(forever(), 'timed-out')
  setStepHook(() => 3)
  assert.equal(futexWake(words, 0, 1), 3)
})

test('a removed hook runs no more', () => {
  setStepHook(() => assert.fail('still there'))
  setStepHook(undefined)
  loadAcquire(shared(0), 0)
})
