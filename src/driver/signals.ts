/**
 * AbortSignals and the operations that follow them. Runs on the thread that made the ring.
 *
 * A thread listens to a signal once, however many rings and operations follow it, and only while one does: Node warns of
 * more than ten listeners. Counterpart: none.
 */

/** What follows a signal: of each ring, the slots of its operations. */
interface Followers {
  readonly slots: Map<Signals, Set<number>>
  readonly listener: () => void
}

const followed = new Map<AbortSignal, Followers>()

function follow(signal: AbortSignal): Followers {
  const slots = new Map<Signals, Set<number>>()
  const followers: Followers = {
    slots,
    listener: () => {
      // From a copy: an operation that is taken back leaves.
      for (const [ring, its] of [...slots]) ring.fire([...its])
    },
  }
  followed.set(signal, followers)
  signal.addEventListener('abort', followers.listener)
  return followers
}

export class Signals {
  readonly #onAbort: (slot: number) => void

  /** `onAbort` runs for each operation whose signal fires, and never for one that was removed. */
  constructor(onAbort: (slot: number) => void) {
    this.#onAbort = onAbort
  }

  add(signal: AbortSignal, slot: number): void {
    const { slots } = followed.get(signal) ?? follow(signal)
    const mine = slots.get(this)
    if (mine === undefined) slots.set(this, new Set([slot]))
    else mine.add(slot)
  }

  remove(signal: AbortSignal, slot: number): void {
    const followers = followed.get(signal)
    const mine = followers?.slots.get(this)
    if (followers === undefined || mine?.delete(slot) !== true || mine.size > 0) return
    followers.slots.delete(this)
    if (followers.slots.size > 0) return
    followed.delete(signal)
    signal.removeEventListener('abort', followers.listener)
  }

  /** For the listener alone. */
  fire(slots: readonly number[]): void {
    for (const slot of slots) this.#onAbort(slot)
  }
}
