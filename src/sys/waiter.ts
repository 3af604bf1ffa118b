/**
 * A thread that waits for an eventfd in place of an event loop, and sends the loop a message for each wake-up: the way
 * where Node cannot be brought to poll the eventfd itself. Runs on the thread that is to be woken.
 *
 * A message is as quick as Atomics.notify with waitAsync, and keeps the loop alive by itself (`npm run bench -- wakeup`).
 * While the loop need not be woken (unref) the thread sleeps on a futex, out of which terminate() gets it at once. While
 * it polls, it looks up every 50 ms: Node waits for the threads of a Worker that is terminated, and nothing of ours could
 * signal the eventfd by then. Making one takes until it is up, 30 ms. Counterpart: none.
 */
import type { Worker } from 'node:worker_threads'
import { futexWait, futexWake, loadAcquire, storeRelease } from '../lib/barrier.js'
import { builtin } from '../lib/builtin.js'
import { URL } from '../lib/globals.js'
import { forNode } from '../lib/options.js'
import { libc } from './libc.js'
import { addressOf } from './memory.js'
import { IDLE, IS_UP, NR_WORDS, STATE, STOPPED, WATCHING, type WaiterData } from './waiter-state.js'

const WORKER_ENTRY = new URL('./waiter-worker.js', import.meta.url)
/** A thread that is not up by then will say why by an error event. */
const UP_MS = 10_000

export class Waiter {
  readonly #fd: number
  readonly #words = new Int32Array(new SharedArrayBuffer(NR_WORDS * 4))
  readonly #worker: Worker

  /** Takes `fd`, an eventfd, for its own. `onWake` runs while referenced; starts unreferenced. */
  constructor(fd: number, onWake: () => void) {
    const { Worker } = builtin('node:worker_threads')
    const workerData: WaiterData = { fd, words: this.#words }
    // No execArgv: what the program preloads is nothing to this thread.
    this.#worker = new Worker(WORKER_ENTRY, forNode({ workerData, execArgv: [] }))
    this.#fd = fd
    this.#worker.on('message', onWake)
    this.#worker.unref()
    // Terminated while it loads koffi, where that calls, it would take the process with it.
    while (loadAcquire(this.#words, IS_UP) === 0) {
      if (futexWait(this.#words, IS_UP, 0, UP_MS) === 'timed-out') break
    }
  }

  ref(): void {
    this.#worker.ref()
    this.#tell(WATCHING)
  }

  /** What is signalled from now on may wait until the next ref(). */
  unref(): void {
    this.#worker.unref()
    this.#tell(IDLE)
  }

  close(): void {
    this.#worker.unref()
    // Out of poll(2). Before the word: from then on the number may be another file's.
    const one = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0])
    libc('write')(this.#fd, addressOf(one), one.byteLength)
    this.#tell(STOPPED)
  }

  #tell(state: number): void {
    storeRelease(this.#words, STATE, state)
    futexWake(this.#words, STATE, 1)
  }
}
