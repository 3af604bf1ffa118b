/**
 * The task work queue under the explorer: two producers and a consumer, on src/lib/mpscq.ts or on a planted variant.
 *
 * The check knows the queue only from outside: from the trace it takes the exchanges of the tail, which fix the order,
 * and holds against it what pop, push and isEmpty said, each dated by the step that it was said at.
 */
import assert from 'node:assert/strict'
import { fetchAdd, futexWait, futexWake, loadAcquire } from '../../src/lib/barrier.js'
import * as mpscq from '../../src/lib/mpscq.js'
import type { Step } from './explorer.js'
import { stepNumber, yieldStep } from './hold.js'
import * as eagerPop from './planted/eager-pop.js'
import * as lateReset from './planted/late-reset.js'
import * as tornPush from './planted/torn-push.js'

const { MPSCQ, NONE } = mpscq
const QUEUES = { real: mpscq, tornPush, eagerPop, lateReset }

export interface Arg {
  queue: keyof typeof QUEUES
  /** Nodes that each of the two producers pushes. */
  each: number
  /** How often the consumer pops; the polling and the sleeping one go on until they have all. */
  pops: number
}

const NR_PRODUCERS = 2
const MAX_NODES = 16
const LINKS = MPSCQ.size >> 2
const BELL = LINKS + MAX_NODES
const TAIL = MPSCQ.at.tail >> 2
export const MEMORY_BYTES = (BELL + 1) * 4

type Pushed = { node: number; first: boolean; at: number }
type Popped = { node: number; from: number; at: number }
type Asked = { empty: boolean; at: number }
type Consumed = { popped: Popped[]; asked: Asked[] }

export function setup(memory: SharedArrayBuffer): void {
  mpscq.init(memoryOf(memory))
}

export function producer(memory: SharedArrayBuffer, { queue, each }: Arg, thread: number): Pushed[] {
  const q = QUEUES[queue].producer(memoryOf(memory))
  return Array.from({ length: each }, (_, i) => {
    const node = thread * each + i
    return { node, first: q.push(node), at: stepNumber() }
  })
}

/** Pushes, and where the queue was empty rings for the consumer. */
export function ringingProducer(memory: SharedArrayBuffer, { queue, each }: Arg, thread: number): Pushed[] {
  const mem = memoryOf(memory)
  const q = QUEUES[queue].producer(mem)
  return Array.from({ length: each }, (_, i) => {
    const node = thread * each + i
    const first = q.push(node)
    const at = stepNumber()
    if (first) {
      fetchAdd(mem.words, BELL, 1)
      futexWake(mem.words, BELL, 1)
    }
    return { node, first, at }
  })
}

/** Pops a number of times, and asks after each NONE. */
export function consumer(memory: SharedArrayBuffer, { queue, pops }: Arg): Consumed {
  const eyes = open(memory, queue)
  for (let i = 0; i < pops; i++) if (eyes.pop() === NONE) eyes.isEmpty()
  return eyes
}

/** Pops until it has all, and gives way after each NONE. */
export function pollingConsumer(memory: SharedArrayBuffer, { queue, each }: Arg): Consumed {
  const eyes = open(memory, queue)
  for (let got = 0; got < each * NR_PRODUCERS; ) {
    if (eyes.pop() !== NONE) got++
    else {
      eyes.isEmpty()
      yieldStep()
    }
  }
  return eyes
}

/** Pops until it has all, and sleeps while the queue is empty. */
export function sleepingConsumer(memory: SharedArrayBuffer, { queue, each }: Arg): Consumed {
  const { words } = memoryOf(memory)
  const eyes = open(memory, queue)
  for (let got = 0; ; ) {
    const rung = loadAcquire(words, BELL)
    while (eyes.pop() !== NONE) got++
    if (got === each * NR_PRODUCERS) return eyes
    if (eyes.isEmpty()) futexWait(words, BELL, rung, Number.POSITIVE_INFINITY)
    else yieldStep()
  }
}

/** Planted: takes NONE for empty. A producer that links late does not ring, and its nodes are never popped. */
export function sleepingOnNone(memory: SharedArrayBuffer, { queue, each }: Arg): Consumed {
  const { words } = memoryOf(memory)
  const eyes = open(memory, queue)
  for (let got = 0; ; ) {
    const rung = loadAcquire(words, BELL)
    while (eyes.pop() !== NONE) got++
    if (got === each * NR_PRODUCERS) return eyes
    futexWait(words, BELL, rung, Number.POSITIVE_INFINITY)
  }
}

/** Invariant 11 of ARCHITECTURE.md. */
export function check(memory: SharedArrayBuffer, results: unknown[], trace: Step[], { queue, each }: Arg): void {
  const pushed = (results.slice(0, NR_PRODUCERS) as Pushed[][]).flat()
  const { popped, asked } = results[NR_PRODUCERS] as Consumed
  const handed = popped.filter(({ node }) => node !== NONE)

  // The step that fixes a node's place, and the one that links it to the node before.
  const isProducer = ({ thread }: Step) => thread < NR_PRODUCERS
  const exchanges = trace.flatMap((step, at) => (isProducer(step) && writesTail(step) ? { node: step.value, at } : []))
  const linkedAt = (node: number) =>
    trace.findIndex((s) => isProducer(s) && s.kind === 'store' && s.word !== TAIL && s.value === node)
  const queuedAt = (at: number) => exchanges.filter((x) => x.at <= at).length - handed.filter((h) => h.at <= at).length

  const order = exchanges.map(({ node }) => node)
  assert.equal(order.length, NR_PRODUCERS * each, 'each push exchanges the tail once')
  for (const { node, first, at } of pushed) {
    const before = exchanges.find((x) => x.node === node)!.at - 1
    assert(at > before)
    assert.equal(first, queuedAt(before) === 0, `push(${node}) says whether the queue was empty`)
  }
  for (const { empty, at } of asked) assert.equal(empty, queuedAt(at) === 0, `isEmpty() after step ${at}`)
  for (const { node, from, at } of popped) {
    if (node !== NONE || queuedAt(at) === 0) continue
    const midPush = exchanges.some((x) => x.at <= at && linkedAt(x.node) > from)
    assert(midPush, `NONE after step ${at} needs an empty queue or a producer between its steps`)
  }
  const left = drain(memory, queue)
  assert.deepEqual(
    [...handed.map(({ node }) => node), ...left],
    order,
    'all nodes, once, in the order of the exchanges',
  )
  for (let p = 0; p < NR_PRODUCERS; p++) {
    const own = order.filter((node) => Math.floor(node / each) === p)
    assert.deepEqual(
      own,
      own.toSorted((a, b) => a - b),
      'each producer’s nodes in its order',
    )
  }
}

function writesTail({ kind, word }: Step): boolean {
  return word === TAIL && (kind === 'xchg' || kind === 'store')
}

function drain(memory: SharedArrayBuffer, queue: Arg['queue']): number[] {
  const q = QUEUES[queue].consumer(memoryOf(memory))
  const left: number[] = []
  for (let node = q.pop(); node !== NONE; node = q.pop()) {
    left.push(node)
    assert(left.length <= MAX_NODES, 'the queue has no end')
  }
  assert(q.isEmpty(), 'nothing is left when nobody pushes')
  return left
}

function memoryOf(memory: SharedArrayBuffer): mpscq.MpscqMemory {
  return { words: new Int32Array(memory), queueWord: 0, linkWord: LINKS, strideWords: 1 }
}

/** A consumer that dates what it sees. */
function open(memory: SharedArrayBuffer, queue: Arg['queue']): Consumed & Pick<mpscq.Consumer, 'pop' | 'isEmpty'> {
  const q = QUEUES[queue].consumer(memoryOf(memory))
  const popped: Popped[] = []
  const asked: Asked[] = []
  return {
    popped,
    asked,
    pop() {
      const from = stepNumber()
      const node = q.pop()
      popped.push({ node, from, at: stepNumber() })
      return node
    },
    isEmpty() {
      const empty = q.isEmpty()
      asked.push({ empty, at: stepNumber() })
      return empty
    },
  }
}
