/**
 * Shared memory for small files, each read whole into one piece. The main thread runs it; workers read the pieces.
 *
 * Pieces are cut off one arena after the other; an arena comes back when its last piece is freed, and the one that came
 * back last is used next, while its bytes are still in a cache. Who finds none free waits, first come, first served.
 */
import { assert } from '../lib/assert.js'
import { ARENA_BYTES, ARENAS_OFF, NR_ARENAS } from './sum-layout.js'

/** Pieces begin at a cache line of their own. */
const ALIGN = 64

export const MAX_PIECE_BYTES = ARENA_BYTES / 2

export class Arenas {
  readonly #free: number[] = []
  readonly #nrPieces = new Int32Array(NR_ARENAS)
  #current = 0
  #end = 0
  readonly #waiting: { readonly nrBytes: number; readonly resolve: (offset: number) => void }[] = []

  constructor() {
    for (let arena = NR_ARENAS - 1; arena > 0; arena--) this.#free.push(arena)
  }

  /** The offset of a piece. A promise where it has to be waited for. */
  alloc(nrBytes: number): number | Promise<number> {
    assert(nrBytes <= MAX_PIECE_BYTES, 'a piece fits into an arena')
    const offset = this.#waiting.length === 0 ? this.#cut(nrBytes) : undefined
    return offset ?? new Promise((resolve) => this.#waiting.push({ nrBytes, resolve }))
  }

  #cut(nrBytes: number): number | undefined {
    const size = Math.max(ALIGN, Math.ceil(nrBytes / ALIGN) * ALIGN)
    if (this.#end + size > ARENA_BYTES) {
      if (this.#nrPieces[this.#current] !== 0) {
        const next = this.#free.pop()
        if (next === undefined) return undefined
        this.#current = next
      }
      this.#end = 0
    }
    const offset = ARENAS_OFF + this.#current * ARENA_BYTES + this.#end
    this.#end += size
    this.#nrPieces[this.#current]!++
    return offset
  }

  /** Gives a piece back: nobody reads or writes it any more. */
  free(offset: number): void {
    const arena = Math.floor((offset - ARENAS_OFF) / ARENA_BYTES)
    assert(this.#nrPieces[arena]! > 0, 'a piece is freed once')
    if (--this.#nrPieces[arena]! > 0) return
    if (arena === this.#current) this.#end = 0
    else this.#free.push(arena)
    for (;;) {
      const first = this.#waiting[0]
      const cut = first === undefined ? undefined : this.#cut(first.nrBytes)
      if (cut === undefined) return
      this.#waiting.shift()!.resolve(cut)
    }
  }
}
