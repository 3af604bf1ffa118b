/**
 * The check that only the named writer writes.
 */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { VERIFY } from './assert.js'
import { cmpxchg, fetchAdd, fetchOr, futexWait, futexWake, loadAcquire, setStepHook, storeRelease } from './barrier.js'
import { struct } from './layout.js'
import { init, MPSCQ, producer } from './mpscq.js'
import { type Role, type Watched, watchWriters, writerHook } from './writers.js'

// biome-ignore format: table
const ROWS = struct('rows', [
  ['head',  'u32',    'app',    ''],
  ['state', 'u32',    'any',    ''],
  ['magic', 'u32',    'once',   ''],
  ['small', 'u8',     'owner',  ''],
  ['other', 'u8',     'worker', ''],
  ['wide',  'u64',    'owner',  ''],
])
const at = (field: keyof typeof ROWS.at) => ROWS.at[field] >> 2
const BASE = 2

function watch(role: Role, more: Partial<Watched> = {}): Int32Array {
  const words = new Int32Array(new SharedArrayBuffer(256))
  setStepHook(writerHook(role, [{ words, layout: ROWS, baseWord: BASE, ...more }]))
  return words
}

afterEach(() => setStepHook(undefined))

test('the named writer writes as it likes', () => {
  const words = watch('app')
  storeRelease(words, BASE + at('head'), 1)
  fetchAdd(words, BASE + at('head'), 1)
})

test('another role’s write throws, before it is done', () => {
  const words = watch('owner')
  assert.throws(
    () => storeRelease(words, BASE + at('head'), 1),
    /owner may not store rows.head: only the app writes it/,
  )
  assert.throws(() => fetchOr(words, BASE + at('head'), 1), /owner may not or rows.head/)
  assert.equal(words[BASE + at('head')], 0)
})

test('loads, waits and wakes are no writes', () => {
  const words = watch('worker')
  loadAcquire(words, BASE + at('head'))
  futexWait(words, BASE + at('head'), 1, 0)
  futexWake(words, BASE + at('head'), 1)
})

test('any role may read-modify-write what any may write, and none may store it', () => {
  const words = watch('worker')
  cmpxchg(words, BASE + at('state'), 0, 1)
  assert.throws(() => storeRelease(words, BASE + at('state'), 1), /by read-modify-write only/)
})

test('what is written once is written no more', () => {
  const words = watch('owner')
  assert.throws(() => storeRelease(words, BASE + at('magic'), 1), /before it is shared/)
})

test('both words of a wide field are watched', () => {
  const words = watch('app')
  for (const half of [0, 1]) assert.throws(() => storeRelease(words, BASE + at('wide') + half, 1), /rows.wide/)
})

test('a write covers every small field in its word', () => {
  const words = watch('owner')
  assert.throws(() => storeRelease(words, BASE + at('small'), 1), /rows.other/)
})

test('records in a row are watched each, and the gaps between them are not', () => {
  const strideWords = 10
  const words = watch('owner', { count: 3, strideWords })
  for (const record of [0, 1, 2]) {
    assert.throws(() => storeRelease(words, BASE + record * strideWords + at('head'), 1), /rows.head/)
  }
  storeRelease(words, BASE + (ROWS.size >> 2), 1)
  storeRelease(words, BASE + 3 * strideWords + at('head'), 1)
})

test('memory is known by its address, whichever array it is written through', () => {
  const words = watch('owner')
  const view = new Int32Array(words.buffer, (BASE + at('head')) * 4)
  assert.throws(() => storeRelease(view, 0, 1), /rows.head/)
  storeRelease(new Int32Array(64), BASE + at('head'), 1)
})

test('a field that changes hands can be left out: a push into the watched queue passes', () => {
  const words = new Int32Array(new SharedArrayBuffer(MPSCQ.size + 64))
  const mem = { words, queueWord: 0, linkWord: MPSCQ.size >> 2, strideWords: 1 }
  init(mem)
  setStepHook(writerHook('worker', [{ words, layout: MPSCQ, baseWord: 0, except: ['stub_next'] }]))
  producer(mem).push(0)
  producer(mem).push(1)
})

test('nothing is watched but in test builds', () => {
  const words = new Int32Array(new SharedArrayBuffer(64))
  watchWriters('owner', [{ words, layout: ROWS, baseWord: 0 }])
  const write = () => storeRelease(words, at('head'), 1)
  if (VERIFY) assert.throws(write, /rows.head/)
  else write()
})
