/**
 * A request that waits for a pipe or socket: a worker sleeps in poll(2), and the owner may take the wait away from it.
 *
 *   POLL_NONE <-> POLL_ARMED -> POLL_CANCELED
 *   (worker arms, disarms)      (owner, who then may say that the request is cancelled: the worker moves nothing more)
 *
 * Counterpart: io_arm_poll_handler and io_poll_cancel; there the request is parked, here it holds its worker.
 */
import { cmpxchg } from '../../lib/barrier.js'
import { libc } from '../../sys/libc.js'
import { addressOf } from '../../sys/memory.js'
import { POLL_ARMED, POLL_CANCELED, POLL_NONE } from './layout.js'
import type { WorkEnv } from './op.js'
import { R_POLL } from './req.js'

/** How long a worker waits at a stretch: a thread in a system call cannot be terminated. */
const SLICE_MS = 100

/** One pollfd of this thread's own, filled for each call. */
const pollfd = new Int32Array(2)

/** Whether the file is ready for `events` (POLLIN, POLLOUT), or broken, after some time at the most. Blocks a worker. */
export function isReadySoon(fd: number, events: number): boolean {
  pollfd[0] = fd
  pollfd[1] = events
  return libc('poll')(addressOf(pollfd), 1, SLICE_MS) > 0
}

/** Waits a while for the file, on a worker. False if the request was cancelled meanwhile: it must move nothing more. */
export function waitForFile(env: WorkEnv, r: number, fd: number, events: number): boolean {
  arm(env.words, r)
  // Who cancelled it before it was armed has told it so.
  if (!env.cancelled()) {
    env.sleeping()
    isReadySoon(fd, events)
    env.running()
  }
  return disarm(env.words, r) && !env.cancelled()
}

export function arm(words: Int32Array, r: number): void {
  cmpxchg(words, r + R_POLL, POLL_NONE, POLL_ARMED)
}

/** The wait is over. False if the owner has taken it away. */
export function disarm(words: Int32Array, r: number): boolean {
  return cmpxchg(words, r + R_POLL, POLL_ARMED, POLL_NONE) === POLL_ARMED
}

/** Takes a wait away, for the owner. False if there is none. */
export function takeWait(words: Int32Array, r: number): boolean {
  return cmpxchg(words, r + R_POLL, POLL_ARMED, POLL_CANCELED) === POLL_ARMED
}
