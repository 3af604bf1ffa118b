/**
 * The check that only the named writer writes.
 */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { VERIFY } from './assert.js'
import { cmpxchg, fetchAdd, fetchOr, futexWait, futexWake, loadAcquire, setStepHook, storeRelease } from './barrier.js'
import { struct } from './layout.js'
import { type Role, type Watched, type Write, watchWriters, writerHook } from './writers.js'

// biome-ignore format: table
const ROWS = struct('rows', [
  ['head',  'u32',    'app',    ''],
  ['state', 'u32',    'any',    ''],
  ['magic', 'u32',    'once',   ''],
  ['small', 'u8',     'owner',  ''],
  ['other', 'u8',     'worker', ''],
  ['wide',  'u64',    'owner',  ''],
])
// biome-ignore format: table
const HELD = struct('held', [
  ['list',  'u32', 'lock holder',   ''],
  ['state', 'u32', 'record holder', ''],
])
// biome-ignore format: table
const SEATS = struct('seats', [
  ['current', 'u32', 'worker', ''],
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
    /owner may not store rows.head, from 0 to 1: only the app writes it/,
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

test('a word that changes hands is written by whoever holds it, if that is known', () => {
  const words = new Int32Array(new SharedArrayBuffer(256))
  const asked: Write[] = []
  let isHolder = true
  const holds = (write: Write) => {
    asked.push(write)
    return isHolder
  }
  setStepHook(writerHook('worker', [{ words, layout: HELD, baseWord: 0, count: 2, holds }]))
  const second = HELD.size >> 2
  storeRelease(words, second, 7)
  assert.equal(cmpxchg(words, second + 1, 3, 4), 0)
  assert.deepEqual(asked, [
    { kind: 'store', field: 'list', record: 1, before: 0, value: 7, extra: 0 },
    { kind: 'cmpxchg', field: 'state', record: 1, before: 0, value: 4, extra: 3 },
  ])
  isHolder = false
  assert.throws(() => storeRelease(words, 0, 1), /held.list of 0, from 0 to 1: only who holds the lock/)
  assert.throws(() => storeRelease(words, second + 1, 1), /held.state of 1.*: only whose the record is/)
  setStepHook(writerHook('worker', [{ words, layout: HELD, baseWord: 0 }]))
  storeRelease(words, 0, 1)
})

test('of workers’ records each writes its own alone', () => {
  const words = new Int32Array(new SharedArrayBuffer(256))
  const only = (own: number) => [{ words, layout: SEATS, baseWord: 0, count: 3, own }]
  setStepHook(writerHook('worker', only(1)))
  storeRelease(words, 1, 5)
  for (const other of [0, 2]) assert.throws(() => storeRelease(words, other, 5), /seats.current of/)
})

test('a thread with two roles may what either may', () => {
  const words = new Int32Array(new SharedArrayBuffer(256))
  setStepHook(writerHook(['app', 'owner'], [{ words, layout: ROWS, baseWord: 0 }]))
  storeRelease(words, at('head'), 1)
  storeRelease(words, at('wide'), 1)
  assert.throws(() => storeRelease(words, at('magic'), 1), /app and owner may not/)
})

test('regions are watched one after another, and another’s hook is left alone', {
  skip: !VERIFY && 'no test build',
}, () => {
  const [one, two] = [new Int32Array(new SharedArrayBuffer(64)), new Int32Array(new SharedArrayBuffer(64))]
  watchWriters('owner', [{ words: one, layout: ROWS, baseWord: 0 }])
  watchWriters('app', [{ words: two, layout: ROWS, baseWord: 0 }])
  assert.throws(() => storeRelease(one, at('head'), 1), /owner may not/)
  storeRelease(two, at('head'), 1)
  assert.throws(() => storeRelease(two, at('wide'), 1), /app may not/)
  const steps: string[] = []
  setStepHook((kind) => {
    steps.push(kind)
    return undefined
  })
  watchWriters('owner', [{ words: two, layout: ROWS, baseWord: 0 }])
  storeRelease(two, at('head'), 2)
  assert.deepEqual(steps, ['store'])
})

test('nothing is watched but in test builds', () => {
  const words = new Int32Array(new SharedArrayBuffer(64))
  watchWriters('owner', [{ words, layout: ROWS, baseWord: 0 }])
  const write = () => storeRelease(words, at('head'), 1)
  if (VERIFY) assert.throws(write, /rows.head/)
  else write()
})
