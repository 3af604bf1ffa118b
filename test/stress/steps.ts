/**
 * An io-wq through random steps: enqueue, cancel, exit-on-idle on and off, limits, rests. No wake-up may be lost. Main
 * thread, with real workers.
 *
 * The idle timeout never comes, and while the owner waits for its items it sleeps in a futex, where no timer of the
 * sampler makes good what was missed. Steps are drawn from a seed; how the threads meet is not.
 */
import assert from 'node:assert/strict'
import { futexWait, loadAcquire } from '../../src/lib/barrier.js'
import { NONE } from '../../src/lib/mpscq.js'
import { IO_WQ_WORK_CONCURRENT, IO_WQ_WORK_HASHED, IO_WQ_WORK_UNBOUND, ITEM, ITEM_FREE } from '../../src/wq/layout.js'
import { Wq } from '../../src/wq/wq.js'
import { assertAtRest, snapshot } from '../interleave/wq.snapshot.js'
import { Prng } from '../model/prng.js'
import { dump } from './dump.js'
import { StallWatch } from './stall.js'

export interface Steps {
  readonly steps: number
  readonly seed: number
}

/** Words of an item's payload: its number, and how long it takes; below 0 it blocks. */
export const ID = 0
export const LOOKS = 1
export const PAYLOAD_HASH = 1
export const NAP_MS = 0.05
/** Words shared with the workers. */
export const BELL = 0
export const COUNTS = 1

const NR_ITEMS = 512
const NR_BUCKETS = 6
const MAX_WORKERS = 3
/** Those that left keep theirs until the event loop turns. */
const NR_SLOTS = 64
const NEVER_MS = 2 ** 30
const LOST_MS = 10_000
const STALL_MS = 30_000
const QUEUE = 0

/** In a thousand steps. While exit-on-idle is on, each wait costs new threads: it is soon off again. */
const WEIGHTS = { enqueue: 800, cancel: 60, wait: 118, limits: 16, toggle: 3, rest: 3 }
const LEAVING = { ...WEIGHTS, toggle: 150 }

class Run {
  readonly #rng: Prng
  readonly #steps: number
  readonly #shared: Int32Array
  readonly #wq: Wq
  readonly #watch: StallWatch
  /** Items that have not ended, by number. */
  readonly #open = new Map<number, number>()
  readonly #ended: Uint8Array
  readonly #nrCancelled = { ok: 0, running: 0, notfound: 0 }
  #limits: [bound: number, unbound: number] = [MAX_WORKERS, MAX_WORKERS]
  #isLeaving = false
  #nrMade = 0
  #nrItems = 0
  #nrTurns = 0

  constructor({ steps, seed }: Steps) {
    this.#rng = new Prng(seed)
    this.#steps = steps
    this.#shared = new Int32Array(new SharedArrayBuffer((COUNTS + steps + 1) * 4))
    this.#ended = new Uint8Array(steps + 1)
    this.#wq = new Wq({
      nrSlots: NR_SLOTS,
      nrQueues: 1,
      nrBuckets: NR_BUCKETS,
      nrItems: NR_ITEMS,
      payloadBytes: 8,
      payloadHash: PAYLOAD_HASH,
      workerEntry: new URL('./steps.worker.js', import.meta.url),
      workerData: () => this.#shared,
      maxWorkers: this.#limits,
      concurrency: 1 + this.#rng.int(2),
      maxRunning: 1 + this.#rng.int(MAX_WORKERS),
      idleTimeoutMs: NEVER_MS,
      spinUs: this.#rng.oneIn(2) ? 20 : 0,
      hooks: {
        onCancelled: (item) => this.#end(item, 0),
        onDied: (item, error) => assert.fail(`item ${item} died: ${error.message}`),
        onWorkerMade: () => {
          this.#nrMade++
        },
      },
    })
    this.#watch = new StallWatch(`steps ${steps}, seed ${seed}`, this.#wq.mem, STALL_MS)
  }

  async run(): Promise<string> {
    for (let step = 0; step < this.#steps; step++) {
      await this.#step(this.#rng.weighted(this.#isLeaving ? LEAVING : WEIGHTS))
      this.#watch.progress()
    }
    await this.#rest()
    await this.#wq.exit()
    this.#watch.stop()
    assertAtRest(snapshot(this.#wq.mem), Number.POSITIVE_INFINITY)
    assert.deepEqual(this.#wq.counts(), { queued: 0, workers: [0, 0], created: this.#nrMade, items: 0 })
    for (let id = 1; id <= this.#nrItems; id++) assert.equal(this.#ended[id], 1, `item ${id} ended once`)
    const { ok, running, notfound } = this.#nrCancelled
    const cancels = `cancel: ${ok} ok, ${running} running, ${notfound} notfound`
    return `${this.#steps} steps: ${this.#nrItems} items, ${cancels}; ${this.#nrTurns} waits, ${this.#nrMade} threads`
  }

  async #step(name: keyof typeof WEIGHTS): Promise<void> {
    const rng = this.#rng
    switch (name) {
      case 'enqueue':
        if (this.#wq.nrFree === 0) await this.#wait()
        this.#enqueue()
        return
      case 'cancel': {
        // Any of the last ones: queued, in a worker's hands, running, or long at home.
        const item = this.#open.get(this.#nrItems - rng.int(8))
        if (item !== undefined) this.#nrCancelled[this.#wq.cancel(item)]++
        return
      }
      case 'wait':
        await this.#wait()
        return
      case 'limits': {
        const next: [number, number] = [rng.int(MAX_WORKERS + 1), rng.int(MAX_WORKERS + 1)]
        assert.deepEqual(this.#wq.maxWorkers(...next), this.#limits, 'the limits before')
        this.#limits = [next[0] || this.#limits[0], next[1] || this.#limits[1]]
        return
      }
      case 'toggle':
        this.#isLeaving = rng.oneIn(3)
        this.#wq.setExitOnIdle(this.#isLeaving)
        return
      case 'rest':
        await this.#rest()
    }
  }

  #enqueue(): void {
    const rng = this.#rng
    const item = this.#wq.alloc()
    const id = ++this.#nrItems
    const p = this.#wq.mem.payload(item)
    this.#wq.mem.words[p + ID] = id
    this.#wq.mem.words[p + LOOKS] = rng.oneIn(200) ? -1 : rng.int(rng.oneIn(10) ? 2000 : 20)
    let flags = rng.oneIn(2) ? IO_WQ_WORK_CONCURRENT : 0
    if (rng.oneIn(2)) flags |= IO_WQ_WORK_HASHED
    if (rng.oneIn(3)) flags |= IO_WQ_WORK_UNBOUND
    this.#open.set(id, item)
    this.#wq.enqueue(item, flags, rng.int(NR_BUCKETS), QUEUE)
  }

  #end(item: number, nrRuns: number): void {
    const id = this.#wq.mem.words[this.#wq.mem.payload(item) + ID]!
    assert.equal(loadAcquire(this.#shared, COUNTS + id), nrRuns, `item ${id} ran ${nrRuns} times`)
    assert.ok(this.#open.delete(id), `item ${id} ends once`)
    this.#ended[id]!++
    this.#wq.free(item)
  }

  #pop(): void {
    for (let item = this.#wq.popTaskWork(QUEUE); item !== NONE; item = this.#wq.popTaskWork(QUEUE)) this.#end(item, 1)
  }

  /** Until every item is home; then a turn of the event loop, where the threads that left are heard of. */
  async #wait(): Promise<void> {
    this.#nrTurns++
    const sleeps = this.#rng.oneIn(4)
    for (;;) {
      const rung = loadAcquire(this.#shared, BELL)
      this.#pop()
      if (this.#open.size === 0) break
      // Somebody is between the two steps of a push: no bell will follow.
      if (!this.#wq.isQueueEmpty(QUEUE)) continue
      if (sleeps) this.#wq.sleep(LOST_MS, this.#open.size, () => !this.#wq.isQueueEmpty(QUEUE))
      else if (futexWait(this.#shared, BELL, rung, LOST_MS) === 'timed-out') {
        assert.fail(`items ${[...this.#open.keys()]} do not come home\n${dump(this.#wq.mem)}`)
      }
    }
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** Until nobody has anything to do: then all is in order, and with exit-on-idle nobody is there. */
  async #rest(): Promise<void> {
    await this.#wait()
    const { mem } = this.#wq
    const end = performance.now() + LOST_MS
    for (;;) {
      try {
        this.#pop()
        const now = snapshot(mem)
        assertAtRest(now, MAX_WORKERS)
        if (this.#isLeaving) assert.deepEqual(this.#wq.counts().workers, [0, 0], 'with exit-on-idle nobody stays')
        for (let item = 0; item < NR_ITEMS; item++) {
          assert.equal(mem.words[mem.item(item) + (ITEM.at.state >> 2)], ITEM_FREE, `record ${item} is free`)
        }
        return
      } catch (error) {
        if (performance.now() > end) throw error
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
  }
}

/** Resolves with a line that says what was done; rejects if anything went wrong. */
export function stressSteps(options: Steps): Promise<string> {
  return new Run(options).run()
}
