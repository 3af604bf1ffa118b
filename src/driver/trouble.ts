/**
 * When io_uring_enter takes nothing: come again later, and not for ever. Runs on the thread that made the ring.
 *
 * Short of memory, or interrupted, the kernel answers that it would take what it was offered another time. At first the
 * driver comes back with the next turn of the event loop, then ever more slowly, and after some seconds without one success
 * it gives up. Whatever else the kernel answers is final. Must never spin. Counterpart: none.
 */
import { nowMs } from '../lib/clock.js'
import { EAGAIN, EBUSY, EINTR, ENOMEM } from '../lib/errno.js'
import { setTimeout } from '../lib/globals.js'

/** So many times at once, before any pause. */
const AT_ONCE = 4
const LONGEST_MS = 64
const GIVE_UP_MS = 3000

export function isTransient(res: number): boolean {
  return res === -EAGAIN || res === -EBUSY || res === -EINTR || res === -ENOMEM
}

/** How long to wait before the `nr`th time that something is tried again. */
function delayOf(nr: number): number {
  return nr <= AT_ONCE ? 0 : Math.min(LONGEST_MS, 2 ** (nr - AT_ONCE))
}

/** Before the `nr`th time. */
export function pause(nr: number): Promise<void> {
  return new Promise((go) => {
    setTimeout(go, delayOf(nr))
  })
}

export class Trouble {
  readonly #backend: 'kernel' | 'threads'
  #nr = 0
  #sinceMs = 0

  constructor(backend: 'kernel' | 'threads') {
    this.#backend = backend
  }

  /**
   * enter has answered with an error: in how many milliseconds to come again, 0 for the next turn; undefined for never.
   */
  meet(res: number): number | undefined {
    if (!isTransient(res)) return undefined
    if (this.#nr === 0) this.#sinceMs = nowMs()
    this.#nr++
    // Threads have room again as soon as one of the thread's requests has ended, however long that lasts.
    const isBounded = this.#backend === 'kernel' && this.#nr > AT_ONCE
    return isBounded && nowMs() - this.#sinceMs > GIVE_UP_MS ? undefined : delayOf(this.#nr)
  }

  /** enter has succeeded. */
  end(): void {
    this.#nr = 0
  }
}
