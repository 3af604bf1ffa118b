/**
 * A thread that waits for an eventfd under the explorer (sys/waiter.ts, sys/waiter-loop.ts), a loop that takes it up, lets it
 * go and closes it, and somebody who signals. The eventfd is a word that is slept on, and so is the loop's next message.
 */
import assert from 'node:assert/strict'
import { fetchAdd, futexWait, futexWake, loadAcquire, storeRelease, xchg } from '../../src/lib/barrier.js'
import { NR_WORDS } from '../../src/sys/waiter-state.js'
import { load } from './plant.js'

const { Waiter } = (await load(import.meta.url, 'sys/waiter.js')) as typeof import('../../src/sys/waiter.js')
const { runWaiter } = (await load(
  import.meta.url,
  'sys/waiter-loop.js',
)) as typeof import('../../src/sys/waiter-loop.js')

const EVENTFD = NR_WORDS
const MESSAGES = NR_WORDS + 1
const CLOSED = NR_WORDS + 2
/** The loop has let go, and may be signalled once more. */
const LET_GO = NR_WORDS + 3
export const MEMORY_BYTES = (NR_WORDS + 4) * 4

const POLL_MS = 50

function signal(words: Int32Array): void {
  assert.equal(loadAcquire(words, CLOSED), 0, 'the number is another file’s by now')
  fetchAdd(words, EVENTFD, 1)
  futexWake(words, EVENTFD, 1)
}

function add(words: Int32Array, word: number): void {
  fetchAdd(words, word, 1)
  futexWake(words, word, 1)
}

function untilAtLeast(words: Int32Array, word: number, count: number): void {
  for (let at = loadAcquire(words, word); at < count; at = loadAcquire(words, word)) {
    futexWait(words, word, at, Number.POSITIVE_INFINITY)
  }
}

export function waiter(memory: SharedArrayBuffer): void {
  const words = new Int32Array(memory)
  runWaiter(words, {
    poll() {
      if (loadAcquire(words, EVENTFD) !== 0) return true
      futexWait(words, EVENTFD, 0, POLL_MS)
      return loadAcquire(words, EVENTFD) !== 0
    },
    empty: () => xchg(words, EVENTFD, 0),
    post: () => add(words, MESSAGES),
    close: () => add(words, CLOSED),
  })
}

/** Each signal that comes when the one before has been heard wakes the loop, at the latest when it takes the waiter up. */
export function loop(memory: SharedArrayBuffer): void {
  const words = new Int32Array(memory)
  const thread = { on: () => thread, ref() {}, unref() {} }
  const one = new Waiter(0, () => {}, {
    words,
    start: () => thread as unknown as ReturnType<NonNullable<ConstructorParameters<typeof Waiter>[2]>['start']>,
    signal: () => signal(words),
  })
  one.ref()
  untilAtLeast(words, MESSAGES, 1)
  one.unref()
  storeRelease(words, LET_GO, 1)
  futexWake(words, LET_GO, 1)
  one.ref()
  untilAtLeast(words, MESSAGES, 2)
  one.close()
}

export function signaller(memory: SharedArrayBuffer): void {
  const words = new Int32Array(memory)
  signal(words)
  untilAtLeast(words, LET_GO, 1)
  signal(words)
}

export function check(memory: SharedArrayBuffer): void {
  assert.equal(new Int32Array(memory)[CLOSED], 1, 'the eventfd was closed once')
}
