/**
 * The pools that share a hash object: they join, leave, and are found dead. Owner threads only.
 *
 * A pool that ends without leaving, because its thread was terminated, would hold its keys for good. The other pools
 * check whether the thread exists when their work has waited for a while. Counterpart: the reference count of struct
 * io_wq_hash.
 */
import { storeRelease } from '../lib/barrier.js'
import { nowMs } from '../lib/clock.js'
import { clearTimeout, setTimeout } from '../lib/globals.js'
import {
  freeHolders,
  HASH,
  HASH_ENTRY,
  HASH_POOL,
  MAX_POOLS,
  MAX_SLOTS,
  POOL_JOINED,
  POOL_NONE,
  rouseOthers,
  type WqHash,
} from './hash.js'
import { lock, takeOverLock, unlock } from './lock.js'
import { GONE, isThreadGone, threadStart } from './proc.js'
import { currentTid } from './thread-name.js'

const STATE = HASH_POOL.at.state >> 2
const TID = HASH_POOL.at.owner_tid >> 2
const START = HASH_POOL.at.owner_start >> 2
const NEXT = HASH_ENTRY.at.next >> 2
const POOLS = HASH_ENTRY.at.pools >> 2
const KEY_HASH = HASH_ENTRY.at.hash >> 2
/** How often a pool whose work waits checks the others. */
const REAP_MS = 100
/** The lock's holder if the thread's kernel id is not known. */
const NOBODY = 1 << 29

/** One pool's place. */
export class HashSeat {
  readonly hash: WqHash
  readonly pool: number
  #lastReapMs = nowMs()
  #timer: NodeJS.Timeout | undefined

  private constructor(hash: WqHash, pool: number) {
    this.hash = hash
    this.pool = pool
  }

  /** Undefined if all places are taken. */
  static join(hash: WqHash): HashSeat | undefined {
    const { words } = hash
    const tid = currentTid()
    for (let again = false; ; again = true) {
      locked(hash)
      for (let pool = 0; pool < MAX_POOLS; pool++) {
        const p = hash.pool(pool)
        if (words[p + STATE] !== POOL_NONE) continue
        words.fill(0, hash.wake(pool, 0), hash.wake(pool, MAX_SLOTS))
        words.fill(0, p, p + (HASH_POOL.size >> 2))
        words[p + TID] = tid
        words[p + START] = Math.max(0, threadStart(tid))
        words[p + STATE] = POOL_JOINED
        const nr = hash.at(HASH.at.nr_pools)
        storeRelease(words, nr, Math.max(words[nr]!, pool + 1))
        unlocked(hash)
        return new HashSeat(hash, pool)
      }
      unlocked(hash)
      if (again) return undefined
      reapOthers(hash, -1)
    }
  }

  /** Leaves. Call it when no worker of the pool is left. */
  leave(): void {
    clearTimeout(this.#timer)
    locked(this.hash)
    remove(this.hash, this.pool)
    unlocked(this.hash)
    rouseOthers(this.hash, this.pool)
  }

  /** Work is queued: releases the keys of pools whose threads are gone, from time to time until nothing waits. */
  watch(waits: () => boolean): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.reapIfDue()
      if (waits()) this.watch(waits)
    }, REAP_MS).unref()
  }

  /** For an owner that sleeps, where no timers run. */
  reapIfDue(): void {
    if (nowMs() - this.#lastReapMs < REAP_MS) return
    this.#learnStart()
    reapOthers(this.hash, this.pool)
    this.#lastReapMs = nowMs()
  }

  /** Reads when the thread began: as the pool joined there may have been no descriptor for that. */
  #learnStart(): void {
    const { words } = this.hash
    const p = this.hash.pool(this.pool)
    if (words[p + START] !== 0 || words[p + TID] === 0) return
    locked(this.hash)
    words[p + START] = Math.max(0, threadStart(words[p + TID]!))
    unlocked(this.hash)
  }
}

/** Runs `change` under the lock of the entries. `change` must not throw. */
export function withEntries<T>(hash: WqHash, change: () => T): T {
  locked(hash)
  const result = change()
  unlocked(hash)
  return result
}

/** This thread's mark in the lock, read once, because /proc is slow. */
let mark = 0

function locked(hash: WqHash): void {
  if (mark === 0) mark = currentTid() || NOBODY
  const me = mark
  lock(hash.words, hash.at(HASH.at.lock), me, (holder) => {
    if (holder === NOBODY || !isThreadGone(holder)) return
    if (!takeOverLock(hash.words, hash.at(HASH.at.lock), holder, me)) return
    rebuild(hash)
    unlocked(hash)
  })
}

function unlocked(hash: WqHash): void {
  unlock(hash.words, hash.at(HASH.at.lock))
}

function reapOthers(hash: WqHash, pool: number): void {
  const { words } = hash
  const isDead = (other: number) => {
    const p = hash.pool(other)
    if (words[p + STATE] === POOL_NONE || words[p + TID] === 0) return false
    const start = threadStart(words[p + TID]!)
    // The id may be another thread's by now. If either start is unknown, the thread counts as alive.
    return start === GONE || (start !== 0 && words[p + START] !== 0 && start !== words[p + START])
  }
  for (let other = 0; other < MAX_POOLS; other++) {
    if (other === pool || !isDead(other)) continue
    locked(hash)
    // Another pool may have been faster.
    const dead = isDead(other)
    if (dead) remove(hash, other)
    unlocked(hash)
    if (dead) rouseOthers(hash, other)
  }
}

/** Under the lock. */
function remove(hash: WqHash, pool: number): void {
  const { words } = hash
  freeHolders(hash, pool)
  const nrTouched = words[hash.at(HASH.at.nr_touched)]!
  for (let entry = 0; entry < nrTouched; entry++) words[hash.entry(entry) + POOLS]! &= ~(1 << pool)
  rebuild(hash)
  storeRelease(words, hash.pool(pool) + STATE, POOL_NONE)
}

/** Under the lock: rebuilds the chains and the free list from the entries, whose `pools` show whether they are used. */
function rebuild(hash: WqHash): void {
  const { words } = hash
  const free = hash.at(HASH.at.free_head)
  hash.clearChains()
  words[free] = 0
  const nrTouched = words[hash.at(HASH.at.nr_touched)]!
  for (let entry = 0; entry < nrTouched; entry++) {
    const e = hash.entry(entry)
    const head = words[e + POOLS] === 0 ? free : hash.chain(words[e + KEY_HASH]!)
    words[e + NEXT] = words[head]!
    words[head] = entry + 1
  }
}
