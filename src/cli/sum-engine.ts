/**
 * Tasks in, outcomes out in the same order, many under way at once. The main thread runs it.
 *
 * Two limits keep it bounded: files open, and tasks whose outcomes are not emitted. The second is far larger, so that
 * neither a large file at the front nor a busy worker holds up the reading of small files behind it.
 *
 *      | emitted | done . . done done . | open ... | not started
 *                  nrEmitted                         nrStarted
 */
import { readFileSync } from 'node:fs'
import { isShortage } from '../lib/errno.js'
import type { Outcome, Summer } from './sum-file.js'
import type { Source } from './sum-walk.js'

const MAX_OPEN = 64
const MAX_UNEMITTED = 16384

export class Engine {
  readonly #source: Source
  readonly #summer: Summer
  readonly #emit: (outcome: Outcome) => void
  readonly #mayEmit: () => boolean
  readonly #done = new Map<number, Outcome>()
  nrStarted = 0
  nrEmitted = 0
  readonly #maxOpen = maxOpenFiles(MAX_OPEN)
  #nrOpen = 0
  #nrUnfinished = 0
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
    summer.onClosed = () => {
      this.#nrOpen--
      this.go()
    }
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
    if (this.#nrUnfinished === 0) this.#onEnd()
  }

  /** Starts what may be started. */
  go(): void {
    while (
      !this.#hasEnded &&
      this.#nrOpen < this.#maxOpen &&
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
      this.#nrOpen++
      this.#nrUnfinished++
      this.#summer.sum(task).then((outcome) => this.#finish(index, outcome), this.#onFail)
    }
    if (this.#hasEnded && this.#nrUnfinished === 0) this.#onEnd()
  }

  #finish(index: number, outcome: Outcome): void {
    this.#nrUnfinished--
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

/** For Node itself, its workers, the ring and directories being listed. */
const RESERVED_FDS = 64

/** How many files may be open here: the system's limit less what else needs descriptors. Counterpart: getrlimit(2). */
function maxOpenFiles(wanted: number): number {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? []
    return soft === undefined ? wanted : Math.max(1, Math.min(wanted, Number(soft) - RESERVED_FDS))
  } catch (error) {
    // As few as can be, if it is for want of descriptors.
    return isShortage(error) ? 1 : wanted
  }
}
