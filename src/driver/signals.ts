/**
 * AbortSignals and the operations that follow them. Runs on the thread that made the ring.
 *
 * A thread listens to a signal once, however many rings and operations follow it, and only while one does: Node warns
 * of more than ten listeners. A signal's methods may be the caller's own code, which may do anything. So the thread
 * starts to listen before an operation is queued, and stops in a microtask, when nothing is half done. Counterpart:
 * none.
 */
import { nextTick, queueMicrotask } from '../lib/globals.js'
import { abortError, invalidArgType } from './errors.js'

/** The followers of a signal: the slots of operations, by ring. */
interface Followers {
  readonly slots: Map<Signals, Set<number>>
  readonly listener: () => void
  /** Operations that will follow it soon. */
  nrComing: number
}

const followed = new Map<AbortSignal, Followers>()
/** Signals without followers, when last seen. */
let idle: AbortSignal[] = []

function makeFollowers(): Followers {
  const slots = new Map<Signals, Set<number>>()
  return {
    slots,
    listener: () => {
      // From a copy: a withdrawn operation leaves.
      for (const [ring, its] of [...slots]) ring.fire([...its])
    },
    nrComing: 0,
  }
}

function isFollowed({ slots, nrComing }: Followers): boolean {
  return slots.size > 0 || nrComing > 0
}

function leave(signal: AbortSignal): void {
  if (idle.push(signal) === 1) queueMicrotask(letGo)
}

function letGo(): void {
  const signals = idle
  idle = []
  for (const signal of signals) {
    const followers = followed.get(signal)
    if (followers === undefined || isFollowed(followers)) continue
    followed.delete(signal)
    try {
      signal.removeEventListener('abort', followers.listener)
    } catch (error) {
      // Like an error that a listener throws.
      nextTick(() => {
        throw error
      })
    }
  }
}

/** Throws for a value that is no signal, and the AbortError of a signal that has fired. */
function checkSignal(signal: AbortSignal): void {
  if (
    signal === null ||
    typeof signal !== 'object' ||
    !('aborted' in signal) ||
    typeof signal.addEventListener !== 'function'
  ) {
    throw invalidArgType('options.signal', 'an instance of AbortSignal', signal)
  }
  if (signal.aborted) throw abortError(signal)
}

export class Signals {
  readonly #onAbort: (slot: number) => void

  /** `onAbort` runs for each operation whose signal fires, and never for one that was removed. */
  constructor(onAbort: (slot: number) => void) {
    this.#onAbort = onAbort
  }

  /**
   * Listens to a signal for an operation that will follow it: add() or drop() comes next. Throws for a value that is no
   * signal, the AbortError of one that has fired, and an error of its own code. Returns the signal.
   */
  listen(signal: AbortSignal): AbortSignal {
    checkSignal(signal)
    let followers = followed.get(signal)
    if (followers !== undefined) {
      followers.nrComing++
      return signal
    }
    followers = makeFollowers()
    followers.nrComing = 1
    followed.set(signal, followers)
    try {
      signal.addEventListener('abort', followers.listener)
      // That may have fired it.
      checkSignal(signal)
    } catch (error) {
      this.drop(signal)
      throw error
    }
    return signal
  }

  /** The operation will not follow it. */
  drop(signal: AbortSignal): void {
    const followers = followed.get(signal)!
    followers.nrComing--
    if (!isFollowed(followers)) leave(signal)
  }

  /** The operation in a slot follows the signal that was listened to for it. */
  add(signal: AbortSignal, slot: number): void {
    const followers = followed.get(signal)!
    followers.nrComing--
    const mine = followers.slots.get(this)
    if (mine === undefined) followers.slots.set(this, new Set([slot]))
    else mine.add(slot)
  }

  remove(signal: AbortSignal, slot: number): void {
    const followers = followed.get(signal)
    const mine = followers?.slots.get(this)
    if (followers === undefined || mine?.delete(slot) !== true || mine.size > 0) return
    followers.slots.delete(this)
    if (!isFollowed(followers)) leave(signal)
  }

  /** For the listener alone. */
  fire(slots: readonly number[]): void {
    for (const slot of slots) this.#onAbort(slot)
  }
}
