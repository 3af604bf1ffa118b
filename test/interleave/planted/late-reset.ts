/**
 * Planted: mpscq whose pop clears the stub's link only once it has swung the tail back. A producer that pushed meanwhile
 * has linked there, and its node is lost. Runs on the explorer's threads.
 */
import { cmpxchg, loadAcquire, storeRelease } from '../../../src/lib/barrier.js'
import { type Consumer, MPSCQ, type MpscqMemory, NONE, consumer as realConsumer } from '../../../src/lib/mpscq.js'

export { producer } from '../../../src/lib/mpscq.js'

const STUB = -2

export function consumer(mem: MpscqMemory): Consumer {
  const { words, queueWord, linkWord, strideWords } = mem
  const tail = queueWord + (MPSCQ.at.tail >> 2)
  const stubNext = queueWord + (MPSCQ.at.stub_next >> 2)
  const cursor = queueWord + (MPSCQ.at.cursor >> 2)
  return {
    ...realConsumer(mem),
    pop() {
      let node = words[cursor]!
      if (node === STUB) {
        node = loadAcquire(words, stubNext)
        if (node === NONE) return NONE
        words[cursor] = node
      }
      const next = loadAcquire(words, linkWord + node * strideWords)
      if (next !== NONE) {
        words[cursor] = next
        return node
      }
      if (cmpxchg(words, tail, node, STUB) !== node) return NONE
      storeRelease(words, stubNext, NONE)
      words[cursor] = STUB
      return node
    },
  }
}
