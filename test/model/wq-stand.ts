/**
 * A real io-wq whose items are held and let go one by one, seen as a state of the model. Main thread.
 */
import assert from 'node:assert/strict'
import { futexWake, loadAcquire, storeRelease } from '../../src/lib/barrier.js'
import { NONE } from '../../src/lib/mpscq.js'
import {
  ACCT,
  IO_WQ_WORK_CONCURRENT,
  IO_WQ_WORK_HASHED,
  IO_WQ_WORK_UNBOUND,
  ITEM,
  ITEM_RUNNING,
  ITEM_SLOT_SHIFT,
  ITEM_STATE_MASK,
  ITEM_TAKEN,
  WORKER,
} from '../../src/wq/layout.js'
import { Wq } from '../../src/wq/wq.js'
import { snapshot } from '../interleave/wq.snapshot.js'
import { type History, NR_BUCKETS } from './wq-history.js'
import { type Hand, HEEDFUL, type Item, type State } from './wq-model.js'

/** Words of an item's payload. */
export const ID = 0
export const KIND = 1
export const ANNOUNCED = 2
export const PAYLOAD_HASH = 1
/** Words shared with the workers: a clock, and four for each item. */
export const CLOCK = 0
export const SIGNS = (id: number) => 4 + 4 * id
export const BEGAN = 0
export const ENDED = 1
export const GATE = 2

const NR_ITEMS = 256
const NR_SLOTS = 32
const NEVER_MS = 2 ** 30
const QUEUE = 0
const STATE = ITEM.at.state >> 2

export type How = 'done' | 'cancelled'

export class Stand {
  readonly wq: Wq
  /** How items ended, by number. */
  readonly ended = new Map<number, How>()
  /** Makings of a worker that there were too many of already. */
  readonly tooMany: string[] = []
  readonly #shared = new Int32Array(new SharedArrayBuffer(4 * SIGNS(NR_ITEMS)))
  readonly #itemOf = new Map<number, number>()

  constructor({ maxWorkers, concurrency, maxRunning, spinUs, idleTimeoutMs = NEVER_MS }: History) {
    this.wq = new Wq({
      nrSlots: NR_SLOTS,
      nrQueues: 1,
      nrBuckets: NR_BUCKETS,
      nrItems: NR_ITEMS,
      payloadBytes: 16,
      payloadHash: PAYLOAD_HASH,
      workerEntry: new URL('./wq-stand.worker.js', import.meta.url),
      workerData: () => this.#shared,
      maxWorkers,
      concurrency,
      maxRunning,
      idleTimeoutMs,
      spinUs,
      hooks: {
        onCancelled: (item) => this.#end(item, 'cancelled'),
        onDied: (item, error) => assert.fail(`item ${item} died: ${error.message}`),
        onWorkerMade: (slot) => this.#onWorkerMade(slot),
        interrupt: (slot) => this.#interrupt(slot),
      },
    })
  }

  #word(item: number, at: number): number {
    return this.wq.mem.words[this.wq.mem.payload(item) + at]!
  }

  /** [8] It is counted already. */
  #onWorkerMade(slot: number): void {
    const { words } = this.wq.mem
    const a = this.wq.mem.acct(words[this.wq.mem.worker(slot) + (WORKER.at.acct >> 2)]!)
    const [count, limit] = [words[a + (ACCT.at.nr_workers >> 2)]!, words[a + (ACCT.at.max_workers >> 2)]!]
    if (count > limit) this.tooMany.push(`${count} workers, and ${limit} are allowed`)
  }

  /** What a cancelled item's thread is told: a heedful one stops waiting. */
  #interrupt(slot: number): void {
    const item = loadAcquire(this.wq.mem.words, this.wq.mem.worker(slot) + (WORKER.at.current >> 2))
    if (item === NONE || this.#word(item, KIND) !== HEEDFUL || !this.wq.isCancelled(item)) return
    this.open(this.#word(item, ID))
  }

  #end(item: number, how: How): void {
    const id = this.#word(item, ID)
    assert.ok(this.#itemOf.delete(id), `item ${id} ends once`)
    this.ended.set(id, how)
    this.wq.free(item)
  }

  enqueue({ id, acct, bucket, kind }: Item, concurrent: boolean, announced: boolean): void {
    const item = this.wq.alloc()
    assert.notEqual(item, NONE)
    const { words } = this.wq.mem
    const p = this.wq.mem.payload(item)
    words[p + ID] = id
    words[p + KIND] = kind
    words[p + ANNOUNCED] = announced ? 1 : 0
    const flags =
      (concurrent ? IO_WQ_WORK_CONCURRENT : 0) |
      (bucket >= 0 ? IO_WQ_WORK_HASHED : 0) |
      (acct === 1 ? IO_WQ_WORK_UNBOUND : 0)
    this.#itemOf.set(id, item)
    this.wq.enqueue(item, flags, Math.max(0, bucket), QUEUE)
  }

  open(id: number): void {
    storeRelease(this.#shared, SIGNS(id) + GATE, 1)
    futexWake(this.#shared, SIGNS(id) + GATE, 1)
  }

  /** The record of an item that has not ended. */
  itemOf(id: number): number | undefined {
    return this.#itemOf.get(id)
  }

  /** The number of a record's item, if that has not ended. */
  idOf(item: number): number | undefined {
    const id = this.#word(item, ID)
    return this.#itemOf.get(id) === item ? id : undefined
  }

  /** When it began and ended, on the clock of all items. */
  lifeOf(id: number): [began: number, ended: number] {
    return [this.#shared[SIGNS(id) + BEGAN]!, this.#shared[SIGNS(id) + ENDED]!]
  }

  drain(): void {
    for (let item = this.wq.popTaskWork(QUEUE); item !== NONE; item = this.wq.popTaskWork(QUEUE))
      this.#end(item, 'done')
  }

  /** How it stands, in the model's words. Of use only if it stands still. */
  look(): State {
    const { words } = this.wq.mem
    const idsOf = (items: number[]) => items.map((item) => this.#word(item, ID))
    const [bound, unbound] = snapshot(this.wq.mem).accts
    const inHands = new Map<number, Hand & { items: number[] }>()
    for (const [id, item] of this.#itemOf) {
      const state = loadAcquire(words, this.wq.mem.item(item) + STATE)
      const low = state & ITEM_STATE_MASK
      if (low !== ITEM_TAKEN && low !== ITEM_RUNNING) continue
      const slot = state >> ITEM_SLOT_SHIFT
      const acct = words[this.wq.mem.worker(slot) + (WORKER.at.acct >> 2)]!
      const hand = inHands.get(slot) ?? { acct, begun: false, items: [] }
      // By number, which is the order of enqueueing; what runs is first of all.
      if (low === ITEM_RUNNING) inHands.set(slot, { acct, begun: true, items: [id, ...hand.items] })
      else inHands.set(slot, { ...hand, items: [...hand.items, id] })
    }
    return { queues: [idsOf(bound!.queued), idsOf(unbound!.queued)], hands: [...inHands.values()] }
  }

  workers(): [bound: number, unbound: number] {
    return this.wq.counts().workers
  }
}
