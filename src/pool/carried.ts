/**
 * What of the caller's AsyncLocalStorages goes with a job. Owner thread only; job-stores.ts is the worker's side.
 */

type Stores = Readonly<Record<string, { getStore(): unknown }>>

export class Carried {
  readonly #stores: [name: string, store: { getStore(): unknown }][]

  constructor(stores: Stores) {
    this.#stores = Object.entries(stores)
  }

  /** The values that the storages hold now, by name; undefined if none holds any. */
  values(): Record<string, unknown> | undefined {
    let values: Record<string, unknown> | undefined
    for (const [name, store] of this.#stores) {
      const value = store.getStore()
      if (value === undefined) continue
      values ??= {}
      values[name] = value
    }
    return values
  }
}
