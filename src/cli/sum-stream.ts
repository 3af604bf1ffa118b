/**
 * The app's side of a stream: fills blocks, waits for free ones without blocking. The main thread runs it.
 *
 * A hash state cannot move between workers, so one job holds it from the first block to the last, and sleeps on a futex
 * between blocks. Against a job that dies: its promise rejects, and whoever waits for a block is told.
 */
import { MessageChannel } from 'node:worker_threads'
import { assert } from '../lib/assert.js'
import { futexWake, loadAcquire, storeRelease } from '../lib/barrier.js'
import {
  ABORT,
  APP_WAITS,
  BLOCK_BYTES,
  BLOCKS_OFF,
  END,
  HEAD,
  LENGTHS,
  NR_BLOCKS,
  NR_LENGTHS,
  STREAM,
  TAIL,
} from './sum-layout.js'
import type { Hasher } from './sum-pool.js'

export class Stream {
  readonly #words: Int32Array
  readonly #blocks: Uint8Array[] = []
  readonly #port: MessageChannel['port1']
  readonly #job: Promise<string>
  #tail = 0
  /** Blocks handed out by nextBlock() and not yet published. */
  #nrFilling = 0
  #hasFailed = false
  #wake: (() => void) | undefined

  /**
   * Starts a job on the stream memory at `at`, which is this stream's until end() or abort() has resolved. About
   * `sizeBytes` will come; undefined: nobody knows how many, or when.
   */
  constructor(hasher: Hasher, at: number, sizeBytes: number | undefined) {
    const { memory } = hasher
    this.#words = new Int32Array(memory, at, STREAM.size >> 2)
    for (const word of [TAIL, HEAD, APP_WAITS]) storeRelease(this.#words, word, 0)
    for (let i = 0; i < NR_BLOCKS; i++) {
      this.#blocks.push(new Uint8Array(memory, at + BLOCKS_OFF + i * BLOCK_BYTES, BLOCK_BYTES))
    }
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    port1.on('message', () => this.#wake?.())
    // What may wait for ever must not take the place of other work: that is what unbounded workers are for.
    this.#job = hasher.hashStream(at, port2, sizeBytes ?? 0, sizeBytes === undefined)
    this.#job.catch(() => {
      this.#hasFailed = true
      this.#wake?.()
    })
  }

  /** The next block to fill, when it is free. Blocks are published in the order in which they were handed out. */
  async nextBlock(): Promise<Uint8Array> {
    while (!this.#hasFailed && this.#nrUsed() === NR_BLOCKS) await this.#freed()
    // Filling blocks for a job that is gone does no harm; end() tells.
    return this.#blocks[(this.#tail + this.#nrFilling++) & (NR_BLOCKS - 1)]!
  }

  #nrUsed(): number {
    return (this.#tail - loadAcquire(this.#words, HEAD) + this.#nrFilling) | 0
  }

  #freed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined
        resolve()
      }
      storeRelease(this.#words, APP_WAITS, 1)
      // The worker looks at app_waits after it has moved head: what it freed before that is seen here.
      if (this.#nrUsed() < NR_BLOCKS) this.#wake()
    })
  }

  /** Hands the oldest block being filled to the worker. */
  publish(lengthBytes: number): void {
    assert(this.#nrFilling > 0, 'a block is published once')
    this.#nrFilling--
    this.#push(lengthBytes)
  }

  #push(length: number): void {
    this.#words[LENGTHS + (this.#tail & (NR_LENGTHS - 1))] = length
    this.#tail = (this.#tail + 1) | 0
    // Publishes the block and its length; pairs with loadAcquire(tail) in sum-jobs.ts.
    storeRelease(this.#words, TAIL, this.#tail)
    futexWake(this.#words, TAIL, 1)
  }

  /** No more blocks: resolves to the digest. Rejects if the job died. */
  async end(): Promise<string> {
    return this.#close(END)
  }

  /** Never mind. Resolves when the worker has let go of the memory. */
  async abort(): Promise<void> {
    await this.#close(ABORT).catch(() => {})
  }

  async #close(entry: number): Promise<string> {
    this.#push(entry)
    try {
      return await this.#job
    } finally {
      this.#port.close()
    }
  }
}
