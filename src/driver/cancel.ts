/**
 * Cancel requests: each cancels one operation in flight, again and again until the operation has ended. Runs on the
 * thread that made the ring.
 *
 * One request is not enough: the kernel does not find a linked operation that has not started (-ENOENT), and one that
 * runs in a worker (-EALREADY) may still go on to wait for its file. So the request is repeated after 1 ms, 2 ms, ...
 * 64 ms. Requests have their own part of the CQ, so they never wait for their targets. Counterpart:
 * io_uring_prep_cancel64.
 */
import { EALREADY, ENOENT } from '../lib/errno.js'
import { clearTimeout, setTimeout } from '../lib/globals.js'
import { prepCancel64, setUserData } from '../ring/prep.js'
import { SQ_FULL, type Sq } from '../ring/sq.js'
import { ABORTED, type Slots, SUBMITTED } from './slots.js'

/** user_data's high word of cancel requests, with the target's slot below; generations never get there. */
export const CANCEL_TAG = 0xffffffff
const WANTED = SUBMITTED | ABORTED
const FIRST_RETRY_MS = 1
const LAST_RETRY_MS = 64

export class Cancels {
  readonly #slots: Slots
  readonly #room: number
  readonly #onRetry: () => void
  /** Targets, as slot, generation, slot, generation... */
  #wanted: number[] = []
  #missed: number[] = []
  #nrInflight = 0
  #retryMs = FIRST_RETRY_MS
  #timer: NodeJS.Timeout | undefined

  /** At most `room` requests are in flight. `onRetry` runs when there are new ones to move. */
  constructor(slots: Slots, room: number, onRetry: () => void) {
    this.#slots = slots
    this.#room = room
    this.#onRetry = onRetry
  }

  get nrInflight(): number {
    return this.#nrInflight
  }

  /** Whether moveTo would move anything into an empty SQ. */
  get isMovable(): boolean {
    return this.#wanted.length > 0 && this.#nrInflight < this.#room
  }

  /** Cancels an operation in flight, which counts as aborted from now on. */
  add(slot: number): void {
    this.#slots.mark(slot, ABORTED)
    this.#wanted.push(slot, this.#slots.generation(slot))
    this.#retryMs = FIRST_RETRY_MS
  }

  moveTo(sq: Sq): void {
    let i = 0
    for (; i < this.#wanted.length && this.#nrInflight < this.#room; i += 2) {
      const slot = this.#wanted[i]!
      const generation = this.#wanted[i + 1]!
      if (this.#slots.generation(slot) !== generation) continue
      const at = sq.getSqe()
      if (at === SQ_FULL) break
      prepCancel64(sq.words, at, slot, generation)
      setUserData(sq.words, at, slot, CANCEL_TAG)
      this.#nrInflight++
    }
    this.#wanted.splice(0, i)
  }

  /** The CQE of a request for `slot` has come. */
  complete(slot: number, res: number): void {
    this.#nrInflight--
    if (res !== -ENOENT && res !== -EALREADY) return
    // Most targets have ended meanwhile. The state of a reused slot shows that nobody cancels its new operation.
    if ((this.#slots.state(slot) & WANTED) !== WANTED) return
    this.#missed.push(slot, this.#slots.generation(slot))
    this.#timer ??= setTimeout(this.#retry, this.#retryMs).unref()
  }

  readonly #retry = (): void => {
    this.#timer = undefined
    this.#retryMs = Math.min(this.#retryMs * 2, LAST_RETRY_MS)
    const missed = this.#missed
    this.#missed = []
    for (let i = 0; i < missed.length; i += 2) {
      if (this.#slots.generation(missed[i]!) === missed[i + 1]!) this.#wanted.push(missed[i]!, missed[i + 1]!)
    }
    if (this.#wanted.length > 0) this.#onRetry()
  }

  /** No onRetry comes after. */
  close(): void {
    clearTimeout(this.#timer)
  }
}
