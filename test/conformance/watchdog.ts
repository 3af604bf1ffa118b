/**
 * A time limit that holds while the thread sleeps in a system call or a futex, where node:test's own cannot fire.
 *
 * Main thread of a test file; the clock runs in watchdog.worker.ts. A body that passes its limit takes the process down
 * with its name on stderr: nothing of a thread that hangs in a wait can be saved.
 */
import { Worker } from 'node:worker_threads'
import { futexWake, storeRelease } from '../../src/lib/barrier.js'

export const GENERATION = 0
export const LIMIT_WORD = 1
export const NAME_LENGTH = 2
export const NAME_AT = 16
const NAME_BYTES = 496

let memory: SharedArrayBuffer | undefined
let generation = 0

/** Starts the clock for `name`; the function it returns stops it. */
export function watch(name: string, limitMs: number): () => void {
  if (memory === undefined) {
    memory = new SharedArrayBuffer(NAME_AT + NAME_BYTES)
    new Worker(new URL('./watchdog.worker.js', import.meta.url), { workerData: memory }).unref()
  }
  const words = new Int32Array(memory, 0, NAME_AT / 4)
  const text = Buffer.from(name).subarray(0, NAME_BYTES)
  new Uint8Array(memory, NAME_AT).set(text)
  words[NAME_LENGTH] = text.length
  words[LIMIT_WORD] = limitMs
  set(words)
  return () => {
    words[LIMIT_WORD] = 0
    set(words)
  }
}

function set(words: Int32Array): void {
  // Publishes the name and the limit; pairs with loadAcquire in watchdog.worker.ts.
  storeRelease(words, GENERATION, ++generation)
  futexWake(words, GENERATION, 1)
}
