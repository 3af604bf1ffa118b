/**
 * From arguments to a job's record. Owner thread only.
 *
 * Small plain values go into the record. Bigger plain data is serialised, into the record, into an arena block, or
 * beside it in a message. A message, or a value that only Node can clone, is posted at once to the postmaster. If there
 * is none, a clone as of now is kept here, and posted when a worker claims it. Each call chooses its own way.
 */
import type { TransferListItem } from 'node:worker_threads'
import { structuredClone } from '../../lib/globals.js'
import { type Blocks, blockOf } from '../between/arena.js'
import type { PackedMessage } from '../between/messages.js'
import { parcelBytes, putParcel } from '../between/parcel.js'
import {
  AT,
  DATA,
  DATA_BYTES,
  KIND,
  KIND_BYTES,
  KIND_CLONE,
  KIND_LONG,
  KIND_MESSAGE,
  KIND_PARCEL,
  KIND_POSTED,
  KIND_STORED,
  KIND_VALUES,
  SIZE,
  type Space,
} from '../between/record.js'
import type { Held } from '../jobs/held.js'
import type { Codec } from '../values/codec.js'
import { copyBytes } from '../values/copies.js'
import { LongCodec } from '../values/long-codec.js'
import { NO_ROOM } from '../values/scalars.js'
import { pack } from '../values/serial.js'
import { settled } from '../values/settled.js'
import type { Encoding } from './encoding.js'
import type { Post } from './post.js'

const NOTHING: readonly never[] = []

export class Outgoing {
  readonly #space: Space
  readonly #blocks: Blocks
  readonly #post: Post
  readonly #long = new LongCodec()
  #longFirst = false

  constructor(space: Space, blocks: Blocks, post: Post) {
    this.#space = space
    this.#blocks = blocks
    this.#post = post
  }

  /**
   * Writes arguments into the record at word `base`. Returns what must be held for the job, if anything. Throws the
   * errors of structured cloning, and then holds nothing.
   */
  write(
    encoding: Encoding,
    base: number,
    args: readonly unknown[],
    transfer: readonly TransferListItem[] | undefined,
  ): Held | undefined {
    const { codec } = encoding
    encoding.nrWords = DATA
    codec.words[base + AT] = 0
    if (transfer !== undefined && transfer.length > 0) return this.#writeMoving(encoding, base, args, transfer)
    // The way of the last arguments goes first, so that no record is written in vain each time.
    const isLongFirst = this.#longFirst
    if (isLongFirst && this.#writeLong(codec, base, args)) return undefined
    const { words } = codec
    // The second way sees the values that accessors returned.
    let given = isLongFirst ? settled(args) : undefined
    const next = encoding.putAll(base, given === undefined ? args : given.value)
    if (next === NO_ROOM) {
      given ??= settled(args)
      if (!isLongFirst && this.#writeLong(codec, base, given.value)) return undefined
      if (given.isPlain) return this.#writePlain(encoding, base, given.value, NOTHING)
      return this.#clone(codec, base, given.value, NOTHING)
    }
    words[base + AT] = encoding.farWord
    words[base + KIND] = KIND_VALUES
    words[base + SIZE] = args.length
    encoding.nrWords = next - base
    const { sabs } = encoding
    if (sabs === undefined) return undefined
    const held = { sabs, body: undefined, transfer: NOTHING }
    return this.#post.lend(sabs) ? { ...held, post: this.#post } : held
  }

  /** False if LongCodec cannot write the arguments, or there is no block. */
  #writeLong(codec: Codec, base: number, args: readonly unknown[]): boolean {
    const size = this.#long.put(args)
    this.#longFirst = size > DATA_BYTES
    const block = this.#longFirst ? this.#blocks.alloc(size) : -1
    if (block < 0) return false
    copyBytes(this.#long.bytes.subarray(0, size), this.#space.bytes, block)
    codec.words[base + KIND] = KIND_LONG
    codec.words[base + SIZE] = size
    codec.words[base + AT] = block
    return true
  }

  /** Frees the block of a written record that is not used. */
  letGo(words: Int32Array, base = 0): void {
    if (words[base + AT] !== 0) this.#blocks.free(blockOf(words[base + AT]!))
  }

  #writeMoving(
    encoding: Encoding,
    base: number,
    args: readonly unknown[],
    given: readonly TransferListItem[],
  ): Held | undefined {
    // Read once: a list of the caller's may say something else each time.
    const transfer = [...given]
    const buffers = transfer.filter((t) => t instanceof ArrayBuffer)
    // An own serialiser moves buffers only; and a buffer named twice is for structured cloning to refuse.
    const { value: values, isPlain } = settled(args)
    const plain = buffers.length === transfer.length && new Set(buffers).size === buffers.length && isPlain
    return plain
      ? this.#writePlain(encoding, base, values, buffers)
      : this.#clone(encoding.codec, base, values, transfer)
  }

  #writePlain(
    encoding: Encoding,
    base: number,
    args: readonly unknown[],
    moving: readonly ArrayBuffer[],
  ): Held | undefined {
    const { bytes, buffers } = pack(args, moving)
    const { codec } = encoding
    const { words } = codec
    words[base + SIZE] = bytes.length
    if (buffers.length === 0) {
      if (bytes.length <= DATA_BYTES) {
        codec.bytes.set(bytes, (base + DATA) << 2)
        words[base + KIND] = KIND_BYTES
        encoding.nrWords = DATA + ((bytes.length + 3) >> 2)
        return undefined
      }
      const block = this.#blocks.alloc(bytes.length)
      if (block >= 0) {
        copyBytes(bytes, this.#space.bytes, block)
        words[base + KIND] = KIND_STORED
        words[base + AT] = block
        return undefined
      }
    }
    const body: PackedMessage = { bytes, buffers }
    const size = parcelBytes(body)
    const block = size === undefined ? -1 : this.#blocks.alloc(size)
    if (block >= 0) {
      putParcel(this.#space, block, body)
      words[base + KIND] = KIND_PARCEL
      words[base + AT] = block
      return undefined
    }
    words[base + KIND] = KIND_MESSAGE
    const transfer = [bytes.buffer as ArrayBuffer, ...buffers]
    return this.#send(words, base, body, transfer) ?? { sabs: [], body, transfer }
  }

  /** A clone as of now, its transferred parts already moved. */
  #clone(codec: Codec, base: number, args: readonly unknown[], transfer: readonly TransferListItem[]): Held {
    codec.words[base + KIND] = KIND_CLONE
    const sent = this.#send(codec.words, base, args, [...transfer])
    if (sent !== undefined) return sent
    const copy = structuredClone({ args, transfer }, { transfer: [...transfer] })
    return { sabs: [], body: copy.args, transfer: copy.transfer }
  }

  /** Undefined if there is no postmaster. */
  #send(words: Int32Array, base: number, body: unknown, transfer: readonly TransferListItem[]): Held | undefined {
    const letter = this.#post.send(body, transfer)
    if (letter === undefined) return undefined
    words[base + KIND]! |= KIND_POSTED
    words[base + SIZE] = letter
    return { sabs: [], body: undefined, transfer: NOTHING, post: this.#post, letter }
  }
}
