/**
 * The flow between driver and ring: SQEs go in, CQEs come out and settle promises. Runs on the thread that made the
 * ring.
 *
 * It never has more in flight than fits in the CQ, so the CQ never overflows. No user code runs inside. Counterpart:
 * io_uring_submit_and_get_events and io_uring_for_each_cqe.
 */
import { IORING_SETUP_SQPOLL, IORING_SQ_NEED_WAKEUP } from '../abi/constants.js'
import type { Ring } from '../ring/ring.js'
import type { Backlog } from './backlog.js'
import { CANCEL_TAG, type Cancels } from './cancel.js'
import type { Slots } from './slots.js'

export interface DriverStats {
  enters: number
  sqes: number
  cqes: number
  wakes: number
}

export class Flow {
  readonly stats: DriverStats = { enters: 0, sqes: 0, cqes: 0, wakes: 0 }
  readonly #ring: Ring
  readonly #slots: Slots
  readonly #backlog: Backlog
  readonly #cancels: Cancels
  /** Operations in flight at most: with the cancel requests they fill the CQ and never overflow it. */
  readonly #maxInflight: number
  /** A thread of the kernel takes the SQEs by itself. */
  readonly #isPolled: boolean
  #nrInflight = 0
  #isDraining = false

  constructor(ring: Ring, slots: Slots, backlog: Backlog, cancels: Cancels, maxInflight: number) {
    this.#ring = ring
    this.#slots = slots
    this.#backlog = backlog
    this.#cancels = cancels
    this.#maxInflight = maxInflight
    this.#isPolled = (ring.flags & IORING_SETUP_SQPOLL) !== 0
  }

  get nrInflight(): number {
    return this.#nrInflight
  }

  /** Whether completions will come. */
  get hasInflight(): boolean {
    return this.#nrInflight + this.#cancels.nrInflight > 0
  }

  /** Whether a full SQ of waiting SQEs may enter now, in the middle of a turn. */
  get hasFullBatch(): boolean {
    const { entries } = this.#ring.sq
    const isFull = this.#backlog.length >= entries && this.#backlog.isLight
    return isFull && this.#nrInflight + entries <= this.#maxInflight && !this.#isDraining
  }

  /** Whether there is anything to move, in either direction. */
  get hasWork(): boolean {
    const { cq } = this.#ring
    return (
      cq.ready() > 0 ||
      this.#ring.cqNeedsEnter() ||
      this.#isStalled() ||
      this.#backlog.isMovable(this.#maxInflight - this.#nrInflight) ||
      this.#cancels.isMovable
    )
  }

  /** Whether SQEs wait for a call of enter. On a polled ring they do only if its thread sleeps. */
  #isStalled(): boolean {
    const { sq } = this.#ring
    return sq.ready() > 0 && (!this.#isPolled || (sq.flags() & IORING_SQ_NEED_WAKEUP) !== 0)
  }

  /**
   * Moves as many SQEs as fit into the SQ and enters. Returns enter's result, or 0 without a call; below 0 nothing was
   * consumed, and the SQ keeps the SQEs.
   */
  enter(): number {
    const ring = this.#ring
    const { stats } = this
    this.#moveIn()
    const needsEvents = ring.cqNeedsEnter()
    const isSubmitting = ring.sq.ready() > 0
    if (!needsEvents && !isSubmitting) return 0
    if (this.#isPolled) {
      stats.sqes += ring.sq.flush()
      // After the flush: its thread reads the tail once more after it has announced its sleep.
      if (!needsEvents && !this.#isStalled()) return 0
    }
    const res = !isSubmitting ? ring.getEvents() : needsEvents ? ring.submitAndGetEvents() : ring.submit()
    stats.enters++
    if (res > 0 && isSubmitting && !this.#isPolled) stats.sqes += res
    return res
  }

  #moveIn(): void {
    const ring = this.#ring
    if (this.#cancels.isMovable) {
      // Task work first: it may start, or end, an operation to be cancelled.
      if (ring.cqNeedsEnter()) ring.getEvents()
      this.#cancels.moveTo(ring.sq)
    }
    this.#nrInflight += this.#backlog.moveTo(ring.sq, this.#maxInflight - this.#nrInflight)
  }

  /** Passes each CQE on. An operation is in flight until its last CQE. */
  drain(): void {
    const { cq } = this.#ring
    const nr = cq.ready()
    if (nr === 0) return
    this.#isDraining = true
    let nrEnded = 0
    for (let i = 0; i < nr; i++) {
      const generation = cq.userDataHigh(i)
      if (generation === CANCEL_TAG) this.#cancels.complete(cq.userData(i), cq.res(i))
      else if (this.#slots.complete(cq.userData(i), generation, cq.res(i), cq.flags(i))) nrEnded++
    }
    cq.advance(nr)
    this.#isDraining = false
    this.stats.cqes += nr
    this.#nrInflight -= nrEnded
  }
}
