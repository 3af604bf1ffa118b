/**
 * The tables of one io-wq as the writer check wants them, and who holds what in them. Asked for by the owner and by each
 * worker, in test builds.
 *
 * `holder` is who asks, by the id that locks know it by. Plain writes are not seen by the check; what stands under a lock
 * is mostly written so.
 */
import { MPSCQ } from '../lib/mpscq.js'
import type { Watched, Write } from '../lib/writers.js'
import { HASH, HASH_ENTRY, HASH_POOL, MAX_POOLS } from './hash.js'
import { acctOf } from './items.js'
import {
  ACCT,
  HOLDER_OWNER,
  HOLDER_WORKER0,
  ITEM,
  ITEM_CANCELED,
  ITEM_DONE,
  ITEM_FREE,
  ITEM_QUEUED,
  ITEM_RUNNING,
  ITEM_SLOT_SHIFT,
  ITEM_STATE_MASK,
  ITEM_TAKEN,
  NR_ACCTS,
  WORKER,
  WORKER_NONE,
  WORKER_STARTING,
  WORKER_UP,
  WQ,
  type WqMemory,
} from './layout.js'
import { LOCK_CONTENDED } from './lock.js'

const SHIFT = ITEM_SLOT_SHIFT

/** What `holder` may write. */
export function watchedTables(mem: WqMemory, holder: number): Watched[] {
  const { words, shape, itemStride } = mem
  const own = holder === HOLDER_OWNER ? undefined : holder - HOLDER_WORKER0
  const locked = (acct: number) => (words[mem.acct(acct) + (ACCT.at.lock >> 2)]! & ~LOCK_CONTENDED) === holder
  const worker = (write: Write) => holdsWorker(mem, own, locked, write)
  const item = (write: Write) =>
    write.field !== 'state' ||
    (own === undefined ? ownerMoves(mem, locked, write) : workerMoves(mem, own, locked, write))
  return [
    { words, layout: WQ, baseWord: 0 },
    { words, layout: ACCT, baseWord: mem.acctWord, count: NR_ACCTS, holds: ({ record }) => locked(record) },
    { words, layout: WORKER, baseWord: mem.workerWord, count: shape.nrSlots, holds: worker, own },
    { words, layout: MPSCQ, baseWord: mem.queueWord, count: shape.nrQueues },
    { words, layout: ITEM, baseWord: mem.itemWord, count: shape.nrItems, strideWords: itemStride, holds: item },
    ...(own === undefined ? [] : sharedHash(mem, own)),
  ]
}

/** Of a worker's record: it comes up by itself, and goes idle, is fetched and leaves under its account's lock. */
function holdsWorker(
  mem: WqMemory,
  own: number | undefined,
  locked: (acct: number) => boolean,
  { field, kind, record, before, value }: Write,
): boolean {
  const isLocked = locked(mem.words[mem.worker(record) + (WORKER.at.acct >> 2)]!)
  if (field === 'spinning') return own === undefined ? value === 0 : own === record
  // It alone resets it, in the critical section in which it found nothing; whoever wakes it exchanges.
  if (field === 'wake') return kind !== 'store' || (own === record && isLocked)
  if (field !== 'state') return isLocked
  if (value === WORKER_NONE || value === WORKER_STARTING) return own === undefined
  if (value === WORKER_UP && kind === 'xchg') return own === record && before === WORKER_STARTING
  return isLocked
}

/** What an owner makes of an item's state: queued, cancelled in a worker's hands, sent home by itself, nobody's. */
function ownerMoves(
  mem: WqMemory,
  locked: (acct: number) => boolean,
  { kind, record, before, value, extra }: Write,
): boolean {
  const low = value & ITEM_STATE_MASK
  const was = before & ITEM_STATE_MASK
  if (kind === 'cmpxchg') {
    return low === ITEM_CANCELED && (extra & ITEM_STATE_MASK) === ITEM_TAKEN && extra >> SHIFT === value >> SHIFT
  }
  if (low === ITEM_QUEUED) return locked(acctOf(mem, record))
  // Of one that a dead worker had sent: the name of its worker is taken off it.
  if (value >> SHIFT < 0) return low === was && (low === ITEM_DONE || low === ITEM_CANCELED)
  return low === ITEM_DONE && was === ITEM_FREE
}

/** What a worker makes of it: taken under the lock, begun unless it was cancelled, done; of its own items alone. */
function workerMoves(
  mem: WqMemory,
  own: number,
  locked: (acct: number) => boolean,
  { kind, record, before, value, extra }: Write,
): boolean {
  const mine = own << SHIFT
  if (kind === 'cmpxchg') return extra === (ITEM_TAKEN | mine) && value === (ITEM_RUNNING | mine)
  if (value === (ITEM_TAKEN | mine)) return before === ITEM_QUEUED && locked(acctOf(mem, record))
  return value === (ITEM_DONE | mine) && before === (ITEM_RUNNING | mine)
}

/** Where the hash is shared: a worker takes keys that are free, and lets go of its own. */
function sharedHash(mem: WqMemory, own: number): Watched[] {
  if (mem.sharedHash === undefined) return []
  const { hash } = mem.sharedHash
  const { words } = hash
  const mark = mem.holderMark(own)
  const holds = ({ field, kind, before, value, extra }: Write) =>
    field === 'holder' && (kind === 'cmpxchg' ? extra === 0 && value === mark : value === 0 && before === mark)
  const count = Math.floor((words.length - hash.entry(0)) / (HASH_ENTRY.size >> 2))
  const never = () => false
  return [
    { words, layout: HASH, baseWord: hash.at(0), holds: never },
    { words, layout: HASH_POOL, baseWord: hash.pool(0), count: MAX_POOLS, holds: never },
    { words, layout: HASH_ENTRY, baseWord: hash.entry(0), count, holds },
  ]
}
