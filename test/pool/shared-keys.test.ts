/** Keys that pools of several threads share: of all jobs with one key, in whichever pool, one runs at a time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { NR_BUCKETS } from '../../src/pool/jobs/keys.js'
import { SharedKeys } from '../../src/pool/jobs/shared-keys.js'
import { Pool } from '../../src/pool/pool.js'
import { HASH, WqHash } from '../../src/wq/hash.js'
import { Gate, rejectionOf, sharedWords, until } from './gate.js'

const JOBS = new URL('./jobs.js', import.meta.url)

function make(keys: SharedKeys, options: ConstructorParameters<typeof Pool>[1] = {}) {
  return new Pool<typeof import('./jobs.js')>(JOBS, { maxWorkers: 2, keys, ...options })
}

/** A thread with a pool of its own, which runs what it is told to. */
function startThread(keys: SharedKeys, task: Record<string, unknown>): Worker {
  return new Worker(new URL('./shared-keys.worker.js', import.meta.url), {
    workerData: { buffer: keys.buffer, ...task },
  })
}

function ended(thread: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    thread.once('message', resolve)
    thread.once('error', reject)
    thread.once('exit', (code) => reject(new Error(`the thread ended with ${code}`)))
  })
}

test('a job waits for one of its key in another pool, and nothing else does', async () => {
  const keys = new SharedKeys()
  await using one = make(keys)
  await using two = make(keys)
  const gate = new Gate()
  const held = one.run('hold', [gate.words], { key: 'a' })
  await gate.reached(1)
  let ran = false
  const behind = two.run('add', [1, 1], { key: 'a' }).then((sum) => {
    ran = true
    return sum
  })
  const unbounded = two.run('add', [2, 2], { key: 'a', unbounded: true })
  assert.equal(await two.run('add', [1, 2], { key: 'b' }), 3)
  assert.equal(await two.run('add', [1, 3]), 4)
  assert.equal(await one.run('add', [1, 4]), 5)
  assert.equal(ran, false)
  gate.open()
  await held
  assert.deepEqual(await Promise.all([behind, unbounded]), [2, 4])
})

test('what is one key, and what are two', async () => {
  const keys = new SharedKeys()
  await using one = make(keys, { maxWorkers: 1 })
  await using two = make(keys, { maxWorkers: 1 })
  const long = 'x'.repeat(100)
  const cases: [unknown, unknown, boolean][] = [
    ['1', 1, false],
    [1, 1n, false],
    [true, 'true', false],
    [null, 'null', false],
    [0, -0, true],
    [Number.NaN, Number.NaN, true],
    [2n ** 80n, 2n ** 80n, true],
    [`${long}a`, `${long}b`, false],
    [`${long}a`, `${long}a`, true],
    ['\ud800', '\ud801', false],
    ['a', 'a\0', false],
    ['', null, false],
  ]
  for (const [held, asked, isSame] of cases) {
    const gate = new Gate()
    const holding = one.run('hold', [gate.words], { key: held })
    await gate.reached(1)
    let ran = false
    const job = two.run('noop', [], { key: asked }).then(() => {
      ran = true
    })
    // Behind the job in its own pool, and not of its key: comes home after it, if nothing holds the job up.
    await two.run('noop', [], { key: 'another' })
    assert.equal(ran, !isSame, `${typeof held} ${String(held)} and ${typeof asked} ${String(asked)}`)
    gate.open()
    await Promise.all([holding, job])
  }
})

test('values that no other thread can have are refused as keys', async () => {
  await using pool = make(new SharedKeys())
  for (const key of [{}, [], Symbol('s'), () => {}]) {
    assert.equal((await rejectionOf(pool.run('noop', [], { key })))['code'], 'ERR_INVALID_ARG_TYPE')
  }
  assert.equal(pool.stats().inFlight, 0)
})

test('what is no SharedKeys is refused', () => {
  assert.throws(() => new SharedKeys(new SharedArrayBuffer(64)), { code: 'ERR_INVALID_ARG_TYPE' })
  assert.throws(() => new SharedKeys(new SharedArrayBuffer(3)), { code: 'ERR_INVALID_ARG_TYPE' })
  assert.throws(() => new SharedKeys(new ArrayBuffer(64) as unknown as SharedArrayBuffer), {
    code: 'ERR_INVALID_ARG_TYPE',
  })
  assert.throws(() => make({} as SharedKeys), { code: 'ERR_INVALID_ARG_TYPE' })
  assert.throws(() => make(new SharedKeys(), { maxUnbounded: 1024 }), { code: 'ERR_OUT_OF_RANGE' })
})

test('32 pools share keys, and one that closes makes room', async () => {
  const keys = new SharedKeys()
  const pools = Array.from({ length: 32 }, () => make(keys))
  assert.throws(() => make(keys), { code: 'ERR_OUT_OF_RANGE' })
  await pools.pop()?.close()
  pools.push(make(keys))
  await Promise.all(pools.map((pool) => pool.close()))
})

test('pools of four threads run jobs of a hundred keys, never two of one at once', async () => {
  const keys = new SharedKeys()
  const counters = sharedWords(100)
  const threads = Array.from({ length: 3 }, () => startThread(keys, { kind: 'inside', counters, rounds: 20 }))
  await using pool = make(keys)
  const own: Promise<number>[] = []
  for (let i = 0; i < 2000; i++) {
    own.push(pool.run('inside', [counters.subarray(i % 100, (i % 100) + 1), 20], { key: BigInt(i % 100) }))
  }
  const results = await Promise.all(own)
  assert.ok(results.every((others) => others === 0))
  for (const overlaps of await Promise.all(threads.map(ended))) assert.equal(overlaps, 0)
})

test('two pools hand one key to and fro', async () => {
  const keys = new SharedKeys()
  await using one = make(keys, { maxWorkers: 1, spinUs: 0 })
  await using two = make(keys, { maxWorkers: 1, spinUs: 0 })
  const counter = sharedWords(1)
  for (let i = 0; i < 500; i++) {
    const both = [one, two].map((pool) => pool.run('inside', [counter, 5], { key: 'k' }))
    assert.deepEqual(await Promise.all(both), [0, 0])
  }
})

test('a key that was held by a job whose worker died is free', async () => {
  const keys = new SharedKeys()
  await using one = make(keys)
  await using two = make(keys)
  for (let i = 0; i < 5; i++) {
    const died = rejectionOf(one.run('die', [3], { key: 'k' }))
    const behind = two.run('add', [i, 1], { key: 'k' })
    assert.equal((await died)['code'], 'ERR_URING_WORKER_DIED')
    assert.equal(await behind, i + 1)
  }
})

test('keys that a terminated thread’s pool held are free', async () => {
  const keys = new SharedKeys()
  await using pool = make(keys)
  const gate = new Gate()
  const thread = startThread(keys, { kind: 'hold', gate: gate.words })
  await gate.reached(1)
  let ran = false
  const behind = pool.run('noop', [], { key: 'held' }).then(() => {
    ran = true
  })
  await pool.run('noop')
  assert.equal(ran, false)
  await thread.terminate()
  await behind
})

test('a job that waits for another pool’s key is cancelled, or outlives its pool’s close', async () => {
  const keys = new SharedKeys()
  await using one = make(keys)
  const gate = new Gate()
  const held = one.run('hold', [gate.words], { key: 'k' })
  await gate.reached(1)

  const destroyed = make(keys)
  const lost = rejectionOf(destroyed.run('noop', [], { key: 'k' }))
  await destroyed.run('noop')
  await destroyed.destroy()
  assert.equal((await lost)['code'], 'ERR_URING_POOL_CLOSED')

  const closing = make(keys, { maxWorkers: 2 })
  const words = sharedWords(1)
  const waiting = [1, 2, 3].map((i) => closing.run('add', [i, i], { key: 'k' }))
  const others = [1, 2, 3].map((i) => closing.run('inside', [words, 1], { key: i }))
  await Promise.all(others)
  let isClosed = false
  const closed = closing.close().then(() => {
    isClosed = true
  })
  await until(() => closing.stats().queued <= 3, 'only what waits for the key is queued')
  assert.equal(isClosed, false)
  gate.open()
  assert.deepEqual(await Promise.all(waiting), [2, 4, 6])
  await Promise.all([closed, held])
})

test('a synchronous job waits for another pool’s key', async () => {
  const keys = new SharedKeys()
  const gate = new Gate()
  const thread = startThread(keys, { kind: 'holdAWhile', gate: gate.words })
  await gate.reached(1)
  await using pool = make(keys)
  const done = ended(thread)
  thread.postMessage('go on')
  assert.equal(pool.runSync('add', [1, 2], { key: 'held' }), 3)
  assert.equal(await done, 'done')
})

test('threads that change the table of keys at once leave it whole', async () => {
  const keys = new SharedKeys()
  const threads = [1, 2, 3].map(() => startThread(keys, { kind: 'hammer', rounds: 100_000 }))
  // Not the last to leave, who makes the lists anew, but what the changes themselves have left: a seat stays.
  const seat = keys.join()
  const words = new Int32Array(keys.buffer)
  const hash = WqHash.attach(words)
  for (let i = 0; i < 100_000; i++) {
    seat.take(i % 5)
    seat.drop(i % 5)
    // An entry for each key at most: one that were lost, or handed out twice, would have been replaced by another.
    assert.ok(words[hash.at(HASH.at.nr_touched)]! <= 5)
  }
  assert.deepEqual(await Promise.all(threads.map(ended)), ['done', 'done', 'done'])
  seat.hashSeat.leave()
})

test('there is an entry for every key that pools can have, those included that wait for jobs to come', () => {
  const keys = new SharedKeys()
  const words = new Int32Array(keys.buffer)
  const seats = Array.from({ length: 9 }, () => keys.join())
  let last = 0
  for (const [i, seat] of seats.entries()) {
    for (let k = 0; k < NR_BUCKETS; k++) last = Math.max(last, seat.take(i * NR_BUCKETS + k))
  }
  assert.equal(words[WqHash.attach(words).at(HASH.at.nr_touched)], 9 * NR_BUCKETS)
  assert.ok(last < words.length, `the holder of a key lies at ${last} of ${words.length}`)
  for (const seat of seats) seat.hashSeat.leave()
})

test('the table of keys is mended when a thread died with its lock', async () => {
  const keys = new SharedKeys()
  await using one = make(keys)
  await using two = make(keys)
  const gate = new Gate()
  const held = one.run('hold', [gate.words], { key: 'k' })
  await gate.reached(1)
  const words = new Int32Array(keys.buffer)
  const hash = WqHash.attach(words)
  // As it would be in the middle of a change: every chain begins nowhere. No thread has that id.
  hash.clearChains()
  words[hash.at(HASH.at.lock)] = 2 ** 22 + 1
  let ran = false
  const behind = two.run('noop', [], { key: 'k' }).then(() => {
    ran = true
  })
  await two.run('noop', [], { key: 'another' })
  assert.equal(ran, false)
  gate.open()
  await Promise.all([held, behind])
})
