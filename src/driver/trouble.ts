/**
 * When io_uring_enter takes nothing: retries, with an end. Runs on the thread that made the ring.
 *
 * Short of memory, or interrupted, the kernel asks for a retry. At first the driver retries with the next turn of the
 * event loop, then ever more slowly, and after some seconds without one success it gives up. Any other answer of the
 * kernel is final. It must never spin. Counterpart: none.
 */
import { nowMs } from '../lib/clock.js'
import { EAGAIN, EBUSY, EINTR, ENOMEM } from '../lib/errno.js'
import { setTimeout } from '../lib/globals.js'

/** So many retries at once, before any pause. */
const AT_ONCE = 4
const LONGEST_MS = 64
const GIVE_UP_MS = 3000

export function isTransient(res: number): boolean {
  return res === -EAGAIN || res === -EBUSY || res === -EINTR || res === -ENOMEM
}

/** The pause before the `nr`th retry. */
function delayOf(nr: number): number {
  return nr <= AT_ONCE ? 0 : Math.min(LONGEST_MS, 2 ** (nr - AT_ONCE))
}

/** Pauses before the `nr`th retry. */
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

  /** enter has returned an error: how many milliseconds to wait, 0 for the next turn; undefined to give up. */
  meet(res: number): number | undefined {
    if (!isTransient(res)) return undefined
    if (this.#nr === 0) this.#sinceMs = nowMs()
    this.#nr++
    // The threads backend has room again as soon as one of the thread's requests has ended, however long that lasts.
    const isBounded = this.#backend === 'kernel' && this.#nr > AT_ONCE
    return isBounded && nowMs() - this.#sinceMs > GIVE_UP_MS ? undefined : delayOf(this.#nr)
  }

  /** enter has succeeded. */
  end(): void {
    this.#nr = 0
  }
}
