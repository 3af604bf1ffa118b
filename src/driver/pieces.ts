/**
 * Pieces of memory that outlive the thread: from mmap, by powers of two, used again and again. Run on the thread that
 * made the ring.
 *
 * Small pieces are cut from a block and stay; large ones are a mapping each, and of those that are given back only a few
 * are kept. A terminated Worker leaves them mapped: that is what they are for. Counterpart: none.
 */
import { assert } from '../lib/assert.js'
import { Mapping } from '../sys/memory.js'

/** 256 bytes, the size of struct statx. */
const SMALLEST_SHIFT = 8
const BLOCK_SHIFT = 16
const BLOCK_BYTES = 1 << BLOCK_SHIFT
const KEPT_BYTES = 8 << 20

export class Piece {
  readonly address: number
  readonly bytes: Uint8Array
  /** The same memory as words. */
  readonly words: Int32Array
  /** The mapping that is this piece alone. */
  readonly mapping: Mapping | undefined

  constructor(mapping: Mapping, offset: number, sizeBytes: number) {
    this.address = mapping.address + offset
    this.bytes = new Uint8Array(mapping.buffer, offset, sizeBytes)
    this.words = new Int32Array(mapping.buffer, offset, sizeBytes >> 2)
    this.mapping = mapping.sizeBytes === sizeBytes ? mapping : undefined
  }
}

export class Pieces {
  readonly #spare: Piece[][] = []
  readonly #blocks: Mapping[] = []
  #keptBytes = 0

  /** A piece of at least `sizeBytes`, with whatever its last user left in it. Throws ENOMEM. */
  take(sizeBytes: number): Piece {
    const shift = Math.max(SMALLEST_SHIFT, Math.ceil(Math.log2(Math.max(1, sizeBytes))))
    this.#spare[shift] ??= []
    const spare = this.#spare[shift]
    if (spare.length === 0 && shift < BLOCK_SHIFT) this.#cut(spare, 1 << shift)
    const piece = spare.pop() ?? new Piece(new Mapping(2 ** shift), 0, 2 ** shift)
    assert(piece.bytes.byteLength >= sizeBytes, `a piece of ${sizeBytes} bytes`)
    if (piece.mapping !== undefined && spare.length > 0) this.#keptBytes -= piece.bytes.byteLength
    return piece
  }

  #cut(spare: Piece[], sizeBytes: number): void {
    const block = new Mapping(BLOCK_BYTES)
    this.#blocks.push(block)
    for (let offset = BLOCK_BYTES - sizeBytes; offset >= 0; offset -= sizeBytes) {
      spare.push(new Piece(block, offset, sizeBytes))
    }
  }
}
