/**
 * How long jobs wait and run, in nanoseconds, where a pool is asked for it: from what workers stamp (stamps.ts). Owner
 * thread only.
 */
import { createHistogram, type Histogram, type RecordableHistogram } from 'node:perf_hooks'
import { hrtime } from '../../lib/globals.js'
import { STAMP } from '../between/record.js'
import { BEGUN_NS, BEGUN_S, ENDED_NS, ENDED_S, STRIDE } from '../between/stamps.js'

const NS_PER_S = 1e9

export class Histograms {
  /** For the workers. */
  readonly sab: SharedArrayBuffer
  readonly #words: Uint32Array
  readonly #given: Float64Array
  readonly #originS = hrtime()[0]
  readonly #wait: RecordableHistogram = createHistogram()
  readonly #run: RecordableHistogram = createHistogram()

  constructor(nrItems: number) {
    this.sab = new SharedArrayBuffer(nrItems * STAMP.size)
    this.#words = new Uint32Array(this.sab)
    this.#given = new Float64Array(nrItems)
  }

  /** From the call until a worker began. */
  get wait(): Histogram {
    return this.#wait
  }

  /** From there until the job ended, its promise included. */
  get run(): Histogram {
    return this.#run
  }

  /** Nanoseconds since this was made. */
  now(): number {
    const [s, ns] = hrtime()
    return this.#at(s, ns)
  }

  /** The job that has this item now was given at `ns`. */
  given(item: number, ns: number): void {
    this.#given[item] = ns
  }

  givenAt(item: number): number {
    return this.#given[item]!
  }

  /** A job came home. */
  record(item: number): void {
    const words = this.#words
    const at = item * STRIDE
    const begun = this.#at(words[at + BEGUN_S]!, words[at + BEGUN_NS]!)
    // The smallest that a histogram takes is 1.
    this.#wait.record(Math.max(1, begun - this.#given[item]!))
    this.#run.record(Math.max(1, this.#at(words[at + ENDED_S]!, words[at + ENDED_NS]!) - begun))
  }

  #at(s: number, ns: number): number {
    return (s - this.#originS) * NS_PER_S + ns
  }
}
