/**
 * The state of one call while its arguments are written: the codec, the shared buffers that it met, the block of a big
 * view. Owner thread only.
 *
 * Arguments have accessors, which may do anything, even submit jobs of their own. So a writer takes one of these and
 * puts it back when all is written; a call within the call finds none, and makes its own. Nothing of a call lies
 * elsewhere. No counterpart.
 */
import { type Blocks, blockOf } from '../between/arena.js'
import { DATA, DATA_WORDS, type Space } from '../between/record.js'
import type { SharedBufferIds } from '../between/shared-buffers.js'
import { Codec, type FarBytes, type SharedBuffers } from '../values/codec.js'
import { copyBytes } from '../values/copies.js'
import { NO_ROOM } from '../values/scalars.js'

export class Encoding implements SharedBuffers, FarBytes {
  readonly codec: Codec
  /** The number of words of the record that the arguments use. */
  nrWords = 0
  /** Buffers numbered in the record: the job must hold them. */
  sabs: SharedArrayBuffer[] | undefined
  /** The block of the one far view with its size beside it, for the record's AT; 0 while there is none. */
  farWord = 0
  readonly #space: Space
  readonly #ids: SharedBufferIds
  readonly #blocks: Blocks

  constructor(words: Int32Array, space: Space, ids: SharedBufferIds, blocks: Blocks) {
    this.#space = space
    this.#ids = ids
    this.#blocks = blocks
    this.codec = new Codec(words, this, this)
  }

  /** Writes small values, and with them one big view, at the record's word `base`. Returns the word behind, or NO_ROOM. */
  putAll(base: number, args: readonly unknown[]): number {
    this.farWord = 0
    this.sabs = undefined
    let next = NO_ROOM
    try {
      next = this.codec.putAll(base + DATA, base + DATA + DATA_WORDS, args)
    } finally {
      if (next === NO_ROOM) {
        if (this.farWord !== 0) this.#blocks.free(blockOf(this.farWord))
        this.farWord = 0
        this.sabs = undefined
      }
    }
    return next
  }

  /** SharedBuffers. */
  idOf(sab: SharedArrayBuffer): number {
    const id = this.#ids.idOf(sab)
    if (id !== NO_ROOM) {
      this.sabs ??= []
      this.sabs.push(sab)
    }
    return id
  }

  /** SharedBuffers. */
  byId(id: number): SharedArrayBuffer {
    throw new RangeError(`results carry no shared buffer by number (${id})`)
  }

  /** FarBytes. */
  put(_base: number, bytes: Uint8Array): number {
    const block = this.farWord === 0 ? this.#blocks.alloc(bytes.length) : -1
    if (block < 0) return -1
    copyBytes(bytes, this.#space.bytes, block)
    this.farWord = block | this.#blocks.sizeOf(block)
    return block
  }

  /** FarBytes. */
  view(from: number, length: number): Uint8Array {
    return this.#space.bytes.subarray(from, from + length)
  }
}
