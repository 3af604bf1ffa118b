/**
 * A structure of a table, filled by the names of its fields. Runs on the thread of the ring; register.ts has the rules
 * for every call.
 *
 * Counterpart: designated initializers in C.
 */
import type { Layout } from '../../lib/layout.js'

/** A structure to be filled by its table's names. */
export class Fields<N extends string> {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly #at: { readonly [K in N]: number }

  constructor(layout: Layout<N>) {
    const memory = new ArrayBuffer(layout.size)
    this.bytes = new Uint8Array(memory)
    this.view = new DataView(memory)
    this.#at = layout.at
  }

  u32(name: N, value: number): void {
    this.view.setInt32(this.#at[name], value | 0, true)
  }

  u64(name: N, value: number): void {
    this.view.setBigInt64(this.#at[name], BigInt(value), true)
  }
}
