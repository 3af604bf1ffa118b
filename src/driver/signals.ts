/**
 * AbortSignals and the operations that follow them. Runs on the thread that made the ring.
 *
 * A thread listens to a signal once, however many rings and operations follow it, and only while one does: Node warns of
 * more than ten listeners. What a signal is asked may be its own code, which may do anything: it is listened to before an
 * operation is queued, and let go of in a microtask, when nothing is half done. Counterpart: none.
 */
import { nextTick, queueMicrotask } from '../lib/globals.js'
import { abortError, invalidArgType } from './errors.js'

/** What follows a signal: of each ring, the slots of its operations. */
interface Followers {
  readonly slots: Map<Signals, Set<number>>
  readonly listener: () => void
  /** Operations that are about to follow it. */
  nrComing: number
}

const followed = new Map<AbortSignal, Followers>()
/** Signals that nobody followed any more, when last seen. */
let idle: AbortSignal[] = []

function makeFollowers(): Followers {
  const slots = new Map<Signals, Set<number>>()
  return {
    slots,
    listener: () => {
      // From a copy: an operation that is taken back leaves.
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
      // As what a listener throws.
      nextTick(() => {
        throw error
      })
    }
  }
}

/** Throws for what is no signal, and the AbortError of one that has fired. */
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
   * Listens to a signal for an operation that is about to follow it: add() or drop() comes next. Throws for what is no
   * signal, the AbortError of one that has fired, and what its own code throws. Returns the signal.
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
      // That may have had it fire.
      checkSignal(signal)
    } catch (error) {
      this.drop(signal)
      throw error
    }
    return signal
  }

  /** The operation that was about to follow it does not. */
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
