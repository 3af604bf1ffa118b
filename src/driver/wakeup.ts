/**
 * How a sleeping event loop learns of CQEs, and whether it must stay for them. Runs on the thread that made the ring.
 *
 * An eventfd is registered with the ring. While JavaScript drains it is muted through the CQ's flags, for every signal
 * would cost the loop a wake-up and a read; before the loop sleeps it is unmuted and the ring looked at once more, so
 * that nothing which came in between is missed. Counterpart: io_uring_register_eventfd, io_uring_cq_eventfd_toggle.
 */
import { IORING_REGISTER_EVENTFD, IORING_SETUP_DEFER_TASKRUN, IORING_UNREGISTER_EVENTFD } from '../abi/constants.js'
import { errnoError } from '../lib/errno.js'
import type { Ring } from '../ring/ring.js'
import { LoopWaker } from '../sys/loop.js'

type Waker = Pick<LoopWaker, 'fd' | 'ref' | 'unref' | 'close'>

export class Wakeup {
  readonly #ring: Ring
  readonly #waker: Waker
  #isMuted = false
  #isHolding = false

  /** `onWake` runs on the event loop. Starts muted, and holding nothing. */
  constructor(ring: Ring, onWake: () => void, waker: Waker = new LoopWaker(onWake)) {
    this.#ring = ring
    this.#waker = waker
    const res = this.#register()
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

  #register(): number {
    return this.#ring.register(IORING_REGISTER_EVENTFD, new Int32Array([this.#waker.fd]), 1)
  }

  /**
   * Unmutes. True when the loop may sleep: whatever comes from now on wakes it, and nothing is waiting.
   *
   * `isAnew`: operations may end from inside another eventfd's signal. There the kernel may not signal ours, and leaves that
   * to a callback, once in the life of a registration on a ring with DEFER_TASKRUN (Linux 6.18: the second read of an eventfd
   * gives no signal). So it is registered anew before each sleep.
   */
  arm(isAnew = false): boolean {
    this.#isMuted = false
    this.#ring.cq.setEventfdEnabled(true)
    if (isAnew && (this.#ring.flags & IORING_SETUP_DEFER_TASKRUN) !== 0 && this.#ring.syscalls.name === 'kernel') {
      this.#ring.register(IORING_UNREGISTER_EVENTFD, null, 0)
      if (this.#register() < 0) return false
    }
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
