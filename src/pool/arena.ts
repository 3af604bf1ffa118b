/**
 * Room in shared memory for what a job's record cannot hold: blocks for arguments, and one ring a worker for results.
 *
 * Blocks are allocated and freed on the owner alone, whose lists are private memory: a worker that dies cannot tear
 * them. A ring is written by its worker and read by the owner. Neither waits: what finds no room
 * goes by message.
 */
import { loadAcquire, storeRelease } from '../lib/barrier.js'
import { RING_BYTES, SEAT, type Space } from './record.js'

const SMALLEST = 8
const LARGEST = 16

/** Blocks of 2^8 to 2^16 bytes. A block stays of its size for ever. */
export class Blocks {
  readonly #end: number
  readonly #free: number[][] = Array.from({ length: LARGEST + 1 }, () => [])
  #untouched: number

  constructor(from: number, end: number) {
    this.#untouched = from
    this.#end = end
  }

  /** The offset of a block of at least `bytes`, the last freed first; -1 where there is none. */
  alloc(bytes: number): number {
    const size = sizeClass(bytes)
    if (size > LARGEST) return -1
    const block = this.#free[size]!.pop()
    if (block !== undefined) return block
    const at = this.#untouched
    if (at + (1 << size) > this.#end) return -1
    this.#untouched = at + (1 << size)
    return at
  }

  free(block: number, bytes: number): void {
    this.#free[sizeClass(bytes)]!.push(block)
  }
}

function sizeClass(bytes: number): number {
  return Math.max(SMALLEST, 32 - Math.clz32(bytes - 1))
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

  /** Where the bytes put last end. */
  end = 0

  /** Puts bytes in one piece; false when there is no room now. */
  put(bytes: Uint8Array): boolean {
    const { words } = this.#space
    const size = ringSize(bytes.length)
    let head = words[this.#head]! >>> 0
    const offset = head % RING_BYTES
    if (offset + size > RING_BYTES) head += RING_BYTES - offset
    const end = (head + size) | 0
    if (size > RING_BYTES / 4 || (end - loadAcquire(words, this.#tail)) >>> 0 > RING_BYTES) return false
    this.#space.bytes.set(bytes, this.#base + (head % RING_BYTES))
    // Before the item goes home, so that the next worker in this slot starts behind what this one left.
    storeRelease(words, this.#head, end)
    this.end = end
    return true
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
    const from = this.#space.ringByte(slot) + ((end - ringSize(length)) & (RING_BYTES - 1))
    return this.#space.bytes.subarray(from, from + length)
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
