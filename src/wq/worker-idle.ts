/**
 * How a worker waits for work: it spins for a while, then sleeps until it is woken or its idle timeout has passed, in a
 * futex or in Node's event loop. Runs on the worker thread.
 *
 * It writes its own wake word and its own WORKER record alone. Counterpart: the sleeping part of io_wq_worker.
 */
import { cmpxchg, fetchAdd, futexWait, futexWaitAsync, loadAcquire, storeRelease } from '../lib/barrier.js'
import { nowMs } from '../lib/clock.js'
import { WAKE_ASLEEP, WAKE_NO, WAKE_YES, WORKER, WQ, type WqMemory } from './layout.js'
import { STALLED } from './words.js'

/** After vain spins, 1, 3, 7, then 15 sleeps follow without a spin; a spin that finds work starts over. */
const MAX_SPINS_SKIPPED = 15

/** How often a worker that waits for another pool's key looks, past its idle timeout. */
const STALLED_MS = 1000

export class WorkerIdle {
  readonly #mem: WqMemory
  readonly #slot: number
  readonly #acct: number
  readonly #idleMs: number
  readonly #spinMs: number
  /** A wait of listen() has not ended. */
  #listens = false
  /** When the idle timeout ends, on this thread's clock; Infinity: the worker stays. */
  #untilMs = 0
  #spinsToSkip = 0
  #spinsSkipped = 0

  constructor(mem: WqMemory, slot: number, acct: number) {
    this.#mem = mem
    this.#slot = slot
    this.#acct = acct
    this.#idleMs = mem.words[WQ.at.idle_ms >> 2]!
    this.#spinMs = mem.words[WQ.at.spin_us >> 2]! / 1000
  }

  /** Under the lock: the idle timeout begins; `again`: it has passed once, and the worker stays. */
  begin(now: number, again: boolean): void {
    this.#untilMs = now + (again ? this.#staysFor() : this.#idleMs)
  }

  /** The worker was busy, though it took nothing from its list: the timeout of one that stays begins anew. */
  hasWorked(): void {
    if (this.#untilMs === Number.POSITIVE_INFINITY) this.#untilMs = nowMs() + this.#idleMs
  }

  isOver(now: number): boolean {
    return now >= this.#untilMs
  }

  /** The rest of the idle timeout; Infinity: the worker stays. */
  get leftMs(): number {
    return Math.max(0, this.#untilMs - nowMs())
  }

  /**
   * Under the lock: how long a worker sleeps that has idled for its whole timeout and stays. A worker that may leave is
   * woken.
   */
  #staysFor(): number {
    const { sharedHash, words } = this.#mem
    // But a worker that releases the awaited key may wake nobody here.
    const isStalled = sharedHash !== undefined && words[this.#mem.acct(this.#acct) + STALLED] !== 0
    return isStalled ? Math.max(this.#idleMs, STALLED_MS) : Number.POSITIVE_INFINITY
  }

  /** Spins on the wake word for a bounded time, if fewer workers spin than may. True if woken. */
  spin(now: number): boolean {
    const { words, hashWords } = this.#mem
    const wake = this.#mem.wake(this.#slot)
    const spinning = this.#mem.worker(this.#slot) + (WORKER.at.spinning >> 2)
    const nrSpinning = WQ.at.nr_spinning >> 2
    if (loadAcquire(words, nrSpinning) >= words[WQ.at.max_spinning >> 2]!) return false
    if (this.#spinsToSkip > 0) {
      this.#spinsToSkip--
      return false
    }
    storeRelease(words, spinning, 1)
    fetchAdd(words, nrSpinning, 1)
    const until = now + this.#spinMs
    let woken = false
    do {
      for (let i = 0; i < 32 && !woken; i++) woken = loadAcquire(hashWords, wake) === WAKE_YES
    } while (!woken && nowMs() < until)
    fetchAdd(words, nrSpinning, -1)
    storeRelease(words, spinning, 0)
    this.#spinsSkipped = woken ? 0 : Math.min(2 * this.#spinsSkipped + 1, MAX_SPINS_SKIPPED)
    this.#spinsToSkip = this.#spinsSkipped
    return woken
  }

  /**
   * Replaces a sleep for a thread that waits in Node's event loop: calls `onWake` there when this worker is woken, and
   * now and then without a reason. False if the worker has been woken already. The caller keeps the idle timeout.
   */
  listen(onWake: () => void): boolean {
    if (!this.#fallAsleep()) return false
    // A wait cannot be withdrawn. One that outlived its pause serves the next.
    if (this.#listens) return true
    const woken = futexWaitAsync(this.#mem.hashWords, this.#mem.wake(this.#slot), WAKE_ASLEEP)
    if (woken === undefined) return false
    this.#listens = true
    void woken.then(() => {
      this.#listens = false
      onWake()
    })
    return true
  }

  /** False if it has been woken since it went on the free list. */
  #fallAsleep(): boolean {
    return cmpxchg(this.#mem.hashWords, this.#mem.wake(this.#slot), WAKE_NO, WAKE_ASLEEP) !== WAKE_YES
  }

  /** Sleeps until woken, or the idle timeout has passed. */
  sleep(): void {
    const { hashWords } = this.#mem
    const wake = this.#mem.wake(this.#slot)
    if (!this.#fallAsleep()) return
    for (;;) {
      const left = this.#untilMs - nowMs()
      if (loadAcquire(hashWords, wake) === WAKE_YES || left <= 0) return
      futexWait(hashWords, wake, WAKE_ASLEEP, left)
    }
  }
}
