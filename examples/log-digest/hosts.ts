/**
 * The shared table of hosts: one row of numbers each, which jobs fill and the main thread reads. Main thread.
 */
import { ROW, ROW_FIELDS } from './jobs.js'

const ROWS_PER_TABLE = 4096

export interface Place {
  readonly table: Float64Array
  readonly row: number
}

export interface Digest {
  readonly host: string
  readonly hits: number
  readonly bytes: number
  readonly errors: number
  readonly sessions: number
  readonly longestSeconds: number
}

export class Hosts {
  readonly #places = new Map<string, Place>()
  #table: Float64Array = new Float64Array(0)

  /** Where a host's row is; a new one if it has none. */
  place(host: string): Place {
    let place = this.#places.get(host)
    if (place === undefined) {
      const row = this.#places.size % ROWS_PER_TABLE
      if (row === 0) this.#table = new Float64Array(new SharedArrayBuffer(ROWS_PER_TABLE * ROW_FIELDS * 8))
      place = { table: this.#table, row }
      this.#places.set(host, place)
    }
    return place
  }

  *[Symbol.iterator](): Generator<[host: string, place: Place]> {
    yield* this.#places
  }

  /** What is known of each host so far, those with most hits first. */
  digests(): Digest[] {
    const digests = [...this.#places].map(([host, { table, row }]): Digest => {
      const field = (index: number) => table[row * ROW_FIELDS + index] ?? 0
      return {
        host,
        hits: field(ROW.hits),
        bytes: field(ROW.bytes),
        errors: field(ROW.errors),
        sessions: field(ROW.sessions),
        longestSeconds: field(ROW.longestSeconds),
      }
    })
    return digests.sort((a, b) => b.hits - a.hits || (a.host < b.host ? -1 : 1))
  }
}
