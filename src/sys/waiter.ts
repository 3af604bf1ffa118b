/**
 * A thread that waits for an eventfd in place of an event loop, and sends the loop a message for each wake-up: used
 * where Node cannot poll the eventfd itself. Runs on the thread that is to be woken.
 *
 * A message is as quick as Atomics.notify with waitAsync, and keeps the loop alive by itself
 * (`npm run bench -- wakeup`). While the loop need not be woken (unref) the thread sleeps on a futex, out of which
 * terminate() gets it at once. While it polls, it looks up every 50 ms: Node waits for the threads of a terminated
 * Worker, and none of our code could signal the eventfd by then. The constructor waits until the thread is up, 30 ms.
 * Counterpart: none.
 */
import type { Worker } from 'node:worker_threads'
import { futexWait, futexWake, loadAcquire, storeRelease } from '../lib/barrier.js'
import { builtin } from '../lib/builtin.js'
import { emitWarning, URL } from '../lib/globals.js'
import { heard } from '../lib/heard.js'
import { forNode } from '../lib/options.js'
import { libc } from './libc.js'
import { addressOf } from './memory.js'
import { IDLE, IS_UP, NR_WORDS, STATE, STOPPED, WATCHING, type WaiterData } from './waiter-state.js'

const WORKER_ENTRY = new URL('./waiter-worker.js', import.meta.url)
/** A thread that is not up by then may have failed to begin: a warning says why. */
const UP_MS = 10_000

/** What a Waiter is made of. */
export interface WaiterParts {
  /** Zeroed, in shared memory. */
  readonly words: Int32Array
  start(data: WaiterData): Pick<Worker, 'on' | 'ref' | 'unref'>
  /** Adds one to the eventfd. */
  signal(fd: number): void
}

function newParts(): WaiterParts {
  return {
    words: new Int32Array(new SharedArrayBuffer(NR_WORDS * 4)),
    start(workerData) {
      const { Worker } = builtin('node:worker_threads')
      // No execArgv: this thread requires nothing that the program preloads.
      const worker = heard(new Worker(WORKER_ENTRY, forNode({ workerData, execArgv: [] })))
      worker.on('error', (error: Error) => {
        emitWarning(`a thread that waits for an eventfd has ended: ${error.message}`, { code: 'URING_WAITER_DIED' })
      })
      return worker
    },
    signal(fd) {
      const one = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0])
      libc('write')(fd, addressOf(one), one.byteLength)
    },
  }
}

export class Waiter {
  readonly #fd: number
  readonly #words: Int32Array
  readonly #worker: Pick<Worker, 'ref' | 'unref'>
  readonly #signal: (fd: number) => void

  /** Takes over `fd`, an eventfd. `onWake` runs while referenced; starts unreferenced. */
  constructor(fd: number, onWake: () => void, { words, start, signal } = newParts()) {
    this.#words = words
    this.#signal = signal
    this.#fd = fd
    const worker = start({ fd, words })
    worker.on('message', onWake)
    worker.unref()
    this.#worker = worker
    // If it were terminated while it loads koffi, the process would crash.
    while (loadAcquire(this.#words, IS_UP) === 0) {
      if (futexWait(this.#words, IS_UP, 0, UP_MS) === 'timed-out') break
    }
  }

  ref(): void {
    this.#worker.ref()
    this.#tell(WATCHING)
  }

  /** Signals may wait from now on until the next ref(). */
  unref(): void {
    this.#worker.unref()
    this.#tell(IDLE)
  }

  close(): void {
    this.#worker.unref()
    // Gets the thread out of poll(2). Before the word is written: after that the number may be another file's.
    this.#signal(this.#fd)
    this.#tell(STOPPED)
  }

  #tell(state: number): void {
    storeRelease(this.#words, STATE, state)
    futexWake(this.#words, STATE, 1)
  }
}
