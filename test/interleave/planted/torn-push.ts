/**
 * Planted: mpscq whose push loads and stores the tail where the real one exchanges it. Two producers that load the same
 * tail link behind the same node, and one chain is lost. Runs on the explorer's threads.
 */
import { loadAcquire, storeRelease } from '../../../src/lib/barrier.js'
import { MPSCQ, type MpscqMemory, NONE, type Producer } from '../../../src/lib/mpscq.js'

export { consumer } from '../../../src/lib/mpscq.js'

const STUB = -2

export function producer({ words, queueWord, linkWord, strideWords }: MpscqMemory): Producer {
  const tail = queueWord + (MPSCQ.at.tail >> 2)
  const stubNext = queueWord + (MPSCQ.at.stub_next >> 2)
  return {
    push(node) {
      storeRelease(words, linkWord + node * strideWords, NONE)
      const old = loadAcquire(words, tail)
      storeRelease(words, tail, node)
      storeRelease(words, old === STUB ? stubNext : linkWord + old * strideWords, node)
      return old === STUB
    },
  }
}
