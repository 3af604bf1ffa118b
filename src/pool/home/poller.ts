/**
 * When the owner looks for finished jobs. Owner thread only.
 *
 *   idle --run()--> looking each turn --so many empty turns--> armed --a worker takes `armed` to 0--> looking
 *
 * Looking costs a turn of the event loop, a microsecond or two; being woken costs ten, and the worker a system call. So
 * while jobs are in flight the owner looks first, and arms the wake-up when nothing came for a while. Where looking does
 * not pay, because jobs are long or the CPU is shared, it looks half as long each time, with one full try in 32.
 * A message wakes it: an eventfd was measured, and is no faster. Counterpart: NAPI, which polls a network card under
 * load and turns its interrupt on when the card falls silent.
 */
import { availableParallelism } from 'node:os'
import { loadAcquire, xchg } from '../../lib/barrier.js'
import { clearInterval, setImmediate, setInterval } from '../../lib/globals.js'
import { ARMED, NR_CLAIMS, type Space } from '../between/record.js'

/** How many turns of the event loop may pass without a finished job before the owner arms, at most: about 100 us. */
const MAX_EMPTY_TURNS = availableParallelism() > 1 ? 50 : 1
/** One in so many looks is a long one, whatever came of those before. */
const TRY_AGAIN = 32
/** Each time that so many turns, 10 us or so, have brought no finished job, what is queued is to get another worker. */
const STALL_TURNS = 8

export interface PollerHooks {
  /** Drains; returns how many jobs it settled. */
  drain(): number
  /** True iff nothing is waiting to be drained. */
  isDrained(): boolean
  /** Workers have claimed messages. */
  onClaims(): void
  /** Nothing has come home for a while, or the owner is about to sleep. */
  onStall(): void
  /** Whether jobs are in flight. */
  isBusy(): boolean
  /** None is, in a turn of its own. */
  onRest(): void
  /** Whether anybody may wait for them: else the process may end meanwhile. */
  isAwaited(): boolean
}

export class Poller {
  readonly #hooks: PollerHooks
  readonly #words: Int32Array
  /** Keeps the process alive while the owner sleeps with jobs in flight: the workers' ports do not. */
  readonly #alive = setInterval(() => {}, 0x7fff_ffff).unref()
  #isScheduled = false
  #isArmed = false
  #emptyTurns = 0
  readonly #mostEmptyTurns: number
  #maxEmptyTurns: number
  #nrArmed = 0
  #seenClaims = 0

  constructor(space: Space, hooks: PollerHooks, mostEmptyTurns = MAX_EMPTY_TURNS) {
    this.#mostEmptyTurns = mostEmptyTurns
    this.#maxEmptyTurns = mostEmptyTurns
    this.#words = space.words
    this.#hooks = hooks
  }

  /** A job was given: looks at the end of this turn of the event loop, and so on. */
  look(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    if (this.#isArmed) this.#disarm()
    setImmediate(this.#onTurn)
  }

  /** A worker took `armed` to 0, and sent the message that is being delivered. */
  readonly onWake = (): void => {
    this.#emptyTurns = 0
    if (this.#isArmed) this.#disarm()
    if (!this.#isScheduled) this.#onTurn()
  }

  readonly #onTurn = (): void => {
    this.#isScheduled = false
    const { drain, isBusy, onStall } = this.#hooks
    const nrSettled = drain()
    this.answerClaims()
    if (!isBusy()) {
      // No handle of ours is left on the event loop.
      this.#emptyTurns = 0
      this.#hooks.onRest()
      return
    }
    if (nrSettled === 0) this.#emptyTurns++
    else {
      // Found by looking on: it was worth while.
      if (this.#emptyTurns > 0) this.#maxEmptyTurns = this.#mostEmptyTurns
      this.#emptyTurns = 0
    }
    const sleeps = this.#emptyTurns >= this.#maxEmptyTurns
    if (sleeps || this.#emptyTurns % STALL_TURNS === STALL_TURNS - 1) onStall()
    if (!sleeps || !this.#arm()) this.look()
  }

  /** True if the owner may sleep: the next job to end wakes it. */
  #arm(): boolean {
    xchg(this.#words, ARMED, 1)
    this.#isArmed = true
    // Pairs with the worker, which pushes first and then looks at the word: one of the two sees the other.
    if (this.#hooks.isDrained() && loadAcquire(this.#words, NR_CLAIMS) === this.#seenClaims) {
      this.keepAlive()
      this.#nrArmed++
      this.#maxEmptyTurns =
        this.#nrArmed % TRY_AGAIN === 0 ? this.#mostEmptyTurns : Math.max(1, this.#maxEmptyTurns >> 1)
      return true
    }
    this.#disarm()
    return false
  }

  /** Keeps the process alive, or lets it end, as the jobs have it. */
  keepAlive(): void {
    if (!this.#isArmed) return
    if (this.#hooks.isAwaited()) this.#alive.ref()
    else this.#alive.unref()
  }

  #disarm(): void {
    xchg(this.#words, ARMED, 0)
    this.#isArmed = false
    this.#alive.unref()
  }

  /** Whether workers have claimed messages since they were last answered. */
  hasClaims(): boolean {
    return loadAcquire(this.#words, NR_CLAIMS) !== this.#seenClaims
  }

  answerClaims(): void {
    if (!this.hasClaims()) return
    this.#seenClaims = loadAcquire(this.#words, NR_CLAIMS)
    this.#hooks.onClaims()
  }

  close(): void {
    clearInterval(this.#alive)
  }
}
