/**
 * A lock in one shared word that names its holder. Runs on owner and workers alike.
 *
 * Uncontended it costs one compare-exchange and one exchange. Contended it spins briefly, then sleeps on the word. It
 * is never held across a call that can block or throw. A holder that dies leaves its id in the word, so the owner can
 * repair what it guarded and then break it. Counterpart: the kernel's raw spinlocks; the sleeping part is after Ulrich
 * Drepper, "Futexes Are Tricky", mutex 2.
 */
import { cmpxchg, futexWait, futexWake, loadAcquire, xchg } from '../lib/barrier.js'

/** Set in the word while somebody sleeps on it. */
export const LOCK_CONTENDED = 1 << 30

const SPINS = 100
const STUCK_MS = 10

/**
 * Takes the lock. After each wait of 10 ms it calls `onStuck` with the holder's id: a living holder is only slow, a
 * dead one loses the lock through takeOverLock().
 */
export function lock(words: Int32Array, at: number, holder: number, onStuck?: (holder: number) => void): void {
  if (cmpxchg(words, at, 0, holder) === 0) return
  lockSlow(words, at, holder, onStuck)
}

function lockSlow(words: Int32Array, at: number, holder: number, onStuck?: (holder: number) => void): void {
  for (let i = 0; i < SPINS; i++) {
    if (loadAcquire(words, at) === 0 && cmpxchg(words, at, 0, holder) === 0) return
  }
  for (;;) {
    const seen = loadAcquire(words, at)
    if (seen === 0) {
      // Others may still sleep: a thread that leaves this path holds the lock as contended, and wakes one when it
      // unlocks.
      if (cmpxchg(words, at, 0, holder | LOCK_CONTENDED) === 0) return
      continue
    }
    const contended = seen | LOCK_CONTENDED
    if (seen !== contended && cmpxchg(words, at, seen, contended) !== seen) continue
    if (futexWait(words, at, contended, STUCK_MS) === 'timed-out') onStuck?.(seen & ~LOCK_CONTENDED)
  }
}

export function unlock(words: Int32Array, at: number): void {
  // Publishes all that was written under the lock; pairs with the compare-exchange that takes it.
  if ((xchg(words, at, 0) & LOCK_CONTENDED) !== 0) futexWake(words, at, 1)
}

/** The lock's holder: 0, or a holder's id. */
export function lockHolder(words: Int32Array, at: number): number {
  return loadAcquire(words, at) & ~LOCK_CONTENDED
}

/** Passes a dead holder's lock to `holder`. True if `dead` did hold it. */
export function takeOverLock(words: Int32Array, at: number, dead: number, holder: number): boolean {
  for (;;) {
    const seen = loadAcquire(words, at)
    if ((seen & ~LOCK_CONTENDED) !== dead) return false
    if (cmpxchg(words, at, seen, holder | LOCK_CONTENDED) === seen) return true
  }
}
