/**
 * Jobs for which no record was free, in the order they were given. Owner thread only; private memory.
 *
 * A job waits here complete, its arguments written as they were when it was given, so that taking it on is a copy. There
 * may be millions: chunks of arrays hold them, no object a job, and of a record only the words that say something.
 */

import type { RunOptions } from './options.js'
import type { Held } from './outgoing.js'
import { JOB_WORDS } from './record.js'

export interface Waiting {
  /** What a record will hold. What shift() and remove() return is good until the next of them. */
  readonly words: Int32Array
  /** How many of the words say something. */
  readonly nrWords: number
  readonly held: Held | undefined
  readonly options: RunOptions
  readonly resolve: (value: unknown) => void
  /** Names the job while it has no item: negative. */
  readonly id: number
}

const CHUNK_JOBS = 1024
/** Room at first, four to a job: what one without arguments takes. */
const CHUNK_WORDS = 4096

/** Jobs given one after the other. */
class Chunk {
  words = new Int32Array(CHUNK_WORDS)
  /** Where each job's words begin; the next one's begin where they end. */
  readonly from = new Int32Array(CHUNK_JOBS + 1)
  readonly resolves: (Waiting['resolve'] | undefined)[] = []
  readonly options: (RunOptions | undefined)[] = []
  /** Few jobs have any. */
  held: Map<number, Held> | undefined

  get size(): number {
    return this.resolves.length
  }

  push({ words, nrWords, held, options, resolve }: Waiting): void {
    const at = this.size
    const from = this.from[at]!
    if (from + nrWords > this.words.length) this.#grow()
    for (let i = 0; i < nrWords; i++) this.words[from + i] = words[i]!
    this.from[at + 1] = from + nrWords
    this.resolves.push(resolve)
    this.options.push(options)
    if (held !== undefined) {
      this.held ??= new Map()
      this.held.set(at, held)
    }
  }

  #grow(): void {
    const words = new Int32Array(Math.min(2 * this.words.length, CHUNK_JOBS * JOB_WORDS))
    words.set(this.words)
    this.words = words
  }

  /** Job `at` out of here, its words in `out`; undefined if it has left. */
  take(at: number, id: number, out: Int32Array): Waiting | undefined {
    const resolve = this.resolves[at]
    if (resolve === undefined) return undefined
    const from = this.from[at]!
    const nrWords = this.from[at + 1]! - from
    for (let i = 0; i < nrWords; i++) out[i] = this.words[from + i]!
    const job = { words: out, nrWords, held: this.held?.get(at), options: this.options[at]!, resolve, id }
    this.resolves[at] = undefined
    this.options[at] = undefined
    this.held?.delete(at)
    return job
  }
}

export class Backlog {
  #chunks: Chunk[] = []
  /** Index of the next job in the first chunk. */
  #head = 0
  /** How many jobs the chunks dropped from the front held. */
  #base = 0
  #size = 0
  readonly #out = new Int32Array(JOB_WORDS)

  get size(): number {
    return this.#size
  }

  /** The name of the job to be pushed next. */
  nextId(): number {
    const last = this.#chunks.at(-1)
    return -1 - (this.#base + Math.max(0, this.#chunks.length - 1) * CHUNK_JOBS + (last?.size ?? 0))
  }

  push(job: Waiting): void {
    let last = this.#chunks.at(-1)
    if (last === undefined || last.size === CHUNK_JOBS) {
      last = new Chunk()
      this.#chunks.push(last)
    }
    last.push(job)
    this.#size++
  }

  /** The job given first, out of here. */
  shift(): Waiting | undefined {
    if (this.#size === 0) return undefined
    for (;;) {
      if (this.#head === CHUNK_JOBS) this.#dropFirst()
      const at = this.#head++
      const job = this.#chunks[0]!.take(at, -1 - (this.#base + at), this.#out)
      if (job === undefined) continue
      this.#size--
      return job
    }
  }

  /** A job by its name, out of here: it was aborted. */
  remove(id: number): Waiting | undefined {
    const at = -1 - id - this.#base
    const job = this.#chunks[Math.floor(at / CHUNK_JOBS)]?.take(at % CHUNK_JOBS, id, this.#out)
    if (job !== undefined) this.#size--
    return job
  }

  #dropFirst(): void {
    this.#chunks.shift()
    this.#head = 0
    this.#base += CHUNK_JOBS
  }
}
