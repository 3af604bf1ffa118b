/**
 * The tables of one io-wq for the writer check. The owner and each worker ask for them, in test builds.
 *
 * The check does not see plain writes, nor does it know the holder of a lock.
 */
import { MPSCQ } from '../lib/mpscq.js'
import type { Watched } from '../lib/writers.js'
import { ACCT, ITEM, NR_ACCTS, WORKER, WQ, type WqMemory } from './layout.js'

export function watchedTables(mem: WqMemory): Watched[] {
  const { words, shape, itemStride } = mem
  return [
    { words, layout: WQ, baseWord: 0 },
    { words, layout: ACCT, baseWord: mem.acctWord, count: NR_ACCTS },
    { words, layout: WORKER, baseWord: mem.workerWord, count: shape.nrSlots },
    { words, layout: MPSCQ, baseWord: mem.queueWord, count: shape.nrQueues },
    { words, layout: ITEM, baseWord: mem.itemWord, count: shape.nrItems, strideWords: itemStride },
  ]
}
