/**
 * Waits for an eventfd and sends a message for each wake-up (waiter-loop.ts). Runs on a thread of its own, which waiter.ts
 * starts.
 *
 * Counterpart: none.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { POLLIN } from '../abi/posix.js'
import { libc } from './libc.js'
import { addressOf } from './memory.js'
import { runWaiter } from './waiter-loop.js'
import type { WaiterData } from './waiter-state.js'

/** The longest wait for a thread that is terminated: nothing gets it out of poll(2). */
const POLL_MS = 50

const { fd, words } = workerData as WaiterData
/** struct pollfd: fd, then events and revents. */
const pollfd = new Int32Array([fd, POLLIN])
const counter = new Uint8Array(8)

const poll = libc('poll')
const read = libc('read')
const close = libc('close')
runWaiter(words, {
  poll: () => poll(addressOf(pollfd), 1, POLL_MS) === 1,
  empty: () => read(fd, addressOf(counter), counter.byteLength),
  post: () => parentPort?.postMessage(0),
  close: () => close(fd),
})
