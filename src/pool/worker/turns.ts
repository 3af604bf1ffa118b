/**
 * When a worker is in Node's event loop, and when it comes back to look for jobs. Worker threads only.
 *
 *   busy --10 ms of work--> a turn --> busy          nothing to do --> asleep away from the event loop, on a futex
 *   busy --as many pending as may be--> until one ends, or is parked --> busy
 *   nothing to do, but promises pending or handles alive --> in the event loop, until woken
 *
 * Counterpart: WorkerHooks.pause.
 */
import { nowMs } from '../../lib/clock.js'
import {
  clearTimeout,
  getActiveResourcesInfo,
  queueMicrotask,
  setImmediate,
  setInterval,
  setTimeout,
} from '../../lib/globals.js'
import type { WorkerLoop } from '../../wq/worker-loop.js'
import { inNewFrame } from './job-context.js'

/** How long jobs may keep the event loop waiting, and how long while promises of jobs are pending there. */
const BUSY_MS = 10
const PENDING_BUSY_MS = 1

/** What the paused loop waits for: the next turn of the event loop, an end among pending jobs, a wake-up. */
type Wait = 'turn' | 'room' | 'wake'

export interface TurnsParts {
  /** Jobs that may be pending at once. */
  readonly limit: number
  readonly loop: () => WorkerLoop
  readonly retires: () => boolean
  /** The thread is about to sleep, and did nothing since it last did. */
  readonly onLongIdle: () => void
}

export class Turns {
  readonly #parts: TurnsParts
  /** Keeps the thread alive while a job's promise is pending, whatever that waits for. */
  readonly #alive = setInterval(() => {}, 0x7fff_ffff).unref()
  #resume: (() => void) | undefined
  #wait: Wait = 'turn'
  #idleTimer: NodeJS.Timeout | undefined
  #turnedAt = nowMs()
  #nrPending = 0
  /** Of these, generators that wait for their caller to take values. */
  #nrParked = 0
  /** A job was detached since the last pause: what follows its first await may be due at once. */
  #hasDetached = false
  /** Jobs ran since the last sleep; a sleep with none before it followed an idle timeout. */
  #ranSome = false
  #turned = false

  constructor(parts: TurnsParts) {
    this.#parts = parts
  }

  /** WorkerHooks.pause. */
  readonly pause = (resume: () => void, idle: boolean, now: number): boolean => {
    if (idle) return this.#pauseIdle(resume, now)
    this.#ranSome = true
    this.#turned = false
    if (this.#nrPending === 0) {
      if (now - this.#turnedAt < BUSY_MS) return false
      this.#nextTurn(resume)
      return true
    }
    if (!this.#hasRoom()) {
      // Whoever waits for this worker gets another.
      this.#parts.loop().sleeping()
      this.#resume = resume
      this.#wait = 'room'
    } else if (now - this.#turnedAt >= PENDING_BUSY_MS) this.#nextTurn(resume)
    else if (this.#hasDetached) {
      this.#resume = resume
      this.#wait = 'turn'
      queueMicrotask(this.#go)
    } else return false
    this.#hasDetached = false
    return true
  }

  #pauseIdle(resume: () => void, now: number): boolean {
    this.#turnedAt = now
    this.#hasDetached = false
    if (this.#nrPending === 0) {
      if (!this.#turned) {
        this.#turned = true
        this.#nextTurn(resume)
        return true
      }
      if (getActiveResourcesInfo().length === 0) {
        if (!this.#ranSome) this.#parts.onLongIdle()
        this.#ranSome = false
        return false
      }
    }
    const loop = this.#parts.loop()
    if (!loop.listen(this.#onTurn)) {
      this.#nextTurn(resume)
      return true
    }
    this.#resume = resume
    this.#wait = 'wake'
    this.#alive.ref()
    const { idleLeftMs } = loop
    if (idleLeftMs < Number.POSITIVE_INFINITY) this.#idleTimer = setTimeout(this.#onTurn, idleLeftMs).unref()
    return true
  }

  #nextTurn(resume: () => void): void {
    this.#resume = resume
    this.#wait = 'turn'
    setImmediate(this.#onTurn)
  }

  readonly #onTurn = (): void => {
    this.#turnedAt = nowMs()
    // Early, where the loop was resumed for another reason since: it looks, and pauses again. Room has to be waited for.
    if (this.#wait !== 'room') this.#go()
  }

  readonly #go = (): void => {
    const resume = this.#resume
    if (resume === undefined) return
    this.#resume = undefined
    clearTimeout(this.#idleTimer)
    if (this.#nrPending === 0) this.#alive.unref()
    inNewFrame(resume)
  }

  /** A job's promise is pending: the loop goes on without it. */
  detached(): void {
    this.#hasDetached = true
    if (this.#nrPending++ === 0) this.#alive.ref()
  }

  /** It has settled, and its item gone home. `more`: what was behind it is to be run. */
  finished(more: boolean): void {
    if (--this.#nrPending === 0) this.#alive.unref()
    if (this.#wait === 'turn') return
    if (more || this.#nrPending === 0) this.#go()
    else this.#look()
  }

  /** Whether one more job may begin beside those that are pending. One that waits for its caller is in nobody's way. */
  #hasRoom(): boolean {
    return this.#nrPending - this.#nrParked < this.#parts.limit && !this.#parts.retires()
  }

  readonly #look = (): void => {
    if (this.#wait === 'room' && this.#hasRoom()) this.#go()
  }

  /** A generator waits for its caller, or, with -1, goes on. */
  readonly parked = (by: 1 | -1): void => {
    this.#nrParked += by
    // Not from within the generator's own step.
    if (by > 0) queueMicrotask(this.#look)
  }

  /** Whether all that is pending waits for its caller. */
  get isParked(): boolean {
    return this.#nrPending > 0 && this.#nrPending === this.#nrParked
  }

  /** The thread stays alive from now on, for what it does before it ends. */
  stay(): void {
    this.#alive.ref()
  }
}
