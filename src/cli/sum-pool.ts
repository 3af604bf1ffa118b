/**
 * The pool that `sum` hashes on, its memory, and its jobs in batches. The main thread runs it.
 *
 * Small files are ready faster than jobs go back and forth, so they share jobs: one leaves at the end of a turn while a
 * worker would have nothing to do, else when enough has come together. What a job is told and answers is on a slip.
 *
 * A worker takes as long to start as it would take to hash a hundred megabytes, so there is one at first, begun before
 * anything else is loaded; more come while hashing falls behind reading.
 */
import type { MessagePort } from 'node:worker_threads'
import { Buffer, nextTick, URL } from '../lib/globals.js'
import { Pool } from '../pool/pool.js'
import { ALGOS, type Algo } from './sum-format.js'
import { createMemory, LENGTH, NR_SLIPS, OFFSET, PIECE, SLIP_PIECES, slipOffset } from './sum-layout.js'

type Jobs = typeof import('./sum-jobs.js')

const JOBS = new URL('./sum-jobs.js', import.meta.url)

/** A job for less is not worth its way while all workers are busy. */
const BATCH_PIECES = 32
const BATCH_BYTES = 512 * 1024
/**
 * When one worker more is worth its start: large files of so many bytes for each there is, or so many more files that
 * waited than did not.
 */
const BEHIND_BYTES = 128 * 1024 * 1024
const BEHIND_FILES = 1024
/** Large files under way at a time. */
const MAX_STREAMS = 8

interface Waiting {
  readonly offset: number
  readonly lengthBytes: number
  readonly resolve: (digest: string) => void
  readonly reject: (error: unknown) => void
}

export class Hasher {
  readonly nrStreams: number
  readonly memory: SharedArrayBuffer
  readonly pool = new Pool<Jobs>(JOBS, { maxWorkers: 1 })
  readonly algo: Algo
  /** Jobs sent, those for large files included. */
  nrJobs = 0
  readonly #words: Uint32Array
  readonly #bytes: Buffer
  readonly #maxWorkers: number
  #nrWorkers = 1
  #isUp = false
  /** Bytes of large files not hashed yet. */
  #streamBytes = 0
  /** Small files that found no memory free, less those that did. */
  #nrBehind = 0
  readonly #freeSlips: number[] = []
  #batch: Waiting[] = []
  #batchBytes = 0
  #isScheduled = false

  /** Hashes on up to `maxWorkers` threads. */
  constructor(algo: Algo, maxWorkers: number) {
    this.algo = algo
    this.#maxWorkers = maxWorkers
    // One more than can be hashed: it is read meanwhile.
    this.nrStreams = Math.min(maxWorkers + 1, MAX_STREAMS)
    this.memory = createMemory(this.nrStreams)
    this.#words = new Uint32Array(this.memory)
    this.#bytes = Buffer.from(this.memory)
    for (let slip = 0; slip < NR_SLIPS; slip++) this.#freeSlips.push(slip)
    this.pool.run('warmUp', []).then(
      () => {
        this.#isUp = true
      },
      () => {},
    )
  }

  /** The digest, in hex, of bytes in the memory. */
  hash(offset: number, lengthBytes: number): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#batch.push({ offset, lengthBytes, resolve, reject })
      this.#batchBytes += lengthBytes
      if (this.#isLarge()) this.#send()
      else this.#schedule()
    })
  }

  #isLarge(): boolean {
    return this.#batch.length >= BATCH_PIECES || this.#batchBytes >= BATCH_BYTES
  }

  get #nrRunning(): number {
    return NR_SLIPS - this.#freeSlips.length
  }

  #schedule(): void {
    if (this.#isScheduled || this.#nrRunning >= this.#nrWorkers) return
    this.#isScheduled = true
    nextTick(() => {
      this.#isScheduled = false
      this.#send()
    })
  }

  /** Sends what there is, if a slip is free; else a job that comes back does. */
  #send(): void {
    const slip = this.#batch.length > 0 ? this.#freeSlips.pop() : undefined
    if (slip === undefined) return
    const batch = this.#batch.splice(0, SLIP_PIECES)
    this.#batchBytes = 0
    const at = slipOffset(slip)
    for (let i = 0; i < batch.length; i++) {
      const word = (at + i * PIECE.size) >> 2
      this.#words[word + OFFSET] = batch[i]!.offset
      this.#words[word + LENGTH] = batch[i]!.lengthBytes
    }
    this.nrJobs++
    this.pool.run('hashPieces', [this.memory, at, batch.length, this.algo]).then(
      () => {
        this.#settle(slip, batch)
        this.#giveBack(slip)
      },
      (error: unknown) => {
        for (const { reject } of batch) reject(error)
        this.#giveBack(slip)
      },
    )
  }

  /** A job for a stream of about so many bytes. Resolves to the digest; '' if the stream is aborted. */
  async hashStream(at: number, port: MessagePort, sizeBytes: number, unbounded: boolean): Promise<string> {
    this.nrJobs++
    this.#streamBytes += sizeBytes
    if (this.#streamBytes >= BEHIND_BYTES * this.#nrWorkers) this.#grow()
    try {
      return await this.pool.run('hashStream', [this.memory, at, this.algo, port], { unbounded, transfer: [port] })
    } finally {
      this.#streamBytes -= sizeBytes
    }
  }

  /** A file found memory at once, or has to wait, for all of it holds what is not hashed yet. */
  noteMemory(isFree: boolean): void {
    if (isFree) this.#nrBehind = Math.max(0, this.#nrBehind - 1)
    else if (this.#isUp && ++this.#nrBehind >= BEHIND_FILES) this.#grow()
  }

  #grow(): void {
    if (this.#nrWorkers >= this.#maxWorkers) return
    this.#nrBehind = 0
    this.#nrWorkers++
    this.pool.maxWorkers(this.#nrWorkers, 0)
  }

  #settle(slip: number, batch: readonly Waiting[]): void {
    const from = slipOffset(slip) + PIECE.at.digest
    const { hexLength } = ALGOS[this.algo]
    for (let i = 0; i < batch.length; i++) {
      const at = from + i * PIECE.size
      batch[i]!.resolve(this.#bytes.toString('latin1', at, at + hexLength))
    }
  }

  #giveBack(slip: number): void {
    this.#freeSlips.push(slip)
    if (this.#batch.length === 0) return
    if (this.#isLarge()) this.#send()
    else this.#schedule()
  }
}
