/**
 * Small numbers for threads: 1 to the greatest, unique among those alive. A thread takes one as it comes up and gives it
 * back as it leaves; of one that died the owner does so. Owner and workers. No counterpart.
 *
 * A thread may come up while the one that it replaces has not left: it waits for a number. There are more than the
 * greatest, for a thread that is being ended may be stuck, and none waits longer for it than GIVE_UP_MS.
 */
import { cmpxchg, fetchAdd, futexWait, futexWake, loadAcquire } from '../lib/barrier.js'
import { NUMBER, NUMBERS } from './numbers-layout.js'

const GIVEN_BACK = NUMBERS.at.given_back >> 2
const HEAD_WORDS = NUMBERS.size >> 2
const NUMBER_WORDS = NUMBER.size >> 2
const SPARE = 64
const GIVE_UP_MS = 2000

/** Memory for the numbers 1 to `max`. */
export function numbersFor(max: number): SharedArrayBuffer {
  return new SharedArrayBuffer((HEAD_WORDS + NUMBER_WORDS * (max + SPARE)) * 4)
}

/** The lowest free number, for the calling thread; it may sleep for one. 0 if there is none at all. */
export function takeNumber(words: Int32Array, max: number, threadId: number): number {
  for (;;) {
    const seen = loadAcquire(words, GIVEN_BACK)
    const number = takeUpTo(words, max, threadId)
    if (number !== 0) return number
    if (futexWait(words, GIVEN_BACK, seen, GIVE_UP_MS) === 'timed-out') return takeUpTo(words, max + SPARE, threadId)
  }
}

function takeUpTo(words: Int32Array, max: number, threadId: number): number {
  for (let number = 1; number <= max; number++) {
    if (cmpxchg(words, holder(number), 0, threadId) === 0) return number
  }
  return 0
}

/** Gives back what a thread has; again, it does nothing. */
export function giveNumberBack(words: Int32Array, threadId: number): void {
  const end = (words.length - HEAD_WORDS) / NUMBER_WORDS
  for (let number = 1; number <= end; number++) {
    if (cmpxchg(words, holder(number), threadId, 0) !== threadId) continue
    fetchAdd(words, GIVEN_BACK, 1)
    futexWake(words, GIVEN_BACK, 1)
  }
}

/** The word of a number: who has it. */
function holder(number: number): number {
  return HEAD_WORDS + (number - 1) * NUMBER_WORDS + (NUMBER.at.holder >> 2)
}
