/**
 * From a job's result to its record. Worker threads only: the counterpart of Incoming.
 *
 * It writes the record of the job, its own ring, and its own port. What it posts comes right before the item goes home,
 * so the owner meets messages in the order of items.
 */
import type { MessagePort, TransferListItem } from 'node:worker_threads'
import { RingWriter } from '../between/arena.js'
import type { PackedMessage } from '../between/messages.js'
import {
  AT,
  DATA,
  DATA_BYTES,
  DATA_WORDS,
  FUNC,
  KIND,
  KIND_BYTES,
  KIND_CLONE,
  KIND_FAILED,
  KIND_LONG,
  KIND_MESSAGE,
  KIND_PRINTED,
  KIND_STORED,
  KIND_VALUES,
  SIZE,
  type Space,
} from '../between/record.js'
import type { Codec } from '../values/codec.js'
import { poolError, reasonOf } from '../values/failure.js'
import type { LongCodec } from '../values/long-codec.js'
import { NO_ROOM } from '../values/scalars.js'
import { pack } from '../values/serial.js'
import { settled } from '../values/settled.js'
import { describe } from '../values/thrown.js'
import { movingOf } from './job-protocol.js'
import { output } from './relay.js'

export class JobResult {
  readonly #codec: Codec
  readonly #words: Int32Array
  readonly #slot: number
  readonly #port: MessagePort
  readonly #ring: RingWriter
  readonly #long: LongCodec

  constructor(codec: Codec, long: LongCodec, space: Space, slot: number, port: MessagePort) {
    this.#long = long
    this.#codec = codec
    this.#words = codec.words
    this.#slot = slot
    this.#port = port
    this.#ring = new RingWriter(space, slot)
  }

  /** Throws what structured cloning throws, with nothing written. */
  put(p: number, result: unknown): void {
    const words = this.#words
    words[p + FUNC] = this.#slot
    if (this.#codec.put(p + DATA, p + DATA + DATA_WORDS, result) === NO_ROOM) this.#putBig(p, result, 0)
    else words[p + KIND] = KIND_VALUES
    if (output.hasPrinted) this.#tellPrinted(p)
  }

  /** Never throws. */
  putFailure(p: number, thrown: unknown): void {
    this.#words[p + FUNC] = this.#slot
    try {
      this.#putBig(p, describe(thrown), KIND_FAILED)
    } catch (error) {
      // The thing thrown has getters that throw, or the like.
      const what = new Error(`a job threw what cannot be described: ${reasonOf(error)}`)
      this.#putBig(p, describe(what), KIND_FAILED)
    }
    if (output.hasPrinted) this.#tellPrinted(p)
  }

  #tellPrinted(p: number): void {
    output.hasPrinted = false
    this.#words[p + KIND]! |= KIND_PRINTED
  }

  #putBig(p: number, value: unknown, failed: number): void {
    const words = this.#words
    const size = this.#long.put(value)
    const end = size === NO_ROOM ? NO_ROOM : this.#ring.put(this.#long.bytes.subarray(0, size))
    if (end !== NO_ROOM) {
      words[p + SIZE] = size
      words[p + AT] = end
      words[p + KIND] = KIND_LONG | failed
      return
    }
    const moving = movingOf(value)
    if (moving !== undefined) {
      this.#port.postMessage(moving.value, moving.transfer as readonly TransferListItem[])
      words[p + KIND] = KIND_CLONE | failed
      return
    }
    const { value: given, isPlain } = settled(value)
    if (!isPlain) {
      if (isGenerator(value)) {
        throw poolError('ERR_URING_NOT_ITERATED', 'this job yields values: give it to iterate(), not to run()')
      }
      this.#port.postMessage(given)
      words[p + KIND] = KIND_CLONE | failed
      return
    }
    const { bytes, buffers } = pack(given, [])
    words[p + SIZE] = bytes.length
    if (buffers.length === 0 && bytes.length <= DATA_BYTES) {
      this.#codec.bytes.set(bytes, (p + DATA) << 2)
      words[p + KIND] = KIND_BYTES | failed
      return
    }
    const stored = buffers.length > 0 ? NO_ROOM : this.#ring.put(bytes)
    if (stored === NO_ROOM) {
      this.#post(p, { bytes, buffers }, failed)
      return
    }
    words[p + AT] = stored
    words[p + KIND] = KIND_STORED | failed
  }

  #post(p: number, packed: PackedMessage, failed: number): void {
    this.#port.postMessage(packed, [packed.bytes.buffer as ArrayBuffer, ...packed.buffers])
    this.#words[p + KIND] = KIND_MESSAGE | failed
  }
}

function isGenerator(value: unknown): boolean {
  const tag = Object.prototype.toString.call(value)
  return tag === '[object Generator]' || tag === '[object AsyncGenerator]'
}
