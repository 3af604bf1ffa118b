/**
 * From a job's record to its arguments. Worker threads only: the counterpart of Outgoing.
 *
 * What needs the owner's help, arguments that travel in a message, is claimed: the worker says so in its seat, wakes the
 * owner, and sleeps until the message is there.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { fetchAdd, futexWait, loadAcquire, xchg } from '../../lib/barrier.js'
import type { ClaimMessage, PackedMessage } from '../between/messages.js'
import { openParcel } from '../between/parcel.js'
import {
  AT,
  CLAIM_OPEN,
  DATA,
  KIND,
  KIND_BYTES,
  KIND_LONG,
  KIND_MESSAGE,
  KIND_PARCEL,
  KIND_STORED,
  KIND_VALUES,
  POOL,
  SEAT,
  SIZE,
  type Space,
} from '../between/record.js'
import { type SharedBufferCache, UnknownBuffer } from '../between/shared-buffers.js'
import type { Codec } from '../values/codec.js'
import { poolError } from '../values/failure.js'
import type { LongCodec } from '../values/long-codec.js'
import { unpack } from '../values/serial.js'

const NR_CLAIMS = POOL.at.nr_claims >> 2
/** A claim is answered within a turn of the owner's event loop; the wait wakes now and then, in case a wake-up is lost. */
const CLAIM_SLICE_MS = 1000
const NO_BUFFERS: readonly ArrayBuffer[] = []

export interface ArgsParts {
  readonly space: Space
  readonly slot: number
  readonly port: MessagePort
  readonly codec: Codec
  readonly long: LongCodec
  readonly shared: SharedBufferCache
  /** Wakes the owner, asleep in its event loop or in a futex. */
  readonly wakeOwner: () => void
}

export class JobArgs {
  readonly #parts: ArgsParts
  readonly #words: Int32Array
  readonly #long: LongCodec

  constructor(parts: ArgsParts) {
    this.#parts = parts
    this.#long = parts.long
    this.#words = parts.codec.words
    // A worker that sat here before may have died in a claim.
    xchg(parts.space.words, parts.space.seat(parts.slot) + (SEAT.at.claim >> 2), 0)
  }

  /** The arguments of an item, whose payload begins at word `p`. */
  read(item: number, p: number): unknown[] {
    const { codec, space } = this.#parts
    const size = this.#words[p + SIZE]!
    switch (this.#words[p + KIND]) {
      case KIND_VALUES:
        try {
          return codec.getAll(p + DATA, size)
        } catch (error) {
          if (!(error instanceof UnknownBuffer)) throw error
        }
        this.claim(item)
        return codec.getAll(p + DATA, size)
      case KIND_BYTES: {
        const from = (p + DATA) << 2
        return unpack(codec.bytes.subarray(from, from + size), NO_BUFFERS) as unknown[]
      }
      case KIND_LONG:
        return this.#long.get(space.words, space.bytes, this.#words[p + AT]!) as unknown[]
      case KIND_STORED: {
        const from = this.#words[p + AT]!
        return unpack(space.bytes.subarray(from, from + size), NO_BUFFERS) as unknown[]
      }
      case KIND_PARCEL: {
        const { bytes, buffers } = openParcel(space, this.#words[p + AT]!)
        return unpack(bytes, buffers) as unknown[]
      }
      case KIND_MESSAGE: {
        const { bytes, buffers } = this.claim(item) as PackedMessage
        return unpack(bytes, buffers) as unknown[]
      }
      default:
        return this.claim(item) as unknown[]
    }
  }

  /** Asks the owner for the job's message, and waits for it. Returns its body. */
  claim(item: number): unknown {
    const { space, slot, port, shared, wakeOwner } = this.#parts
    const { words } = space
    const seat = space.seat(slot)
    const answer = seat + (SEAT.at.answer >> 2)
    xchg(words, answer, CLAIM_OPEN)
    xchg(words, seat + (SEAT.at.claim >> 2), item + 1)
    // Publishes the claim; pairs with the owner's look at the word before it goes idle.
    fetchAdd(words, NR_CLAIMS, 1)
    wakeOwner()
    while (loadAcquire(words, answer) === CLAIM_OPEN) futexWait(words, answer, CLAIM_OPEN, CLAIM_SLICE_MS)
    const message = receiveMessageOnPort(port)?.message as ClaimMessage | undefined
    if (message === undefined) throw poolError('ERR_URING_WORKER_DIED', 'the arguments of this job did not arrive')
    shared.keep(message.sabs)
    return message.body
  }
}
