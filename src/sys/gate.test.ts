import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { futexWait, futexWake, loadAcquire, storeRelease } from '../lib/barrier.js'
import { closeGate, gate, inside } from './gate.js'

const MODULE = JSON.stringify(new URL('./gate.js', import.meta.url).href)
const BARRIER = JSON.stringify(new URL('../lib/barrier.js', import.meta.url).href)
const [IS_IN, MAY_LEAVE, HAS_LEFT] = [0, 1, 2]

/** A thread that goes inside, says so, and stays until it is let go. */
function stayer(words: Int32Array, at: unknown): Worker {
  const source = `
    const { workerData: { words, gateWords } } = require('node:worker_threads')
    Promise.all([import(${MODULE}), import(${BARRIER})]).then(([{ inside }, b]) => {
      inside(() => {
        b.storeRelease(words, ${IS_IN}, 1)
        b.futexWake(words, ${IS_IN}, 1)
        b.futexWait(words, ${MAY_LEAVE}, 0, Infinity)
        b.storeRelease(words, ${HAS_LEFT}, 1)
      }, { words: gateWords, nrMine: 0 })
    })`
  return new Worker(source, { eval: true, execArgv: [], workerData: { words, gateWords: at } })
}

test('where the addon calls there is no gate', () => {
  assert.equal(gate(), undefined)
  assert.equal(
    inside(() => 5),
    5,
  )
  closeGate()()
})

test('closing waits for those inside, and the one that closes may go in', async () => {
  const words = new Int32Array(new SharedArrayBuffer(12))
  const at = { words: new Int32Array(new SharedArrayBuffer(8)), nrMine: 0 }
  const worker = stayer(words, at.words)
  while (loadAcquire(words, IS_IN) === 0) futexWait(words, IS_IN, 0, 1000)
  storeRelease(words, MAY_LEAVE, 1)
  futexWake(words, MAY_LEAVE, 1)
  const open = closeGate(at)
  assert.equal(loadAcquire(words, HAS_LEFT), 1)
  assert.equal(
    inside(() => 'in', at),
    'in',
  )
  // Another comes to it closed, and goes in when it opens.
  const later = new Int32Array(new SharedArrayBuffer(12))
  const second = stayer(later, at.words)
  await new Promise((resolve) => second.once('online', resolve))
  assert.equal(loadAcquire(later, IS_IN), 0)
  open()
  while (loadAcquire(later, IS_IN) === 0) futexWait(later, IS_IN, 0, 1000)
  storeRelease(later, MAY_LEAVE, 1)
  futexWake(later, MAY_LEAVE, 1)
  for (const one of [worker, second]) await one.terminate()
})
