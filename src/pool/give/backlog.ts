/**
 * Jobs without a record, in the order given. Owner thread only; private memory.
 *
 * A job waits here complete, with its arguments written as they were at the call, so a copy moves it on. There may be
 * millions: chunks of arrays hold them, with no object a job, and only the words of a record that are in use.
 */
import { JOB_WORDS } from '../between/record.js'
import type { Extras } from '../jobs/extras.js'
import type { Rest, Waiting } from '../jobs/waiting.js'

const CHUNK_JOBS = 1024
/** Words at first, four to a job: enough for a job without arguments. */
const CHUNK_WORDS = 4096
const NO_REST: Rest = { held: undefined, signal: undefined, listener: undefined, listenFlags: 0, extras: undefined }

/** Consecutive jobs. */
class Chunk {
  /** Jobs pushed, and jobs not yet dropped. */
  size = 0
  nrLeft = 0
  #words = new Int32Array(CHUNK_WORDS)
  /** Where each job's words begin; they end where the next one's begin. */
  readonly #from = new Int32Array(CHUNK_JOBS + 1)
  readonly #resolves = new Array<Waiting['resolve'] | undefined>(CHUNK_JOBS)
  readonly #isUnbounded = new Uint8Array(CHUNK_JOBS)
  #keys: unknown[] | undefined
  #givenNs: Float64Array | undefined
  #rest: Map<number, Rest> | undefined

  push(job: Waiting): void {
    const { words, nrWords, key, givenNs } = job
    const at = this.size++
    this.nrLeft++
    const from = this.#from[at]!
    if (from + nrWords > this.#words.length) this.#grow()
    for (let i = 0; i < nrWords; i++) this.#words[from + i] = words[i]!
    this.#from[at + 1] = from + nrWords
    this.#resolves[at] = job.resolve
    if (job.isUnbounded) this.#isUnbounded[at] = 1
    if (key !== undefined) {
      this.#keys ??= new Array<unknown>(CHUNK_JOBS)
      this.#keys[at] = key
    }
    if (givenNs !== 0) {
      this.#givenNs ??= new Float64Array(CHUNK_JOBS)
      this.#givenNs[at] = givenNs
    }
    const { held, signal, listener, listenFlags, extras } = job
    if (held === undefined && signal === undefined && listener === undefined && extras === undefined) return
    this.#rest ??= new Map()
    this.#rest.set(at, { held, signal, listener, listenFlags, extras })
  }

  #grow(): void {
    const words = new Int32Array(Math.min(2 * this.#words.length, CHUNK_JOBS * JOB_WORDS))
    words.set(this.#words)
    this.#words = words
  }

  /** Job `at`, its words in `out`; undefined if it has left. */
  get(at: number, id: number, out: Int32Array): Waiting | undefined {
    const resolve = this.#resolves[at]
    if (resolve === undefined) return undefined
    const from = this.#from[at]!
    const nrWords = this.#from[at + 1]! - from
    for (let i = 0; i < nrWords; i++) out[i] = this.#words[from + i]!
    const { held, signal, listener, listenFlags, extras } = this.#rest?.get(at) ?? NO_REST
    return {
      words: out,
      nrWords,
      key: this.#keys?.[at],
      isUnbounded: this.#isUnbounded[at] === 1,
      givenNs: this.#givenNs?.[at] ?? 0,
      held,
      signal,
      listener,
      listenFlags,
      extras,
      resolve,
      id,
    }
  }

  /** Forgets job `at`. */
  drop(at: number): void {
    this.nrLeft--
    this.#resolves[at] = undefined
    if (this.#keys !== undefined) this.#keys[at] = undefined
    this.#rest?.delete(at)
  }

  setExtras(at: number, extras: Extras): void {
    this.#rest ??= new Map()
    this.#rest.set(at, { ...(this.#rest.get(at) ?? NO_REST), extras })
  }
}

export class Backlog {
  /** A chunk is freed as soon as all of its jobs have left. */
  #chunks: (Chunk | undefined)[] = []
  /** Index of the next job in the first chunk. */
  #head = 0
  /** How many jobs were pushed before those of the first chunk, and in total. */
  #base = 0
  #nrPushed = 0
  #size = 0
  readonly #out = new Int32Array(JOB_WORDS)

  get size(): number {
    return this.#size
  }

  /** All jobs, each with words of its own. */
  *[Symbol.iterator](): Generator<Waiting> {
    for (const [i, chunk] of this.#chunks.entries()) {
      if (chunk === undefined) continue
      for (let at = i === 0 ? this.#head : 0; at < chunk.size; at++) {
        const job = chunk.get(at, -1 - (this.#base + i * CHUNK_JOBS + at), this.#out)
        if (job !== undefined) yield { ...job, words: job.words.slice(0, job.nrWords) }
      }
    }
  }

  /** The id of the next job to be pushed. */
  nextId(): number {
    return -1 - this.#nrPushed
  }

  /** Copies a job in; the caller may then reuse its words. */
  push(job: Waiting): void {
    let last = this.#chunks.at(-1)
    if (last === undefined || last.size === CHUNK_JOBS) {
      last = new Chunk()
      this.#chunks.push(last)
    }
    last.push(job)
    this.#nrPushed++
    this.#size++
  }

  /** Removes and returns the oldest job. Its words are valid until the next shift() or remove(). */
  shift(): Waiting | undefined {
    while (this.#size > 0) {
      const at = this.#head++
      const job = this.#take(0, at, -1 - (this.#base + at))
      if (job !== undefined) return job
    }
    return undefined
  }

  /** Removes a cancelled job by its id, and returns it. Its words as with shift(). */
  remove(id: number): Waiting | undefined {
    const at = -1 - id - this.#base
    return this.#take(Math.floor(at / CHUNK_JOBS), at % CHUNK_JOBS, id)
  }

  /** Sets the extras of a job, by its id; it had none. */
  setExtras(id: number, extras: Extras): void {
    const at = -1 - id - this.#base
    this.#chunks[Math.floor(at / CHUNK_JOBS)]?.setExtras(at % CHUNK_JOBS, extras)
  }

  #take(index: number, at: number, id: number): Waiting | undefined {
    const chunk = this.#chunks[index]
    const job = chunk?.get(at, id, this.#out)
    if (chunk === undefined || job === undefined) return undefined
    chunk.drop(at)
    this.#size--
    if (chunk.nrLeft === 0 && chunk.size === CHUNK_JOBS) this.#release(index)
    if (this.#size === 0) this.#reset()
    return job
  }

  #release(index: number): void {
    this.#chunks[index] = undefined
    while (this.#chunks.length > 0 && this.#chunks[0] === undefined) {
      this.#chunks.shift()
      this.#head = 0
      this.#base += CHUNK_JOBS
    }
  }

  /** Ids go on: the id of a job that has left never names another. */
  #reset(): void {
    this.#chunks = []
    this.#head = 0
    this.#base = this.#nrPushed
  }
}
