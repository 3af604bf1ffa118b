/**
 * From a job's record to its arguments. Worker threads only: the counterpart of Outgoing.
 *
 * Arguments that travel in a message are asked for where the postmaster has them. Where there is none they are claimed: the
 * worker says so in its seat, wakes the owner, and sleeps until the message is there.
 */
import type { MessagePort } from 'node:worker_threads'
import { fetchAdd, futexWait, loadAcquire, xchg } from '../../lib/barrier.js'
import type { ClaimMessage, PackedMessage } from '../between/messages.js'
import { openParcel } from '../between/parcel.js'
import { ASK_BUFFER, ASK_LETTER, isPostGone } from '../between/post.js'
import {
  AT,
  CLAIM_OPEN,
  DATA,
  KIND,
  KIND_BYTES,
  KIND_CLONE,
  KIND_LONG,
  KIND_MESSAGE,
  KIND_PARCEL,
  KIND_POSTED,
  KIND_STORED,
  KIND_VALUES,
  NR_CLAIMS,
  SEAT,
  SIZE,
  type Space,
} from '../between/record.js'
import { type SharedBufferCache, UnknownBuffer } from '../between/shared-buffers.js'
import type { Codec } from '../values/codec.js'
import { poolError } from '../values/failure.js'
import type { LongCodec } from '../values/long-codec.js'
import { unpack } from '../values/serial.js'
import { Letters } from './letters.js'

/** A claim is answered within a turn of the owner's event loop; the wait wakes now and then, in case a wake-up is lost. */
const CLAIM_SLICE_MS = 1000
/** Where the postmaster has what the owner has too. */
const OWNER_FIRST_MS = 0.2
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
  readonly #letters: Letters

  constructor(parts: ArgsParts) {
    this.#parts = parts
    this.#long = parts.long
    this.#words = parts.codec.words
    this.#letters = new Letters(parts.space, parts.slot, parts.port)
    // A worker that sat here before may have died in a claim.
    xchg(parts.space.words, parts.space.seat(parts.slot) + (SEAT.at.claim >> 2), 0)
  }

  /** The arguments of an item, whose payload begins at word `p`. */
  read(item: number, p: number): unknown[] {
    const { codec, space } = this.#parts
    const size = this.#words[p + SIZE]!
    switch (this.#words[p + KIND]) {
      case KIND_VALUES:
        return this.#values(item, p, size)
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
      case KIND_MESSAGE | KIND_POSTED: {
        const { bytes, buffers } = this.#letter(size) as PackedMessage
        return unpack(bytes, buffers) as unknown[]
      }
      case KIND_CLONE | KIND_POSTED:
        return this.#letter(size) as unknown[]
      case KIND_MESSAGE: {
        const { bytes, buffers } = this.claim(item) as PackedMessage
        return unpack(bytes, buffers) as unknown[]
      }
      default:
        return this.claim(item) as unknown[]
    }
  }

  /** Small values, and the shared buffers that they name by number. */
  #values(item: number, p: number, size: number): unknown[] {
    const { codec, space } = this.#parts
    let isOwnerBusy = false
    for (let isAllThere = false; ; ) {
      let unknown: number
      try {
        return codec.getAll(p + DATA, size)
      } catch (error) {
        if (!(error instanceof UnknownBuffer) || isAllThere) throw error
        unknown = error.id
      }
      // The owner has them as well, and less is to be woken where it is in its event loop.
      const hasPost = !isPostGone(space)
      isOwnerBusy ||= hasPost && this.#claim(item, OWNER_FIRST_MS) === undefined
      isAllThere = !(isOwnerBusy && this.#buffer(unknown))
      if (isAllThere && (isOwnerBusy || !hasPost)) this.claim(item)
    }
  }

  /** False if the postmaster does not have it. */
  #buffer(id: number): boolean {
    const buffer = this.#letters.fetch(ASK_BUFFER, id)
    if (buffer === undefined) return false
    this.#parts.shared.keep([[id, buffer as SharedArrayBuffer]])
    return true
  }

  /** What the postmaster has for the job. */
  #letter(number: number): unknown {
    const body = this.#letters.fetch(ASK_LETTER, number)
    if (body === undefined) throw notArrived()
    return body
  }

  /** Asks the owner for the job's message, and waits for it. Returns its body. */
  claim(item: number): unknown {
    return this.#claim(item)?.body
  }

  /** Undefined if it has not answered in `limitMs`. */
  #claim(item: number, limitMs = Number.POSITIVE_INFINITY): ClaimMessage | undefined {
    const { space, slot, shared, wakeOwner } = this.#parts
    const { words } = space
    const seat = space.seat(slot)
    const answer = seat + (SEAT.at.answer >> 2)
    const claim = seat + (SEAT.at.claim >> 2)
    xchg(words, answer, CLAIM_OPEN)
    xchg(words, claim, item + 1)
    // Publishes the claim; pairs with the owner's look at the word before it goes idle.
    fetchAdd(words, NR_CLAIMS, 1)
    wakeOwner()
    while (loadAcquire(words, answer) === CLAIM_OPEN) {
      const ended = futexWait(words, answer, CLAIM_OPEN, Math.min(limitMs, CLAIM_SLICE_MS))
      // Else the owner has it in hand, and answers.
      if (ended === 'timed-out' && limitMs < CLAIM_SLICE_MS && xchg(words, claim, 0) !== 0) return undefined
    }
    const message = this.#letters.answerToClaim()
    if (message === undefined) throw notArrived()
    shared.keep(message.sabs)
    return message
  }
}

function notArrived(): Error {
  return poolError('ERR_URING_WORKER_DIED', 'the arguments of this job did not arrive')
}
