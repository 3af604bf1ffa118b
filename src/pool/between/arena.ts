/**
 * Shared memory for values that do not fit in a job's record: blocks for arguments, and one ring a worker for results.
 *
 * Only the owner allocates and frees blocks, with lists in its private memory: a dying worker cannot tear them. A
 * worker writes its ring, and the owner reads it. Neither waits: a value without room goes by message.
 */
import { assert, VERIFY } from '../../lib/assert.js'
import { loadAcquire, storeRelease } from '../../lib/barrier.js'
import { ceilLog2 } from '../../lib/power-of-2.js'
import type { FarBytes } from '../values/codec.js'
import { copyBytes } from '../values/copies.js'
import { NO_ROOM } from '../values/scalars.js'
import { ARENA_BYTES, AT, DATA, RING_BYTES, SEAT, type Space } from './record.js'

const SMALLEST = 8
/** 4 MiB: longer values go by message. */
const LARGEST = 22
/** Low bits of a far block's word in a record: log2 of its size. Blocks begin at multiples of 2^SMALLEST. */
const SIZE_BITS = (1 << SMALLEST) - 1

/** Blocks of 2^8 to 2^22 bytes. A block keeps its size for ever. */
export class Blocks {
  readonly #from: number
  readonly #free: number[][] = Array.from({ length: LARGEST + 1 }, () => [])
  readonly #end: number
  /** log2 of the block's size, by its first 256 bytes. */
  readonly #sizes: Uint8Array
  #untouched: number
  nrUsed = 0
  /** In test builds, those that are taken. */
  readonly #used = new Set<number>()

  constructor(from: number, end: number) {
    this.#from = from
    this.#untouched = from
    this.#end = end
    this.#sizes = new Uint8Array((end - from) >> SMALLEST)
  }

  /** All of a pool's arena. */
  static ofArena(space: Space): Blocks {
    return new Blocks(space.arenaByte, space.arenaByte + ARENA_BYTES)
  }

  /** The offset of a block of at least `bytes`, the last freed first; -1 if there is none. */
  alloc(bytes: number): number {
    // Before any arithmetic of 32 bits.
    if (bytes > 1 << LARGEST) return -1
    const size = sizeClass(bytes)
    const block = this.#free[size]!.pop()
    if (block !== undefined) return this.#taken(block)
    const at = this.#untouched
    if (at + (1 << size) > this.#end) return -1
    this.#untouched = at + (1 << size)
    this.#sizes[(at - this.#from) >> SMALLEST] = size
    return this.#taken(at)
  }

  #taken(block: number): number {
    this.nrUsed++
    if (VERIFY) this.#used.add(block)
    return block
  }

  /** log2 of a block's size. */
  sizeOf(block: number): number {
    return this.#sizes[(block - this.#from) >> SMALLEST]!
  }

  free(block: number): void {
    if (VERIFY) assert(this.#used.delete(block), `block ${block} is given back once, by who took it`)
    this.nrUsed--
    this.#free[this.sizeOf(block)]!.push(block)
  }
}

function sizeClass(bytes: number): number {
  return Math.max(SMALLEST, ceilLog2(bytes))
}

/** The block in a record's AT, without the size that may stand beside it. */
export function blockOf(at: number): number {
  return at & ~SIZE_BITS
}

/** A worker's hand on far views, whose other end is Encoding: a result goes back in the block that brought the arguments, if it is big enough. */
export class ResultBytes implements FarBytes {
  readonly #space: Space
  readonly #words: Int32Array

  constructor(space: Space, words: Int32Array) {
    this.#space = space
    this.#words = words
  }

  put(base: number, bytes: Uint8Array): number {
    const word = this.#words[base - DATA + AT]!
    // Without a size beside it: none, or one with serialised arguments.
    if ((word & SIZE_BITS) === 0 || bytes.length > 1 << (word & SIZE_BITS)) return -1
    copyBytes(bytes, this.#space.bytes, blockOf(word))
    return blockOf(word)
  }

  view(from: number, length: number): Uint8Array {
    return this.#space.bytes.subarray(from, from + length)
  }
}

/** The worker's end of its ring. */
export class RingWriter {
  readonly #space: Space
  readonly #head: number
  readonly #tail: number
  readonly #base: number

  constructor(space: Space, slot: number) {
    this.#space = space
    this.#head = space.seat(slot) + (SEAT.at.ring_head >> 2)
    this.#tail = space.seat(slot) + (SEAT.at.ring_tail >> 2)
    this.#base = space.ringByte(slot)
  }

  /** Puts bytes in one piece; returns where they end, or NO_ROOM now. Ends are multiples of 8. */
  put(bytes: Uint8Array): number {
    if (bytes.length > RING_BYTES / 4) return NO_ROOM
    const { words } = this.#space
    const size = ringSize(bytes.length)
    let head = words[this.#head]! >>> 0
    const offset = head % RING_BYTES
    if (offset + size > RING_BYTES) head += RING_BYTES - offset
    const end = (head + size) | 0
    if ((end - loadAcquire(words, this.#tail)) >>> 0 > RING_BYTES) return NO_ROOM
    copyBytes(bytes, this.#space.bytes, this.#base + (head % RING_BYTES))
    // Before the item is pushed, so that the next worker in this slot starts behind this one's bytes.
    storeRelease(words, this.#head, end)
    return end
  }
}

/** The owner's end of every ring. */
export class RingReader {
  readonly #space: Space

  constructor(space: Space) {
    this.#space = space
  }

  /** The bytes that end at `end`. Good until done(). */
  view(slot: number, end: number, length: number): Buffer {
    const from = this.from(slot, end, length)
    return this.#space.bytes.subarray(from, from + length)
  }

  /** Where the bytes begin: a multiple of 8. */
  from(slot: number, end: number, length: number): number {
    return this.#space.ringByte(slot) + ((end - ringSize(length)) & (RING_BYTES - 1))
  }

  /** All up to `end` has been read: the worker may write there. */
  done(slot: number, end: number): void {
    const { words } = this.#space
    const tail = this.#space.seat(slot) + (SEAT.at.ring_tail >> 2)
    if (((end - words[tail]!) | 0) > 0) storeRelease(words, tail, end)
  }
}

function ringSize(bytes: number): number {
  return (bytes + 7) & ~7
}
