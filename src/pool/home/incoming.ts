/**
 * From a job's record to its result. Owner thread only: the counterpart of JobRunner's second half.
 */
import type { WqMemory } from '../../wq/layout.js'
import { RingReader } from '../between/arena.js'
import type { PackedMessage } from '../between/messages.js'
import {
  AT,
  DATA,
  FUNC,
  KIND,
  KIND_BYTES,
  KIND_LONG,
  KIND_MASK,
  KIND_MESSAGE,
  KIND_STORED,
  KIND_VALUES,
  SIZE,
  type Space,
} from '../between/record.js'
import type { Codec } from '../values/codec.js'
import { LongCodec } from '../values/long-codec.js'
import { unpack } from '../values/serial.js'
import type { Ports } from './ports.js'

const NO_BUFFERS: readonly ArrayBuffer[] = []

export class Incoming {
  readonly #words: Int32Array
  readonly #codec: Codec
  readonly #ports: Ports
  readonly #rings: RingReader
  readonly #space: Space
  readonly #long = new LongCodec()

  constructor(mem: WqMemory, space: Space, codec: Codec, ports: Ports) {
    this.#words = mem.words
    this.#codec = codec
    this.#ports = ports
    this.#space = space
    this.#rings = new RingReader(space)
  }

  /** The result in the record whose payload begins at word `p`; a failure's description where KIND_FAILED is set. */
  read(p: number): unknown {
    const words = this.#words
    const size = words[p + SIZE]!
    switch (words[p + KIND]! & KIND_MASK) {
      case KIND_VALUES:
        return this.#codec.get(p + DATA)
      case KIND_BYTES: {
        const from = (p + DATA) << 2
        return unpack(this.#codec.bytes.subarray(from, from + size), NO_BUFFERS)
      }
      case KIND_LONG: {
        const slot = words[p + FUNC]!
        const { bytes } = this.#space
        const value = this.#long.get(this.#space.words, bytes, this.#rings.from(slot, words[p + AT]!, size))
        this.#rings.done(slot, words[p + AT]!)
        return value
      }
      case KIND_STORED: {
        const slot = words[p + FUNC]!
        const value = unpack(this.#rings.view(slot, words[p + AT]!, size), NO_BUFFERS)
        this.#rings.done(slot, words[p + AT]!)
        return value
      }
      case KIND_MESSAGE: {
        const { bytes, buffers } = this.#ports.receive(words[p + FUNC]!) as PackedMessage
        return unpack(bytes, buffers)
      }
      default:
        return this.#ports.receive(words[p + FUNC]!)
    }
  }
}
