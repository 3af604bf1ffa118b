/**
 * Waits for an eventfd and sends a message for each wake-up. Runs on a thread of its own, which waiter.ts starts.
 *
 * Counterpart: none.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { POLLIN } from '../abi/posix.js'
import { futexWait, futexWake, loadAcquire, storeRelease } from '../lib/barrier.js'
import { libc } from './libc.js'
import { addressOf } from './memory.js'
import { IDLE, IS_UP, STATE, STOPPED, type WaiterData } from './waiter-state.js'

/** The longest wait for a thread that is terminated: nothing gets it out of poll(2). */
const POLL_MS = 50
const PAUSE = Number.POSITIVE_INFINITY

const { fd, words } = workerData as WaiterData
/** struct pollfd: fd, then events and revents. */
const pollfd = new Int32Array([fd, POLLIN])
const counter = new Uint8Array(8)

const poll = libc('poll')
const read = libc('read')
const close = libc('close')
storeRelease(words, IS_UP, 1)
futexWake(words, IS_UP, 1)

for (;;) {
  const state = loadAcquire(words, STATE)
  if (state === STOPPED) break
  if (state === IDLE) {
    futexWait(words, STATE, IDLE, PAUSE)
    continue
  }
  if (poll(addressOf(pollfd), 1, POLL_MS) !== 1) continue
  // The eventfd is emptied before the message: a later signal is another wake-up.
  read(fd, addressOf(counter), counter.byteLength)
  parentPort?.postMessage(0)
}
close(fd)
