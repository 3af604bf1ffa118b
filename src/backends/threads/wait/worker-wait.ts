/**
 * A request's wait for a pipe or socket: a worker sleeps in poll(2), and the owner may take the wait away.
 *
 *   POLL_NONE <-> POLL_ARMED -> POLL_CANCELED
 *   (worker arms, disarms)      (owner, who then may say that the request is cancelled: the worker moves nothing more)
 *
 * A request that the owner has tried in vain is armed when it goes to io-wq.
 *
 * Counterpart: io_arm_poll_handler and io_poll_cancel. There the request is parked; here it occupies its worker.
 */
import { cmpxchg, loadAcquire } from '../../../lib/barrier.js'
import { libc } from '../../../sys/libc.js'
import { addressOf } from '../../../sys/memory.js'
import { POLL_ARMED, POLL_CANCELED, POLL_NONE } from '../state/layout.js'
import type { WorkEnv } from '../state/op.js'
import { R_POLL } from '../state/req.js'

/** The longest single wait of a worker: a thread in a system call cannot be terminated. */
const SLICE_MS = 100

/** One pollfd of this thread's own, filled for each call. */
const pollfd = new Int32Array(2)

/** Waits a bounded time. True if the file is ready for `events` (POLLIN, POLLOUT), or broken. Blocks a worker. */
export function isReadySoon(fd: number, events: number): boolean {
  pollfd[0] = fd
  pollfd[1] = events
  return libc('poll')(addressOf(pollfd), 1, SLICE_MS) > 0
}

/**
 * Waits for the file on a worker; the wait must be armed. False if the request was cancelled: it must move nothing
 * more.
 */
export function waitForFile(env: WorkEnv, r: number, fd: number, events: number): boolean {
  env.sleeping()
  // A cancel before the wait was armed has set the flag.
  while (!env.cancelled() && !isReadySoon(fd, events));
  env.running()
  return disarm(env.words, r) && !env.cancelled()
}

/** Whether the wait was armed before a worker had the request: no data is there yet, and it may have been cancelled. */
export function isArmed(words: Int32Array, r: number): boolean {
  return loadAcquire(words, r + R_POLL) !== POLL_NONE
}

/** Whether the request waits for its file now, so that a cancel could take the wait away. */
export function isWaiting(words: Int32Array, r: number): boolean {
  return loadAcquire(words, r + R_POLL) === POLL_ARMED
}

/** Arms the wait: the owner before it queues the request, or the worker that has it. */
export function arm(words: Int32Array, r: number): void {
  cmpxchg(words, r + R_POLL, POLL_NONE, POLL_ARMED)
}

/** Ends the wait. False if the owner has taken it away. */
export function disarm(words: Int32Array, r: number): boolean {
  return cmpxchg(words, r + R_POLL, POLL_ARMED, POLL_NONE) === POLL_ARMED
}

/** Takes a wait away, on the owner. False if there is none. */
export function takeWait(words: Int32Array, r: number): boolean {
  return cmpxchg(words, r + R_POLL, POLL_ARMED, POLL_CANCELED) === POLL_ARMED
}
