/**
 * Tasks in, outcomes out in the same order, many under way at once. The main thread runs it.
 *
 * Two limits keep it bounded: files under way, and outcomes that wait for an earlier one. The second is far larger, so
 * that a large file at the front does not hold up the small ones behind it.
 *
 *      | emitted | done . . done done | under way ... | not started
 *                  nrEmitted                            nrStarted
 */
import { maxOpenFiles } from './limits.js'
import type { Outcome, Summer } from './sum-file.js'
import { SLIP_PIECES } from './sum-layout.js'
import type { Source } from './sum-walk.js'

/** A slip has room for as many; see sum-layout.ts. */
const MAX_UNDER_WAY = SLIP_PIECES
const MAX_UNEMITTED = 16384

export class Engine {
  readonly #source: Source
  readonly #summer: Summer
  readonly #emit: (outcome: Outcome) => void
  readonly #mayEmit: () => boolean
  readonly #done = new Map<number, Outcome>()
  nrStarted = 0
  nrEmitted = 0
  readonly #maxUnderWay = maxOpenFiles(MAX_UNDER_WAY)
  #nrUnderWay = 0
  #hasEnded = false
  #isStopped = false
  #onEnd: () => void = () => {}
  #onFail: (error: unknown) => void = () => {}

  /** `emit` gets each outcome in order; nothing more is started while `mayEmit` says no, until go() is called. */
  constructor(source: Source, summer: Summer, emit: (outcome: Outcome) => void, mayEmit: () => boolean) {
    this.#source = source
    this.#summer = summer
    this.#emit = emit
    this.#mayEmit = mayEmit
    source.onReady = () => this.go()
  }

  /** Resolves when the last outcome was emitted, or, after stop(), when nothing is under way. */
  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onEnd = resolve
      this.#onFail = reject
      this.go()
    })
  }

  /** Starts no more, and emits no more. */
  stop(): void {
    this.#isStopped = true
    this.#hasEnded = true
    this.#done.clear()
    if (this.#nrUnderWay === 0) this.#onEnd()
  }

  /** Starts what may be started. */
  go(): void {
    while (
      !this.#hasEnded &&
      this.#nrUnderWay < this.#maxUnderWay &&
      this.nrStarted - this.nrEmitted < MAX_UNEMITTED &&
      this.#mayEmit()
    ) {
      const task = this.#source.next()
      if (task === undefined) return
      if (task === null) {
        this.#hasEnded = true
        break
      }
      const index = this.nrStarted++
      this.#nrUnderWay++
      this.#summer.sum(task).then((outcome) => this.#finish(index, outcome), this.#onFail)
    }
    if (this.#hasEnded && this.#nrUnderWay === 0) this.#onEnd()
  }

  #finish(index: number, outcome: Outcome): void {
    this.#nrUnderWay--
    if (!this.#isStopped) this.#done.set(index, outcome)
    for (;;) {
      const next = this.#done.get(this.nrEmitted)
      if (next === undefined) break
      this.#done.delete(this.nrEmitted++)
      this.#emit(next)
    }
    this.go()
  }
}
