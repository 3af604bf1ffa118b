/**
 * A request that waits for its file under the explorer: a worker on src/backends/threads/wait/worker-wait.ts, a cancel that takes the
 * wait away, and somebody who makes the file ready.
 *
 * The worker goes through its loop as operations do: is it cancelled, is there data, wait. A cancel that says 0 has
 * promised that nothing was moved, and nothing will be.
 */
import assert from 'node:assert/strict'
import { POLL_ARMED, POLL_NONE } from '../../src/backends/threads/state/layout.js'
import { R_POLL } from '../../src/backends/threads/state/req.js'
import { arm, disarm, isArmed, takeWait } from '../../src/backends/threads/wait/worker-wait.js'
import { fetchOr, loadAcquire, storeRelease } from '../../src/lib/barrier.js'

/** Behind the request's words. */
const CANCEL = 64
const DATA = 65
export const MEMORY_BYTES = 66 * 4

const LOOPS = 3

export interface Arg {
  /** Whether the owner has armed the wait, before the worker had the request. */
  readonly armed: boolean
}

type Ended = 'moved' | 'cancelled' | 'waits'

export function worker(memory: SharedArrayBuffer): Ended {
  return loop(memory, disarm)
}

/** Planted: whoever ends the wait does not look who has it. */
export function carelessWorker(memory: SharedArrayBuffer): Ended {
  return loop(memory, (words, r) => {
    const was = loadAcquire(words, r + R_POLL)
    storeRelease(words, r + R_POLL, POLL_NONE)
    return was === POLL_ARMED
  })
}

function loop(memory: SharedArrayBuffer, end: (words: Int32Array, r: number) => boolean): Ended {
  const words = new Int32Array(memory)
  let waits = isArmed(words, 0)
  for (let i = 0; i < LOOPS; i++) {
    if (waits && !end(words, 0)) return 'cancelled'
    if (loadAcquire(words, CANCEL) !== 0) return 'cancelled'
    if (loadAcquire(words, DATA) !== 0) return 'moved'
    arm(words, 0)
    waits = true
  }
  return 'waits'
}

export function setup(memory: SharedArrayBuffer, { armed }: Arg): void {
  if (armed) arm(new Int32Array(memory), 0)
}

/** What the cancel says: true for 0, false for -EALREADY. */
export function canceller(memory: SharedArrayBuffer): boolean {
  const words = new Int32Array(memory)
  const isTaken = takeWait(words, 0)
  fetchOr(words, CANCEL, 1)
  return isTaken
}

export function writer(memory: SharedArrayBuffer): void {
  storeRelease(new Int32Array(memory), DATA, 1)
}

/** Invariant 22 of ARCHITECTURE.md. */
export function check(_memory: SharedArrayBuffer, results: unknown[]): void {
  const [ended, isTaken] = results as [Ended, boolean]
  if (isTaken) assert.notEqual(ended, 'moved')
}
