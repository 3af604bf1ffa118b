/**
 * Jobs by the `id` that they were given with: who asks for one does not walk all others. Owner thread only.
 */
import type { Extras } from './extras.js'

export class JobIds {
  /** One job, or several in the order given. */
  readonly #byId = new Map<unknown, Extras | Set<Extras>>()

  add(extras: Extras): void {
    const { id } = extras
    const there = this.#byId.get(id)
    if (there === undefined) this.#byId.set(id, extras)
    else if (there instanceof Set) there.add(extras)
    else this.#byId.set(id, new Set([there, extras]))
  }

  remove(extras: Extras): void {
    const { id } = extras
    const there = this.#byId.get(id)
    if (there === extras) this.#byId.delete(id)
    else if (there instanceof Set && there.delete(extras) && there.size === 0) this.#byId.delete(id)
  }

  has(extras: Extras): boolean {
    const there = this.#byId.get(extras.id)
    return there === extras || (there instanceof Set && there.has(extras))
  }

  /** As of now. As with `===`, NaN is nobody's. */
  find(id: unknown): Extras[] {
    if (id === undefined || Number.isNaN(id)) return []
    const there = this.#byId.get(id)
    return there === undefined ? [] : there instanceof Set ? [...there] : [there]
  }

  get size(): number {
    return this.#byId.size
  }
}
