/**
 * The hash object that several io-wqs share: it shows which worker of which pool holds the key of a work item. One
 * SharedArrayBuffer for all; owners and workers of every pool import these tables.
 *
 *   | io_wq_hash | pool[32] | wake[32][1024] | chain[nr_chains] | entry[nr_entries] |
 *
 * An unshared pool keeps its holders in its own memory. Pools that share a hash keep them in the entries here. The wake
 * words of their workers lie here as well, because a worker that releases a key must wake workers of pools whose memory
 * it cannot see. Each account with work that waits for a key names one idle worker, which is woken. Counterpart: struct
 * io_wq_hash, and its wait queue.
 */
import { assert } from '../lib/assert.js'
import { cmpxchg, futexWake, loadAcquire, storeRelease, xchg } from '../lib/barrier.js'
import { struct } from '../lib/layout.js'

// biome-ignore format: table
export const HASH = struct('io_wq_hash', [
  'cache line: fixed at creation',
  ['magic',       'u32', 'once', 'HASH_MAGIC'],
  ['tables_hash', 'u32', 'once', 'hash over these tables'],
  'cache line: the lock of pools and entries',
  ['lock',        'u32', 'any',         'the kernel\'s id of the thread that changes them, or 0; LOCK_CONTENDED'],
  'cache line: under the lock',
  ['nr_pools',    'u32', 'lock holder', 'pool records ever used'],
  ['nr_touched',  'u32', 'lock holder', 'entries ever used'],
  ['free_head',   'u32', 'lock holder', 'entry + 1 of the first in the free list; 0: none'],
])

// biome-ignore format: table
export const HASH_POOL = struct('io_wq_hash_pool', [
  'cache line: one pool',
  ['state',         'u32', 'lock holder', 'POOL_NONE, POOL_JOINED'],
  ['owner_tid',     'u32', 'lock holder', 'the kernel\'s id of the thread that has the pool; 0 where unknown'],
  ['owner_start',   'u32', 'lock holder', 'when that thread began, in clock ticks, for ids are used again; 0: not known yet'],
  ['stall_bound',   'u32', 'any',         'slot + 1 of the idle worker that waits for a key; 0: none'],
  ['stall_unbound', 'u32', 'any',         'the same of the other account'],
])

// biome-ignore format: table
export const HASH_ENTRY = struct('io_wq_hash_entry', [
  'cache line: one key',
  ['holder', 'u32',    'record holder', 'the worker that holds the key and releases it: 0, or pool + 1 << 16 | its holder id'],
  ['next',   'u32',    'lock holder',   'entry + 1 of the next in its chain or in the free list'],
  ['pools',  'u32',    'lock holder',   'a bit for each pool with jobs of this key; 0: free'],
  ['hash',   'u32',    'lock holder',   'of the key'],
  ['kind',   'u32',    'lock holder',   'the key\'s type | bytes << 8'],
  ['key',    'u32[11]', 'lock holder',   'its bytes, or their SHA-256'],
])

const HASH_MAGIC = 0x71776f68
/** As many as a word has bits. */
export const MAX_POOLS = 32
/** Workers of one pool, at most. */
export const MAX_SLOTS = 1024
const NR_CHAINS = 65536
export const POOL_NONE = 0
export const POOL_JOINED = 1

const TABLES_HASH = (Math.imul(HASH.hash ^ HASH_POOL.hash, 31) ^ HASH_ENTRY.hash) | 0
const STALL = HASH_POOL.at.stall_bound >> 2
const POOL_WORD = HASH.size >> 2
const WAKE_WORD = POOL_WORD + MAX_POOLS * (HASH_POOL.size >> 2)
const CHAIN_WORD = WAKE_WORD + MAX_POOLS * MAX_SLOTS
const ENTRY_WORD = CHAIN_WORD + NR_CHAINS
const ENTRY_WORDS = HASH_ENTRY.size >> 2
const WAKE_YES = 1
const WAKE_ASLEEP = 2
const ALL = 0x7fff_ffff

/** The memory, and its offsets. */
export class WqHash {
  readonly words: Int32Array
  readonly #base: number

  private constructor(words: Int32Array, base: number) {
    this.words = words
    this.#base = base
  }

  /** Bytes for `nrEntries` keys that are in use at once. */
  static bytes(nrEntries: number): number {
    return (ENTRY_WORD + nrEntries * ENTRY_WORDS) * 4
  }

  /** Makes a hash in zeroed words, from `base` on. Unused entries cost no pages. */
  static create(words: Int32Array, base = 0): WqHash {
    words[base + (HASH.at.magic >> 2)] = HASH_MAGIC
    words[base + (HASH.at.tables_hash >> 2)] = TABLES_HASH
    return new WqHash(words, base)
  }

  /** Attaches to a hash on another thread. Asserts that both were built from the same tables. */
  static attach(words: Int32Array, base = 0): WqHash {
    assert(WqHash.isOne(words, base), 'this buffer is a hash of the same build')
    return new WqHash(words, base)
  }

  static isOne(words: Int32Array, base = 0): boolean {
    return words[base + (HASH.at.magic >> 2)] === HASH_MAGIC && words[base + (HASH.at.tables_hash >> 2)] === TABLES_HASH
  }

  /** A word of HASH. */
  at(offset: number): number {
    return this.#base + (offset >> 2)
  }

  pool(pool: number): number {
    return this.#base + POOL_WORD + pool * (HASH_POOL.size >> 2)
  }

  wake(pool: number, slot: number): number {
    return this.#base + WAKE_WORD + pool * MAX_SLOTS + slot
  }

  chain(hash: number): number {
    return this.#base + CHAIN_WORD + (hash & (NR_CHAINS - 1))
  }

  clearChains(): void {
    this.words.fill(0, this.chain(0), this.chain(0) + NR_CHAINS)
  }

  entry(entry: number): number {
    return this.#base + ENTRY_WORD + entry * ENTRY_WORDS
  }

  /** The word that has an entry's holder. */
  holder(entry: number): number {
    return this.entry(entry) + (HASH_ENTRY.at.holder >> 2)
  }
}

/** Bits that are or'ed into a pool's holder ids in entries. */
export function holderBits(pool: number): number {
  return (pool + 1) << 16
}

/**
 * Under the account's lock: names the idle worker to wake when a key is released. One is enough, because it passes the
 * wake on. Its wake word was reset before; it reads the holders again after.
 */
export function nameWaiter(hash: WqHash, pool: number, acct: number, slot: number): void {
  cmpxchg(hash.words, hash.pool(pool) + STALL + acct, 0, slot + 1)
}

/** Under the account's lock: a worker is no longer idle. */
export function unnameWaiter(hash: WqHash, pool: number, acct: number, slot: number): void {
  const stall = hash.pool(pool) + STALL + acct
  if (loadAcquire(hash.words, stall) === slot + 1) cmpxchg(hash.words, stall, slot + 1, 0)
}

/** Under the account's lock: nobody waits. */
export function forgetWaiter(hash: WqHash, pool: number, acct: number): void {
  xchg(hash.words, hash.pool(pool) + STALL + acct, 0)
}

/** A key was released: wakes the workers of other pools that wait for one. Any thread, no lock held. */
export function wakeWaiters(hash: WqHash, pool: number): void {
  const { words } = hash
  const nrPools = loadAcquire(words, hash.at(HASH.at.nr_pools))
  for (let other = 0; other < nrPools; other++) {
    if (other === pool) continue
    for (let acct = 0; acct < 2; acct++) {
      const stall = hash.pool(other) + STALL + acct
      const named = loadAcquire(words, stall)
      if (named !== 0 && cmpxchg(words, stall, named, 0) === named) wake(words, hash.wake(other, named - 1))
    }
  }
}

/** Wakes every sleeper of the other pools: the thread that should have woken one of them may have died. */
export function rouseOthers(hash: WqHash, pool: number): void {
  const { words } = hash
  const nrPools = words[hash.at(HASH.at.nr_pools)]!
  for (let other = 0; other < nrPools; other++) {
    if (other === pool || words[hash.pool(other) + (HASH_POOL.at.state >> 2)] === POOL_NONE) continue
    for (let slot = 0; slot < MAX_SLOTS; slot++) {
      if (loadAcquire(words, hash.wake(other, slot)) === WAKE_ASLEEP) wake(words, hash.wake(other, slot))
    }
  }
}

function wake(words: Int32Array, at: number): void {
  if (xchg(words, at, WAKE_YES) === WAKE_ASLEEP) futexWake(words, at, ALL)
}

/** Releases what a pool's workers hold, or one of them (`holder`), whose threads are gone. True if they held a key. */
export function freeHolders(hash: WqHash, pool: number, holder?: number): boolean {
  const { words } = hash
  const bits = holderBits(pool)
  const nrTouched = loadAcquire(words, hash.at(HASH.at.nr_touched))
  let freed = false
  for (let entry = 0; entry < nrTouched; entry++) {
    const held = loadAcquire(words, hash.holder(entry))
    if (holder === undefined ? held >> 16 !== pool + 1 : held !== (bits | holder)) continue
    storeRelease(words, hash.holder(entry), 0)
    freed = true
  }
  return freed
}
