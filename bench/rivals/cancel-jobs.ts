/**
 * The jobs that job-cancel.ts cancels, by name: for our Pool, piscina and tinypool. Workers run them.
 *
 * Each says in shared memory that it has begun. `signal` is ours alone: a rival's job cannot learn that it was aborted.
 */

import { currentSignal } from 'uring/pool/job'
import { fetchAdd, futexWait, futexWake, loadAcquire } from '../../src/lib/barrier.js'

/** Words of the shared memory. */
export const BEGUN = 0
export const RELEASED = 16

function begin(words: Int32Array): void {
  fetchAdd(words, BEGUN, 1)
  futexWake(words, BEGUN, 1)
}

/** Holds its worker until it is released. */
export function hold(words: Int32Array): void {
  begin(words)
  while (loadAcquire(words, RELEASED) === 0) futexWait(words, RELEASED, 0, 1000)
}

/** Waits as jobs do that wait for others, and looks at the signal in between. */
export async function cooperative(words: Int32Array): Promise<void> {
  begin(words)
  for (;;) {
    currentSignal().throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/** Computes without a pause, and looks at the signal in between. */
export function busy(words: Int32Array): number {
  const signal = currentSignal()
  begin(words)
  let sum = 0
  for (;;) {
    for (let i = 0; i < 1000; i++) sum = Math.imul(sum + i, 31)
    if (signal.aborted) signal.throwIfAborted()
  }
}

/** Computes without a pause and never looks. */
export function deaf(words: Int32Array): void {
  begin(words)
  for (;;) loadAcquire(words, RELEASED)
}

export function noop(): void {}
