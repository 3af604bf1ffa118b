/**
 * mpscq on one thread, and three real producers at full speed. All orders of few steps: test/interleave/mpscq.test.ts.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { afterEach, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { futexWait, futexWake, loadAcquire, setStepHook, storeRelease } from './barrier.js'
import { consumer, init, MPSCQ, type MpscqMemory, NONE, producer } from './mpscq.js'
import { BELL, EACH, GATE, MEMORY_BYTES, memoryOf, PRODUCERS, READY } from './mpscq.test.worker.js'

const LINKS = MPSCQ.size >> 2

function newQueue(strideWords = 1): MpscqMemory {
  const words = new Int32Array(LINKS + 16 * strideWords)
  const mem = { words, queueWord: 0, linkWord: LINKS, strideWords }
  init(mem)
  return mem
}

/** Pushes as a producer that dies once it has exchanged the tail, before it links. */
function pushHalf(mem: MpscqMemory, node: number): void {
  let exchanged = false
  setStepHook((kind) => {
    if (exchanged) throw new Error('died')
    exchanged = kind === 'xchg'
    return undefined
  })
  assert.throws(() => producer(mem).push(node), /died/)
  setStepHook(undefined)
}

afterEach(() => setStepHook(undefined))

test('a new queue is empty and hands out NONE', () => {
  const q = consumer(newQueue())
  assert.equal(q.isEmpty(), true)
  assert.equal(q.pop(), NONE)
  assert.equal(q.isEmpty(), true)
})

test('nodes come out in the order they went in', () => {
  const mem = newQueue()
  const { push } = producer(mem)
  for (const node of [3, 0, 2, 1]) push(node)
  const q = consumer(mem)
  assert.deepEqual([q.pop(), q.pop(), q.pop(), q.pop(), q.pop()], [3, 0, 2, 1, NONE])
})

test('push tells whether the queue was empty', () => {
  const mem = newQueue()
  const { push } = producer(mem)
  const q = consumer(mem)
  assert.deepEqual([push(0), push(1)], [true, false])
  q.pop()
  assert.equal(push(2), false)
  q.pop()
  q.pop()
  assert.equal(push(3), true)
})

test('the queue is empty only once the last node was handed out', () => {
  const mem = newQueue()
  producer(mem).push(0)
  producer(mem).push(1)
  const q = consumer(mem)
  assert.equal(q.isEmpty(), false)
  q.pop()
  assert.equal(q.isEmpty(), false)
  q.pop()
  assert.equal(q.isEmpty(), true)
})

test('a node may be pushed again as soon as it was handed out', () => {
  const mem = newQueue()
  const q = consumer(mem)
  for (let i = 0; i < 5; i++) {
    assert.equal(producer(mem).push(7), true)
    assert.equal(q.pop(), 7)
  }
})

test('links lie a stride apart, and nothing between them is written', () => {
  const mem = newQueue(4)
  const { push } = producer(mem)
  for (const node of [0, 1, 2]) push(node)
  assert.deepEqual([...mem.words.subarray(LINKS, LINKS + 12)], [1, 0, 0, 0, 2, 0, 0, 0, NONE, 0, 0, 0])
})

test('a producer between its two steps: NONE, but not empty', () => {
  const mem = newQueue()
  producer(mem).push(0)
  pushHalf(mem, 1)
  const q = consumer(mem)
  // Node 0 is the last linked one: it is held back, for node 1 has still to be linked to it.
  assert.equal(q.pop(), NONE)
  assert.equal(q.isEmpty(), false)
  assert.equal(q.tail(), 1)
})

test('mend links a node whose producer died, behind a node and behind the stub', () => {
  const mem = newQueue()
  const q = consumer(mem)
  pushHalf(mem, 0)
  assert.equal(q.pop(), NONE)
  q.mend(0)
  producer(mem).push(1)
  pushHalf(mem, 2)
  assert.deepEqual([q.pop(), q.pop()], [0, NONE])
  q.mend(2)
  assert.deepEqual([q.pop(), q.pop(), q.pop()], [1, 2, NONE])
  assert.equal(q.isEmpty(), true)
})

test('three producers at full speed: nothing lost, nothing twice, each one’s nodes in its order', async () => {
  const memory = new SharedArrayBuffer(MEMORY_BYTES)
  const mem = memoryOf(memory)
  const { words } = mem
  init(mem)
  const url = new URL('./mpscq.test.worker.js', import.meta.url)
  const workers = Array.from({ length: PRODUCERS }, (_, me) => new Worker(url, { workerData: { memory, me } }))
  const exits = workers.map((worker) => once(worker, 'exit'))
  for (let nr = 0; nr < PRODUCERS; nr = loadAcquire(words, READY)) {
    assert.notEqual(futexWait(words, READY, nr, 20_000), 'timed-out', 'the producers start')
  }
  storeRelease(words, GATE, 1)
  futexWake(words, GATE, PRODUCERS)

  const q = consumer(mem)
  const nextOf = Array.from({ length: PRODUCERS }, () => 0)
  for (let got = 0; got < PRODUCERS * EACH; ) {
    const rung = loadAcquire(words, BELL)
    const node = q.pop()
    if (node !== NONE) {
      const from = Math.floor(node / EACH)
      assert.equal(node % EACH, nextOf[from]!++)
      got++
    } else if (q.isEmpty()) {
      assert.notEqual(futexWait(words, BELL, rung, 20_000), 'timed-out', `a push into the empty queue rings, at ${got}`)
    }
  }
  assert.equal(q.pop(), NONE)
  assert.equal(q.isEmpty(), true)
  assert.deepEqual((await Promise.all(exits)).flat(), [0, 0, 0])
})
