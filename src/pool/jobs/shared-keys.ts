/**
 * Keys that pools of several threads have in common, exactly: as strings of bytes in a table they share. Owner threads.
 *
 * A key has an entry while jobs of any pool carry it, or a pool keeps its bucket for it, and the entry says whose worker
 * has it. Counterpart: the hash_map of a ring, which the io-wqs of all its threads share; with 64 buckets, where
 * strangers collide.
 */
import { createHash } from 'node:crypto'
import { Buffer } from '../../lib/globals.js'
import { HASH, HASH_ENTRY, MAX_POOLS, WqHash } from '../../wq/hash.js'
import { HashSeat, withEntries } from '../../wq/hash-pools.js'
import { poolError } from '../values/failure.js'
import { NR_BUCKETS, type SharedKeySeat } from './keys.js'

const NEXT = HASH_ENTRY.at.next >> 2
const POOLS = HASH_ENTRY.at.pools >> 2
const KEY_HASH = HASH_ENTRY.at.hash >> 2
const KIND = HASH_ENTRY.at.kind >> 2
const KEY = HASH_ENTRY.at.key >> 2
const KEY_WORDS = (HASH_ENTRY.size - HASH_ENTRY.at.key) >> 2
/** As many as all pools can have. Those never used cost no pages. */
const NR_ENTRIES = MAX_POOLS * NR_BUCKETS

const KIND_STRING = 1
const KIND_NUMBER = 2
const KIND_BIGINT = 3
const KIND_OTHER = 4
/** The bytes are a digest of the key's, which are too many. */
const KIND_DIGEST = 8

/**
 * Makes one key mean the same in pools of several threads: of all jobs that carry it, in whichever of these pools, one
 * runs at a time. Give it to each pool as option `keys`, 32 pools at once at most; for another thread send its `buffer`
 * there. Jobs of one pool keep their order; between pools there is none. Keys are then strings, numbers, bigints,
 * booleans or null: values of which another thread can have the same.
 *
 *     // one thread                               // another, of the same process
 *     const keys = new SharedKeys()               const keys = new SharedKeys(workerData.buffer)
 *     const pool = new Pool(jobs, { keys })       const pool = new Pool(jobs, { keys })
 */
export class SharedKeys {
  /** What another thread makes its SharedKeys from. */
  readonly buffer: SharedArrayBuffer
  readonly #hash: WqHash

  /** Throws ERR_INVALID_ARG_TYPE if the buffer is not that of a SharedKeys of this version. */
  constructor(buffer?: SharedArrayBuffer) {
    if (buffer !== undefined && !isSharedKeys(buffer)) {
      throw poolError('ERR_INVALID_ARG_TYPE', 'the buffer is not that of SharedKeys')
    }
    this.buffer = buffer ?? new SharedArrayBuffer(WqHash.bytes(NR_ENTRIES))
    const words = new Int32Array(this.buffer)
    this.#hash = buffer === undefined ? WqHash.create(words) : WqHash.attach(words)
  }

  /** What a pool does as it is made. Throws ERR_OUT_OF_RANGE when 32 pools have these keys. */
  join(): SharedKeySeat {
    const seat = HashSeat.join(this.#hash)
    if (seat === undefined) throw poolError('ERR_OUT_OF_RANGE', '32 pools at most share their keys')
    const table = new Entries(this.#hash, seat.pool)
    return {
      hashSeat: seat,
      take: (key) => this.#hash.holder(table.take(key)),
      drop: (key) => table.drop(key),
    }
  }
}

function isSharedKeys(buffer: unknown): boolean {
  return buffer instanceof SharedArrayBuffer && buffer.byteLength % 4 === 0 && WqHash.isOne(new Int32Array(buffer))
}

/** The entries, as one pool takes and drops them. */
class Entries {
  readonly #hash: WqHash
  readonly #bit: number
  readonly #bytes = new Uint8Array(KEY_WORDS * 4)
  readonly #key = new Int32Array(this.#bytes.buffer)
  #kind = 0
  #keyHash = 0

  constructor(hash: WqHash, pool: number) {
    this.#hash = hash
    this.#bit = 1 << pool
  }

  take(key: unknown): number {
    this.#read(key)
    return withEntries(this.#hash, () => {
      const { words } = this.#hash
      const found = words[this.#findLink()]!
      const entry = found === 0 ? this.#add() : found - 1
      words[this.#hash.entry(entry) + POOLS]! |= this.#bit
      return entry
    })
  }

  drop(key: unknown): void {
    this.#read(key)
    withEntries(this.#hash, () => {
      const { words } = this.#hash
      const link = this.#findLink()
      const found = words[link]!
      if (found === 0) return
      const e = this.#hash.entry(found - 1)
      words[e + POOLS]! &= ~this.#bit
      if (words[e + POOLS] !== 0) return
      // A worker may have the entry in hand a moment longer: a new key in it then waits for that, no more.
      const free = this.#hash.at(HASH.at.free_head)
      words[link] = words[e + NEXT]!
      words[e + NEXT] = words[free]!
      words[free] = found
    })
  }

  /** The word that says which entry has the key read last: a link of its chain, or the chain's end. */
  #findLink(): number {
    const { words } = this.#hash
    let link = this.#hash.chain(this.#keyHash)
    while (words[link] !== 0 && !this.#isAt(this.#hash.entry(words[link]! - 1))) {
      link = this.#hash.entry(words[link]! - 1) + NEXT
    }
    return link
  }

  #isAt(e: number): boolean {
    const { words } = this.#hash
    if (words[e + KEY_HASH] !== this.#keyHash || words[e + KIND] !== this.#kind) return false
    return this.#key.every((word, i) => words[e + KEY + i] === word)
  }

  /** An entry for the key read last. There is one: each pool has at most so many keys. */
  #add(): number {
    const hash = this.#hash
    const { words } = hash
    const free = hash.at(HASH.at.free_head)
    const touched = hash.at(HASH.at.nr_touched)
    const head = words[free]!
    const entry = head === 0 ? words[touched]! : head - 1
    const e = hash.entry(entry)
    if (head === 0) words[touched] = entry + 1
    else words[free] = words[e + NEXT]!
    words[e + KEY_HASH] = this.#keyHash
    words[e + KIND] = this.#kind
    words.set(this.#key, e + KEY)
    const chain = hash.chain(this.#keyHash)
    words[e + NEXT] = words[chain]!
    words[chain] = entry + 1
    return entry
  }

  /** Takes a key's bytes down. */
  #read(key: unknown): void {
    const [type, bytes] = bytesOf(key)
    const isLong = bytes.byteLength > this.#bytes.byteLength
    this.#bytes.fill(0)
    this.#bytes.set(isLong ? createHash('sha256').update(bytes).digest() : bytes)
    this.#kind = type | (isLong ? KIND_DIGEST : 0) | (bytes.byteLength << 8)
    let hash = this.#kind
    for (const word of this.#key) hash = Math.imul(hash ^ word, 0x01000193) ^ (word >>> 15)
    this.#keyHash = hash ^ (hash >>> 16)
  }
}

function bytesOf(key: unknown): [type: number, bytes: Uint8Array] {
  // As the strings are, lone surrogates and all.
  if (typeof key === 'string') return [KIND_STRING, Buffer.from(key, 'utf16le')]
  // -0 and 0 are one key, as in a Map.
  if (typeof key === 'number' && !Number.isNaN(key))
    return [KIND_NUMBER, new Uint8Array(new Float64Array([key + 0]).buffer)]
  if (typeof key === 'bigint') return [KIND_BIGINT, Buffer.from(key.toString(36))]
  return [KIND_OTHER, Buffer.from(String(key))]
}
