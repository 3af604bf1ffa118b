/**
 * Flushes: each waits for the jobs that were given before it. Owner thread only.
 *
 *   given:  | a b c  F1  d e  F2  f |     F1 has marked a, b, c; F2 the rest, d and e, and waits for F1 too
 *
 * Nothing is counted while nobody flushes: a flush looks once at all jobs in flight. Counterpart: io_wq_flush.
 */
import { setImmediate } from '../../lib/globals.js'

export class Flush {
  /** Jobs that it marked and that have not ended. */
  nrLeft = 0
  readonly #resolve: () => void

  constructor(resolve: () => void) {
    this.#resolve = resolve
  }

  /** Resolves in a turn of its own: a job's promise that rejects takes some steps to do so. */
  settle(): void {
    setImmediate(this.#resolve)
  }
}

export class Flushes {
  #open: Flush[] = []

  get size(): number {
    return this.#open.length
  }

  /**
   * A new flush, behind all others; `mark` gives it its jobs. Resolves when they and those of flushes
   * before have ended.
   */
  begin(mark: (flush: Flush) => void): Promise<void> {
    return new Promise((resolve) => {
      const flush = new Flush(resolve)
      this.#open.push(flush)
      mark(flush)
      this.#look()
    })
  }

  /** A job that a flush waits for has ended. */
  ended(flush: Flush): void {
    flush.nrLeft--
    this.#look()
  }

  #look(): void {
    let done = 0
    while (done < this.#open.length && this.#open[done]!.nrLeft === 0) this.#open[done++]!.settle()
    if (done > 0) this.#open = this.#open.slice(done)
  }
}
