/**
 * The shared memory of an io-wq: one SharedArrayBuffer. Every thread of the pool imports these tables.
 *
 *   | io_wq | acct[2] | worker[nr_slots] | queue[nr_queues] | hash[nr_buckets] | item[nr_items] |
 *
 * The slab of items is the truth: when a worker dies inside a critical section, lists, tails and counts are rebuilt
 * from the items' states. Counterpart: struct io_wq, io_wq_acct, io_worker, io_wq_hash and io_wq_work.
 */
import { assert } from '../lib/assert.js'
import { struct } from '../lib/layout.js'
import { MPSCQ } from '../lib/mpscq.js'
import { holderBits, MAX_SLOTS, type WqHash } from './hash.js'

// biome-ignore format: table
export const WQ = struct('io_wq', [
  'cache line: fixed at creation',
  ['magic',          'u32', 'once', 'MAGIC'],
  ['tables_hash',    'u32', 'once', 'hash over every table, the payload\'s included'],
  ['nr_slots',       'u32', 'once', 'worker slots'],
  ['nr_queues',      'u32', 'once', 'task-work queues'],
  ['nr_buckets',     'u32', 'once', 'hash buckets'],
  ['nr_items',       'u32', 'once', 'work items'],
  ['payload_bytes',  'u32', 'once', 'bytes of each item that belong to the embedder'],
  ['idle_ms',        'u32', 'once', 'idle timeout'],
  ['spin_us',        'u32', 'once', 'how long an idle worker spins before it sleeps'],
  ['owner_tid',      'u32', 'once', 'the kernel\'s id of the owner thread, for worker names'],
  ['max_running',    'u32', 'once', 'workers that may run at once: more are woken only when one blocks'],
  ['max_spinning',   'u32', 'once', 'idle workers that may spin at once'],
  ['patience_ns',    'u32', 'once', 'how long queued work may wait for busy workers before one more is woken'],
  ['hash_pool',      'u32', 'once', 'if the hash is shared: this pool\'s place there + 1'],
  'cache line: state',
  ['state',          'u32', 'any',  'WQ_EXIT, WQ_EXIT_ON_IDLE'],
  ['nr_spinning',    'u32', 'any',  'idle workers that spin now'],
  ['affinity_seq',   'u32', 'owner', 'changes of affinity: a worker made before the last one leaves when idle'],
  'cache line: the owner asleep',
  ['owner_wait',     'u32', 'any',  'OWNER_AWAKE, or how many items the sleeping owner waits for'],
])

// biome-ignore format: table
export const ACCT = struct('io_wq_acct', [
  'cache line: the lock',
  ['lock',        'u32', 'any',         'holder of the words below: 0, or holder id; LOCK_CONTENDED'],
  'cache line: under the lock',
  ['head',        'u32', 'lock holder', 'first queued item'],
  ['tail',        'u32', 'lock holder', 'last queued item'],
  ['nr_queued',   'u32', 'lock holder', 'items in the list'],
  ['stalled',     'u32', 'lock holder', '1: all queued items wait for busy buckets'],
  ['free_head',   'u32', 'lock holder', 'idle workers, the last to go idle first'],
  ['nr_workers',  'u32', 'lock holder', 'workers alive or being created'],
  ['max_workers', 'u32', 'owner',       'limit for creation'],
  ['min_workers', 'u32', 'once',        'so many idle workers stay'],
  ['nr_running',  'u32', 'lock holder', 'workers up and not blocked, or being created'],
  ['nr_waking',   'u32', 'lock holder', 'idle workers that were woken and have not looked yet'],
  ['item_ns',     'u32', 'lock holder', 'a worker\'s time for an item, a moving average; at most ITEM_NS_MAX counts'],
])

// biome-ignore format: table
export const WORKER = struct('io_worker', [
  'cache line: one worker slot',
  ['state',     'u32', 'record holder', 'WORKER_NONE, _STARTING, _UP, _IDLE, _GONE'],
  ['wake',      'u32', 'record holder', 'WAKE_NO, WAKE_YES, WAKE_ASLEEP; unused if the hash is shared, which then has it'],
  ['free_next', 'u32', 'lock holder',   'next idle worker'],
  ['acct',      'u32', 'owner',         'the account it serves'],
  ['affinity_seq', 'u32', 'owner',      'affinity_seq when it was made'],
  ['current',   'u32', 'worker',        'the item it runs, or NONE'],
  ['work_seq',  'u32', 'worker',        'items begun: unchanged between two samples means stuck in one'],
  ['blocked',   'u32', 'lock holder',   '1: seen blocked and taken out of nr_running'],
  ['tid',       'u32', 'worker',        'the kernel\'s id of the thread, 0 where unknown'],
  ['spinning',  'u32', 'record holder', '1: counted in nr_spinning; of a dead worker the owner resets it'],
  ['nr_async',  'u32', 'worker',        'async items it runs beside the one in hand'],
])

// biome-ignore format: table
export const ITEM = struct('io_wq_work', [
  ['next',    'u32', 'record holder', 'list link: the item behind'],
  ['prev',    'u32', 'record holder', 'list link: the item before; as task work, its worker\'s work_seq when it was pushed'],
  ['tw_next', 'u32', 'record holder', 'link in a task-work queue; while queued, the first of a run names the last here, and the last the first'],
  ['state',   'u32', 'record holder', 'ITEM_* | worker slot << ITEM_SLOT_SHIFT; from TAKEN on a compare-exchange cancels or begins it'],
  ['flags',   'u32', 'owner',         'IO_WQ_WORK_*'],
  ['bucket',  'u32', 'owner',         'hash bucket, if IO_WQ_WORK_HASHED'],
  ['seq',     'u32', 'owner',         'order of enqueueing'],
  ['queue',   'u32', 'owner',         'the task-work queue on which it is pushed when it ends'],
])

export const MAGIC = 0x71776f69

/** WQ.state bits. */
export const WQ_EXIT = 1
export const WQ_EXIT_ON_IDLE = 2

export const OWNER_AWAKE = 0

/** ACCT.item_ns at first, and the most that one item counts: one pause of a thread must not weigh too much. */
export const ITEM_NS_MAX = 100_000

/** Accounts, by index. */
export const ACCT_BOUND = 0
export const ACCT_UNBOUND = 1
export const NR_ACCTS = 2

export const WORKER_NONE = 0
export const WORKER_STARTING = 1
export const WORKER_UP = 2
export const WORKER_IDLE = 3
export const WORKER_GONE = 4

export const WAKE_NO = 0
export const WAKE_YES = 1
export const WAKE_ASLEEP = 2

/** ITEM.state, low bits; from TAKEN on the bits above name the worker's slot. */
export const ITEM_FREE = 0
export const ITEM_QUEUED = 1
/** Off the list, in a worker's hands, not begun. */
export const ITEM_TAKEN = 2
export const ITEM_RUNNING = 3
/** Ended: task work of its queue. */
export const ITEM_DONE = 4
/** Cancelled while TAKEN: it never runs, and becomes task work for its record alone. */
export const ITEM_CANCELED = 5
export const ITEM_STATE_MASK = 7
export const ITEM_SLOT_SHIFT = 3

/** ITEM.flags. */
export const IO_WQ_WORK_CANCEL = 1
export const IO_WQ_WORK_HASHED = 2
export const IO_WQ_WORK_UNBOUND = 4
export const IO_WQ_WORK_CONCURRENT = 16
/** The owner must act as soon as this item is task work: it is woken though it waits for more. */
export const IO_WQ_WORK_FORCE_WAKE = 32
/** The embedder guarantees that no other item of this bucket is queued. */
export const IO_WQ_WORK_ALONE = 64
/** The embedder's own flags, from this bit on. */
export const IO_WQ_WORK_EMBEDDER = 256

/** Lock holder ids: 0 is free, 1 the owner, slot + 2 a worker. */
export const HOLDER_OWNER = 1
export const HOLDER_WORKER0 = 2

const MPSCQ_WORDS = MPSCQ.size >> 2

export interface WqShape {
  readonly nrSlots: number
  readonly nrQueues: number
  readonly nrBuckets: number
  readonly nrItems: number
  readonly payloadBytes: number
  /** Hash of the embedder's payload table. */
  readonly payloadHash: number
}

/** A hash object shared with other pools, and this pool's place in it. */
export interface SharedHash {
  readonly hash: WqHash
  readonly pool: number
}

/** Word offsets of everything in one pool's memory, and the views on it. */
export class WqMemory {
  readonly sab: SharedArrayBuffer
  readonly words: Int32Array
  readonly shape: WqShape
  readonly acctWord: number
  readonly workerWord: number
  readonly queueWord: number
  readonly hashWord: number
  readonly itemWord: number
  readonly itemStride: number
  readonly payloadOffset: number
  /** Set if the hash is shared. Then the words at hashWord have the offset of each bucket's holder. */
  readonly sharedHash: SharedHash | undefined
  /** The memory of holders and wake words: this memory, or the shared hash's. */
  readonly hashWords: Int32Array
  readonly #holderBits: number
  readonly #wakeWord: number
  readonly #wakeStride: number

  private constructor(sab: SharedArrayBuffer | undefined, shape: WqShape, shared?: SharedHash) {
    this.shape = shape
    assert(shared === undefined || shape.nrSlots <= MAX_SLOTS, 'a shared hash has a wake word for each worker')
    this.acctWord = WQ.size >> 2
    this.workerWord = this.acctWord + NR_ACCTS * (ACCT.size >> 2)
    this.queueWord = this.workerWord + shape.nrSlots * (WORKER.size >> 2)
    this.hashWord = this.queueWord + shape.nrQueues * MPSCQ_WORDS
    const itemsBytes = Math.ceil(((this.hashWord + shape.nrBuckets) * 4) / 64) * 64
    this.itemWord = itemsBytes >> 2
    this.payloadOffset = ITEM.size >> 2
    this.itemStride = (Math.ceil((ITEM.size + shape.payloadBytes) / 64) * 64) >> 2
    const bytes = itemsBytes + shape.nrItems * this.itemStride * 4
    this.sab = sab ?? new SharedArrayBuffer(bytes)
    assert(this.sab.byteLength >= bytes, 'the pool memory has the size its shape says')
    this.words = new Int32Array(this.sab)
    this.sharedHash = shared
    this.hashWords = shared?.hash.words ?? this.words
    this.#holderBits = shared === undefined ? 0 : holderBits(shared.pool)
    this.#wakeWord = shared?.hash.wake(shared.pool, 0) ?? this.workerWord + (WORKER.at.wake >> 2)
    this.#wakeStride = shared === undefined ? WORKER.size >> 2 : 1
  }

  /** New memory, or zeroed `sab`, with the fixed words written. Untouched records cost no pages. */
  static create(shape: WqShape, sab?: SharedArrayBuffer, shared?: SharedHash): WqMemory {
    const memory = new WqMemory(sab, shape, shared)
    const { words } = memory
    words[WQ.at.magic >> 2] = MAGIC
    words[WQ.at.tables_hash >> 2] = tablesHash(shape.payloadHash)
    words[WQ.at.nr_slots >> 2] = shape.nrSlots
    words[WQ.at.nr_queues >> 2] = shape.nrQueues
    words[WQ.at.nr_buckets >> 2] = shape.nrBuckets
    words[WQ.at.nr_items >> 2] = shape.nrItems
    words[WQ.at.payload_bytes >> 2] = shape.payloadBytes
    words[WQ.at.hash_pool >> 2] = shared === undefined ? 0 : shared.pool + 1
    return memory
  }

  /**
   * Attaches to the memory on another thread; `hash` if it is shared. Asserts that both sides were built from the same
   * tables.
   */
  static attach(sab: SharedArrayBuffer, payloadHash: number, hash?: WqHash): WqMemory {
    const words = new Int32Array(sab)
    assert(words[WQ.at.magic >> 2] === MAGIC, 'this buffer is an io-wq')
    assert(words[WQ.at.tables_hash >> 2] === tablesHash(payloadHash), 'owner and worker are of one build')
    const pool = words[WQ.at.hash_pool >> 2]! - 1
    assert(pool < 0 === (hash === undefined), 'a shared hash is there if it is named')
    const shape = {
      nrSlots: words[WQ.at.nr_slots >> 2]!,
      nrQueues: words[WQ.at.nr_queues >> 2]!,
      nrBuckets: words[WQ.at.nr_buckets >> 2]!,
      nrItems: words[WQ.at.nr_items >> 2]!,
      payloadBytes: words[WQ.at.payload_bytes >> 2]!,
      payloadHash,
    }
    return new WqMemory(sab, shape, hash === undefined ? undefined : { hash, pool })
  }

  /** The buffer of a shared hash, for workers. */
  get hashSab(): SharedArrayBuffer | undefined {
    return this.sharedHash?.hash.words.buffer as SharedArrayBuffer | undefined
  }

  acct(index: number): number {
    return this.acctWord + index * (ACCT.size >> 2)
  }

  worker(slot: number): number {
    return this.workerWord + slot * (WORKER.size >> 2)
  }

  item(index: number): number {
    return this.itemWord + index * this.itemStride
  }

  /** First word of an item's payload, the embedder's own. */
  payload(index: number): number {
    return this.itemWord + index * this.itemStride + this.payloadOffset
  }

  /** A task-work queue as mpscq sees it. */
  queue(index: number): { words: Int32Array; queueWord: number; linkWord: number; strideWords: number } {
    return {
      words: this.words,
      queueWord: this.queueWord + index * MPSCQ_WORDS,
      linkWord: this.itemWord + (ITEM.at.tw_next >> 2),
      strideWords: this.itemStride,
    }
  }

  /**
   * In hashWords: a bucket's holder, 0 or a holder's mark. With a shared hash it is the holder of the bucket's current
   * key.
   */
  holderAt(bucket: number): number {
    return this.sharedHash === undefined ? this.hashWord + bucket : this.words[this.hashWord + bucket]!
  }

  setHolderAt(bucket: number, word: number): void {
    this.words[this.hashWord + bucket] = word
  }

  /** A worker's mark there. */
  holderMark(slot: number): number {
    return this.#holderBits | (slot + HOLDER_WORKER0)
  }

  /** In hashWords: a worker's wake word. */
  wake(slot: number): number {
    return this.#wakeWord + slot * this.#wakeStride
  }
}

function tablesHash(payloadHash: number): number {
  return (Math.imul(WQ.hash ^ ACCT.hash, 31) ^ Math.imul(WORKER.hash, 17) ^ Math.imul(ITEM.hash, 7) ^ payloadHash) | 0
}
