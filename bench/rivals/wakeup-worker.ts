/**
 * Answers every ask of wakeup.ts, by the means it was started for. A worker runs it.
 */
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { fetchAdd, futexWait, futexWake, loadAcquire } from '../../src/lib/barrier.js'
import { signal } from '../../src/sys/loop.js'

/** Words of the shared memory, on cache lines of their own. */
export const ASK = 0
export const ANSWER = 16
export const STOP = 32

/** Where there is no eventfd. */
export const HOW = { message: -1, notify: -2 } as const

export interface WakeupData {
  readonly words: Int32Array
  /** The eventfd to signal, or one of HOW. */
  readonly fd: number
}

function serve({ words, fd }: WakeupData): void {
  for (let nrAnswered = 0; ; nrAnswered++) {
    // An ask before the wait began has changed the word, and the wait ends at once.
    while (loadAcquire(words, ASK) === (nrAnswered | 0)) futexWait(words, ASK, nrAnswered | 0, Number.POSITIVE_INFINITY)
    if (loadAcquire(words, STOP) === 1) return
    if (fd >= 0) signal(fd)
    else if (fd === HOW.message) parentPort!.postMessage(0)
    else {
      fetchAdd(words, ANSWER, 1)
      futexWake(words, ANSWER, 1)
    }
  }
}

if (!isMainThread) serve(workerData as WakeupData)
