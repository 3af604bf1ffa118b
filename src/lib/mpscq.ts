/**
 * mpscq: a wait-free FIFO of indexes, many producers, one consumer. Producers run on any thread, the consumer on one.
 *
 * Nodes are records of a slab; the queue uses one link word in each. Counterpart: the kernel's io_uring/mpscq.h, after
 * Dmitry Vyukov's intrusive node-based MPSC queue (1024cores.net).
 *
 *        cursor                      tail
 *          v                           v
 *        [stub] -> [a] -> [b] -> ... [n]        push: old = xchg(tail, n); old.next = n
 *
 * A node's link word is written by its successor's producer until that producer has linked, so a node is handed out
 * only once its link is set or the tail has been swung back to the stub.
 */
import { cmpxchg, loadAcquire, storeRelease, xchg } from './barrier.js'
import { struct } from './layout.js'

// biome-ignore format: table
export const MPSCQ = struct('mpscq', [
  'cache line: producers exchange here',
  ['tail',      'u32', 'any',           'the node pushed last, or STUB'],
  ['stub_next', 'u32', 'record holder', 'link word of the stub node'],
  'cache line: the consumer alone',
  ['cursor',    'u32', 'owner',         'the next node to look at, or STUB'],
])

/** No node: the end of a chain, and what pop returns when it has no node. */
export const NONE = -1
const STUB = -2

const TAIL = MPSCQ.at.tail >> 2
const STUB_NEXT = MPSCQ.at.stub_next >> 2
const CURSOR = MPSCQ.at.cursor >> 2

/**
 * Where a queue lives: `words` holds both the queue at `queueWord` and every node's link at
 * `linkWord + node * strideWords`.
 */
export interface MpscqMemory {
  readonly words: Int32Array
  readonly queueWord: number
  readonly linkWord: number
  readonly strideWords: number
}

/** Makes the memory an empty queue. Call it before the memory is shared. */
export function init(mem: MpscqMemory): void {
  storeRelease(mem.words, mem.queueWord + STUB_NEXT, NONE)
  storeRelease(mem.words, mem.queueWord + CURSOR, STUB)
  storeRelease(mem.words, mem.queueWord + TAIL, STUB)
}

export interface Producer {
  /** Appends a node. True iff the queue was empty, so exactly one pusher per edge wakes the consumer. Wait-free. */
  push(node: number): boolean
}

export interface Consumer {
  /** The oldest node, or NONE: the queue is empty, or a producer is between its two steps (then isEmpty() is false). */
  pop(): number
  /** True iff every pushed node has been handed out. A consumer may sleep only on this, never on a NONE. */
  isEmpty(): boolean
  /** The node pushed last, or a negative number: a repair mends it last. */
  tail(): number
  /** The node linked behind a queued one, or NONE. */
  next(node: number): number
  /**
   * Links `node` where the consumer is stuck, in place of a producer that died between its two steps. Call it only when
   * pop() returns NONE, isEmpty() is false, and no living producer is mid-push.
   */
  mend(node: number): void
}

export function producer(mem: MpscqMemory): Producer {
  const { words, queueWord, linkWord, strideWords } = mem
  const tail = queueWord + TAIL
  const stubNext = queueWord + STUB_NEXT
  return {
    push(node) {
      storeRelease(words, linkWord + node * strideWords, NONE)
      // Fixes this node's place in the order, and publishes the node's record to the consumer.
      const old = xchg(words, tail, node)
      // Between the exchange and this store the node is the tail but not linked: pop returns NONE.
      storeRelease(words, old === STUB ? stubNext : linkWord + old * strideWords, node)
      return old === STUB
    },
  }
}

export function consumer(mem: MpscqMemory): Consumer {
  const { words, queueWord, linkWord, strideWords } = mem
  const tail = queueWord + TAIL
  const stubNext = queueWord + STUB_NEXT
  const cursorWord = queueWord + CURSOR
  return {
    pop() {
      let node = words[cursorWord]!
      if (node === STUB) {
        node = loadAcquire(words, stubNext)
        if (node === NONE) return NONE
        // Nobody else uses the stub now: the producer that linked behind it has finished.
        storeRelease(words, stubNext, NONE)
        words[cursorWord] = node
      }
      const next = loadAcquire(words, linkWord + node * strideWords)
      if (next !== NONE) {
        words[cursorWord] = next
        return node
      }
      // This is the last linked node. Either it is the tail and the queue becomes empty, or a producer is mid-push
      // behind it.
      if (cmpxchg(words, tail, node, STUB) !== node) return NONE
      words[cursorWord] = STUB
      return node
    },
    isEmpty() {
      return words[cursorWord] === STUB && loadAcquire(words, tail) === STUB
    },
    tail() {
      return loadAcquire(words, tail)
    },
    next(node) {
      return loadAcquire(words, linkWord + node * strideWords)
    },
    mend(node) {
      const at = words[cursorWord]!
      storeRelease(words, at === STUB ? stubNext : linkWord + at * strideWords, node)
    },
  }
}
