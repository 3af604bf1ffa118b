/**
 * What of the caller's AsyncLocalStorages goes with a job. Owner thread only; job-stores.ts is the worker's side.
 */
import { badType } from '../values/checks.js'

type Stores = Readonly<Record<string, { getStore(): unknown }>>

export class Carried {
  readonly #stores: [name: string, store: { getStore(): unknown }][]

  /** Throws ERR_INVALID_ARG_TYPE for what are no AsyncLocalStorages by name. */
  constructor(stores: Stores) {
    if (typeof stores !== 'object' || stores === null) throw badType('asyncContext', 'an object', stores)
    this.#stores = Object.entries(stores)
    for (const [name, store] of this.#stores) {
      if (typeof store?.getStore !== 'function') throw badType(`asyncContext.${name}`, 'an AsyncLocalStorage', store)
    }
  }

  /** The values that the storages hold now, by name; undefined if none holds any. */
  values(): Record<string, unknown> | undefined {
    let values: Record<string, unknown> | undefined
    for (const [name, store] of this.#stores) {
      const value = store.getStore()
      if (value === undefined) continue
      // Of no prototype: names are the user's.
      values ??= Object.create(null) as Record<string, unknown>
      values[name] = value
    }
    return values
  }
}
