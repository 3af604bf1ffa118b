/**
 * The pool that `sum` hashes on, and its jobs in batches. The main thread runs it.
 *
 * Small files are ready faster than jobs go back and forth, so they share jobs: one leaves at the end of a turn while a
 * worker would have nothing to do, else when enough has come together. What a job is told and answers is on a slip.
 */
import { Pool } from '../pool/pool.js'
import { ALGOS, type Algo } from './sum-format.js'
import { NR_SLIPS, PIECE, SLIP_PIECES, slipOffset } from './sum-layout.js'

type Jobs = typeof import('./sum-jobs.js')
export type SumPool = Pool<Jobs>

const OFFSET = PIECE.at.offset >> 2
const LENGTH = PIECE.at.length >> 2

/** A job for less is not worth its way while all workers are busy. */
const BATCH_PIECES = 32
const BATCH_BYTES = 512 * 1024

interface Waiting {
  readonly offset: number
  readonly lengthBytes: number
  readonly resolve: (digest: string) => void
  readonly reject: (error: unknown) => void
}

export class Hasher {
  readonly pool: SumPool
  /** Jobs sent, those for large files included. */
  nrJobs = 0
  readonly #memory: SharedArrayBuffer
  readonly #words: Uint32Array
  readonly #bytes: Buffer
  readonly #algo: Algo
  readonly #maxWorkers: number
  readonly #freeSlips: number[] = []
  #batch: Waiting[] = []
  #batchBytes = 0
  #isScheduled = false

  constructor(memory: SharedArrayBuffer, algo: Algo, maxWorkers: number) {
    this.#memory = memory
    this.#words = new Uint32Array(memory)
    this.#bytes = Buffer.from(memory)
    this.#algo = algo
    this.#maxWorkers = maxWorkers
    for (let slip = 0; slip < NR_SLIPS; slip++) this.#freeSlips.push(slip)
    this.pool = new Pool<Jobs>(new URL('./sum-jobs.js', import.meta.url), { maxWorkers })
    // Workers take longer to start than a small tree takes to list.
    for (let i = 0; i < maxWorkers; i++) void this.pool.run('warmUp', []).catch(() => {})
  }

  /** The digest, in hex, of bytes in the memory that was given to the constructor. */
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
    if (this.#isScheduled || this.#nrRunning >= this.#maxWorkers) return
    this.#isScheduled = true
    process.nextTick(() => {
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
    this.pool.run('hashPieces', [this.#memory, at, batch.length, this.#algo]).then(
      () => this.#settle(slip, batch),
      (error: unknown) => {
        for (const { reject } of batch) reject(error)
        this.#giveBack(slip)
      },
    )
  }

  #settle(slip: number, batch: readonly Waiting[]): void {
    const from = slipOffset(slip) + PIECE.at.digest
    const { hexLength } = ALGOS[this.#algo]
    for (let i = 0; i < batch.length; i++) {
      const at = from + i * PIECE.size
      batch[i]!.resolve(this.#bytes.toString('latin1', at, at + hexLength))
    }
    this.#giveBack(slip)
  }

  #giveBack(slip: number): void {
    this.#freeSlips.push(slip)
    if (this.#batch.length === 0) return
    if (this.#isLarge()) this.#send()
    else this.#schedule()
  }
}
