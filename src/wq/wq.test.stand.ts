/**
 * An io-wq for tests, whose items' ends are promises. Main thread, the owner; wq.test.worker.ts is the other side.
 */
import assert from 'node:assert/strict'
import { futexWake, loadAcquire, storeRelease } from '../lib/barrier.js'
import { NONE } from '../lib/mpscq.js'
import { IO_WQ_WORK_CONCURRENT, IO_WQ_WORK_HASHED } from './layout.js'
import type { WqOptions } from './options.js'
import { Wq } from './wq.js'
import { A, ARRIVED, B, NOOP, OP, RELEASED, RESULT } from './wq.test.ops.js'

export type End = { how: 'done' | 'cancelled' | 'died'; result: number }
export type Given = { item: number; end: Promise<End> }

export class Stand {
  readonly wq: Wq
  readonly shared = new Int32Array(new SharedArrayBuffer(65_536))
  readonly ends = new Map<number, (end: End) => void>()
  /** Off: what has ended waits in its queue. */
  drains = true
  #nextWord = 16
  #isOver = false

  constructor(options: Partial<WqOptions> = {}) {
    this.wq = new Wq({
      nrSlots: 8,
      nrQueues: 1,
      nrBuckets: 16,
      nrItems: 256,
      payloadBytes: 16,
      payloadHash: 1,
      workerEntry: new URL('./wq.test.worker.js', import.meta.url),
      workerData: () => ({ shared: this.shared }),
      maxWorkers: [2, 2],
      concurrency: 2,
      maxRunning: 2,
      spinUs: 0,
      hooks: {
        onCancelled: (item) => this.#end(item, 'cancelled'),
        onDied: (item) => {
          this.#end(item, 'died')
          return true
        },
      },
      ...options,
    })
    void this.#drain()
  }

  async #drain(): Promise<void> {
    while (!this.#isOver) {
      const pop = () => (this.drains ? this.wq.popTaskWork(0) : NONE)
      for (let item = pop(); item !== NONE; item = pop()) this.#end(item, 'done')
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  #end(item: number, how: End['how']): void {
    const end = this.ends.get(item)
    assert.ok(end !== undefined, `item ${item} ends once`)
    this.ends.delete(item)
    const result = this.wq.mem.words[this.wq.mem.payload(item) + RESULT]!
    this.wq.free(item)
    end({ how, result })
  }

  /** Queues an item; `item` names it, `end` is how it ends. */
  give(op: number, a = 0, b = 0, flags = 0, bucket = 0): Given {
    const item = this.wq.alloc()
    assert.notEqual(item, NONE)
    const p = this.wq.mem.payload(item)
    this.wq.mem.words[p + OP] = op
    this.wq.mem.words[p + A] = a
    this.wq.mem.words[p + B] = b
    const end = new Promise<End>((resolve) => this.ends.set(item, resolve))
    this.wq.enqueue(item, flags | IO_WQ_WORK_CONCURRENT, bucket, 0)
    return { item, end }
  }

  hashed(op: number, a: number, b: number, bucket: number, flags = 0): Given {
    return this.give(op, a, b, flags | IO_WQ_WORK_HASHED, bucket)
  }

  /** Words of the shared memory that no one else has. */
  words(count: number): number {
    const at = this.#nextWord
    this.#nextWord += count
    return at
  }

  arrived(gate: number, count = 1): Promise<void> {
    return until(() => loadAcquire(this.shared, gate + ARRIVED) >= count, `${count} items arrive`)
  }

  open(gate: number): void {
    storeRelease(this.shared, gate + RELEASED, 1)
    futexWake(this.shared, gate + RELEASED, Number.POSITIVE_INFINITY)
  }

  log(at: number): number[] {
    return [...this.shared.subarray(at + 1, at + 1 + this.shared[at]!)]
  }

  /** An item that runs behind all that the worker did before. */
  async flush(): Promise<void> {
    assert.equal((await this.give(NOOP).end).how, 'done')
  }

  async close(): Promise<void> {
    await this.wq.exit()
    await until(() => this.ends.size === 0, 'every item ended')
    this.#isOver = true
    assert.deepEqual(this.wq.counts().workers, [0, 0])
    assert.equal(this.wq.counts().items, 0)
  }
}

export async function until(holds: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 20_000
  while (!holds()) {
    if (performance.now() > end) throw new Error(`it did not happen that ${what}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
