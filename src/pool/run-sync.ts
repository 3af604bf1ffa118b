/**
 * A job whose caller sleeps until it has ended. Owner thread only, which does meanwhile what its event loop would do for
 * the pool: it takes jobs home, answers claims, and sees to workers that block or die.
 */
import { nowMs } from '../lib/clock.js'
import type { WqMemory } from '../wq/layout.js'
import { hasWorkerUp } from '../wq/owner-wait.js'
import type { SyncOutcome } from './home/sync-outcome.js'
import { poolError } from './values/failure.js'

/** The longest that a worker may take to come up, while nobody can be told that it did not. */
const START_LIMIT_MS = 30_000

/** Sleeps, by `sleepOnce`, until the job is done. Throws ERR_URING_WORKER_DIED if no worker comes up in 30 s. */
export function waitFor(outcome: SyncOutcome, mem: WqMemory, acct: number, sleepOnce: () => void): void {
  let aloneSince = nowMs()
  while (!outcome.isDone) {
    sleepOnce()
    // A thread that ends before it is up is only known by an event, which does not come now.
    if (hasWorkerUp(mem, acct)) aloneSince = nowMs()
    else if (!outcome.isDone && nowMs() - aloneSince > START_LIMIT_MS) {
      throw poolError('ERR_URING_WORKER_DIED', `no worker came up within ${START_LIMIT_MS} ms`)
    }
  }
}

const sharedStreams = new WeakMap<SharedArrayBuffer, OpenStreams>()

/**
 * Generators whose values this thread has to take: a job of the key of one cannot be waited for here. One without a key
 * is in nobody's way, for it gives up its place when the values that it may send are on their way.
 */
export class OpenStreams {
  readonly #keys = new Map<object, unknown>()

  /** Pools of one thread that share keys wait for each other's. */
  static of(keys: SharedArrayBuffer | undefined): OpenStreams {
    const there = keys && sharedStreams.get(keys)
    if (there !== undefined) return there
    const made = new OpenStreams()
    if (keys !== undefined) sharedStreams.set(keys, made)
    return made
  }

  open(stream: object, key: unknown): void {
    if (key !== undefined) this.#keys.set(stream, key)
  }

  /** It has ended, or has not begun. */
  close(stream: object): void {
    this.#keys.delete(stream)
  }

  has(key: unknown): boolean {
    if (key === undefined || this.#keys.size === 0) return false
    // As the keys of a Map are compared.
    return new Set(this.#keys.values()).has(key)
  }

  /** Throws ERR_URING_DEADLOCK if a job of this key could only run after this thread has taken more values. */
  assertNotBehind(key: unknown): void {
    if (!this.has(key)) return
    throw poolError(
      'ERR_URING_DEADLOCK',
      'this job would wait for an iterate() of its key, which waits for this thread to take values: end that first, or use run()',
    )
  }
}
