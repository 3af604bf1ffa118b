/**
 * AbortSignals and the operations that follow them. Runs on the thread that made the ring.
 *
 * A ring listens to a signal once, however many operations follow it, and only while one does. Counterpart: none.
 */

interface Followers {
  readonly slots: Set<number>
  readonly listener: () => void
}

export class Signals {
  readonly #followers = new Map<AbortSignal, Followers>()
  readonly #onAbort: (slot: number) => void

  /** `onAbort` runs for each operation whose signal fires, and never for one that was removed. */
  constructor(onAbort: (slot: number) => void) {
    this.#onAbort = onAbort
  }

  add(signal: AbortSignal, slot: number): void {
    let followers = this.#followers.get(signal)
    if (followers === undefined) {
      followers = { slots: new Set(), listener: () => this.#fire(signal) }
      this.#followers.set(signal, followers)
      signal.addEventListener('abort', followers.listener)
    }
    followers.slots.add(slot)
  }

  remove(signal: AbortSignal, slot: number): void {
    const followers = this.#followers.get(signal)
    if (followers?.slots.delete(slot) !== true || followers.slots.size > 0) return
    this.#followers.delete(signal)
    signal.removeEventListener('abort', followers.listener)
  }

  #fire(signal: AbortSignal): void {
    const slots = this.#followers.get(signal)?.slots
    // From a copy: an operation that is taken back leaves the set.
    for (const slot of [...(slots ?? [])]) this.#onAbort(slot)
  }
}
