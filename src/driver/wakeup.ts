/**
 * How a sleeping event loop learns of CQEs, and whether it must stay for them. Runs on the thread that made the ring.
 *
 * An eventfd is registered with the ring. While JavaScript drains it is muted through the CQ's flags, for every signal
 * would cost the loop a wake-up and a read; before the loop sleeps it is unmuted and the ring looked at once more, so
 * that nothing which came in between is missed. Counterpart: io_uring_register_eventfd, io_uring_cq_eventfd_toggle.
 */
import { IORING_REGISTER_EVENTFD } from '../abi/constants.js'
import { errnoError } from '../lib/errno.js'
import type { Ring } from '../ring/ring.js'
import { LoopWaker } from '../sys/loop.js'

export class Wakeup {
  readonly #ring: Ring
  readonly #waker: LoopWaker
  #isMuted = false
  #isHolding = false

  /** `onWake` runs on the event loop. Starts muted, and holding nothing. */
  constructor(ring: Ring, onWake: () => void) {
    this.#ring = ring
    this.#waker = new LoopWaker(onWake)
    const res = ring.register(IORING_REGISTER_EVENTFD, new Int32Array([this.#waker.fd]), 1)
    if (res < 0) {
      this.#waker.close()
      throw errnoError(res, 'io_uring_register')
    }
    this.mute()
  }

  mute(): void {
    if (this.#isMuted) return
    this.#isMuted = true
    this.#ring.cq.setEventfdEnabled(false)
  }

  /** Unmutes. True when the loop may sleep: whatever comes from now on wakes it, and nothing is waiting. */
  arm(): boolean {
    this.#isMuted = false
    this.#ring.cq.setEventfdEnabled(true)
    // What was posted before that gave no signal; what comes after does.
    return this.#ring.cq.ready() === 0 && !this.#ring.cqNeedsEnter()
  }

  /** The process must stay alive for this ring. False when no descriptor is left to be woken by: look again soon. */
  hold(): boolean {
    this.#isHolding ||= this.#waker.ref()
    return this.#isHolding
  }

  letGo(): void {
    if (!this.#isHolding) return
    this.#isHolding = false
    this.#waker.unref()
  }

  /** No onWake comes after. */
  close(): void {
    this.#waker.close()
  }
}
