/**
 * How workers wake the owner's event loop: through an eventfd where FFI loads, else by a message. Owner thread; signal()
 * runs on workers.
 *
 * A worker needs no FFI for either: it writes to the eventfd with fs.writeSync.
 */
import { writeSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { ffiProblem } from '../sys/ffi.js'
import { LoopWaker } from '../sys/loop.js'

export interface Waker {
  /** The eventfd, or -1: workers send a message. */
  readonly fd: number
  /** While referenced it keeps the process alive. */
  ref(): void
  unref(): void
  close(): void
}

/** `onWake` runs on the event loop after workers signalled. Starts unreferenced. */
export function createWaker(onWake: () => void): Waker {
  if (ffiProblem() === undefined) {
    try {
      return new LoopWaker(onWake)
    } catch {
      // No descriptor to be had: messages need none.
    }
  }
  return new MessageWaker()
}

/** Worker objects deliver the messages; this only keeps the process alive. */
class MessageWaker implements Waker {
  readonly fd = -1
  readonly #timer = setInterval(() => {}, 0x7fff_ffff).unref()

  ref(): void {
    this.#timer.ref()
  }

  unref(): void {
    this.#timer.unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }
}

const ONE = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0])

/** On a worker: wakes the owner. */
export function signal(fd: number): void {
  if (fd < 0) {
    parentPort?.postMessage(null)
    return
  }
  try {
    writeSync(fd, ONE)
  } catch {
    // EAGAIN: the counter is full, a wake-up is due anyway.
  }
}
