/**
 * The tables of one io-wq as the writer check wants them. Asked for by the owner and by each worker, in test builds.
 *
 * Plain writes are not seen by the check, and words under a lock are anybody's who holds it.
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
