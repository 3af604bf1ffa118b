/**
 * Pieces of memory that outlive the thread: from mmap, by powers of two, used again and again. Runs on the thread that
 * made the ring.
 *
 * Small pieces are cut from a block and stay. Each large one is a mapping, and only a few returned ones are kept. If
 * the kernel may still write to them, a terminated Worker leaves them mapped: that is their purpose. Counterpart: none.
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
  /** The mapping of this piece alone. */
  readonly mapping: Mapping | undefined

  constructor(mapping: Mapping, offset: number, sizeBytes: number) {
    this.address = mapping.address + offset
    this.bytes = new Uint8Array(mapping.buffer, offset, sizeBytes)
    this.words = new Int32Array(mapping.buffer, offset, sizeBytes >> 2)
    this.mapping = mapping.sizeBytes === sizeBytes ? mapping : undefined
  }
}

export class Pieces {
  /** Free pieces, by the logarithm of their size. */
  readonly #spare: Piece[][] = []
  readonly #blocks: Mapping[] = []
  /** Pieces that were taken and not given back. */
  nrLent = 0
  /** Bytes of spare mappings. */
  #keptBytes = 0
  readonly #endWithThread: boolean

  /** `endWithThread`: unmaps them when the thread ends, because nobody writes to them by then. */
  constructor(endWithThread: boolean) {
    this.#endWithThread = endWithThread
  }

  /** A piece of at least `sizeBytes`, with whatever its last user left in it. Throws ENOMEM. */
  take(sizeBytes: number): Piece {
    const shift = Math.max(SMALLEST_SHIFT, Math.ceil(Math.log2(Math.max(1, sizeBytes))))
    const spare = this.#spareOf(shift)
    if (shift < BLOCK_SHIFT && spare.length === 0) this.#cut(spare, 2 ** shift)
    const piece = spare.pop()
    if (piece === undefined) {
      const made = new Piece(this.#map(2 ** shift), 0, 2 ** shift)
      this.nrLent++
      return made
    }
    this.nrLent++
    if (piece.mapping !== undefined) this.#keptBytes -= piece.mapping.sizeBytes
    return piece
  }

  giveBack(piece: Piece): void {
    assert(--this.nrLent >= 0, 'a piece is given back once')
    const { mapping } = piece
    if (mapping !== undefined) {
      if (this.#keptBytes + mapping.sizeBytes > KEPT_BYTES) {
        mapping.unmap()
        return
      }
      this.#keptBytes += mapping.sizeBytes
    }
    this.#spareOf(Math.log2(piece.bytes.length)).push(piece)
  }

  /** Unmaps everything. A later access to a piece faults. */
  close(): void {
    for (const spare of this.#spare) for (const { mapping } of spare ?? []) mapping?.unmap()
    for (const block of this.#blocks) block.unmap()
    this.#spare.length = 0
  }

  #map(sizeBytes: number): Mapping {
    const mapping = new Mapping(sizeBytes)
    return this.#endWithThread ? mapping.endWithThread() : mapping
  }

  #spareOf(shift: number): Piece[] {
    let spare = this.#spare[shift]
    if (spare === undefined) {
      spare = []
      this.#spare[shift] = spare
    }
    return spare
  }

  #cut(spare: Piece[], sizeBytes: number): void {
    const block = this.#map(BLOCK_BYTES)
    this.#blocks.push(block)
    for (let offset = BLOCK_BYTES - sizeBytes; offset >= 0; offset -= sizeBytes) {
      spare.push(new Piece(block, offset, sizeBytes))
    }
  }
}
