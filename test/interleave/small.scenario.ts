/**
 * Small bodies whose orders can be counted by hand: the explorer's own tests.
 */
import { cmpxchg, fetchAdd, futexWait, futexWake, loadAcquire, storeRelease } from '../../src/lib/barrier.js'
import { nowMs } from '../../src/lib/clock.js'
import { stepNumber, yieldStep } from './hold.js'

const COUNT = 0
const BELL = 1
const TURN = 2

/** Every end that a schedule came to, as the check saw it. */
export const ends = new Set<string>()

type Body = (memory: SharedArrayBuffer) => unknown

export const tornAdd: Body = (memory) => {
  const words = new Int32Array(memory)
  storeRelease(words, COUNT, loadAcquire(words, COUNT) + 1)
}

export const add: Body = (memory) => fetchAdd(new Int32Array(memory), COUNT, 1)

export const twoLoads: Body = (memory) => {
  const words = new Int32Array(memory)
  return [loadAcquire(words, COUNT), loadAcquire(words, BELL)]
}

/** Sleeps until the bell rang, and returns what futexWait answered. */
export const sleeper: Body = (memory) => {
  const words = new Int32Array(memory)
  const answers: string[] = []
  while (loadAcquire(words, BELL) === 0) answers.push(futexWait(words, BELL, 0, Number.POSITIVE_INFINITY))
  return answers
}

/** Sleeps once, at most 50 ms, and returns the answer and the time that passed. */
export const napper: Body = (memory) => {
  const before = nowMs()
  return [futexWait(new Int32Array(memory), BELL, 0, 50), nowMs() - before]
}

/** Looks, and sleeps on something other than what it looked at. */
export const carelessSleeper: Body = (memory) => {
  const words = new Int32Array(memory)
  if (loadAcquire(words, BELL) === 0) futexWait(words, TURN, 0, Number.POSITIVE_INFINITY)
}

/** Rings, and returns how many it woke. */
export const ringer: Body = (memory) => {
  const words = new Int32Array(memory)
  storeRelease(words, BELL, 1)
  return futexWake(words, BELL, 1)
}

export const carelessRinger: Body = (memory) => {
  const words = new Int32Array(memory)
  storeRelease(words, BELL, 1)
  futexWake(words, TURN, 1)
}

/** Waits for the bell in a loop that gives way; returns when it began to look, and when it saw. */
export const poller: Body = (memory) => {
  const words = new Int32Array(memory)
  while (loadAcquire(words, BELL) === 0) yieldStep()
  return stepNumber()
}

/** Waits for the bell in a loop that does not. */
export const spinner: Body = (memory) => {
  const words = new Int32Array(memory)
  while (loadAcquire(words, BELL) === 0);
}

export const thrower: Body = (memory) => {
  const words = new Int32Array(memory)
  if (cmpxchg(words, COUNT, 1, 2) === 1) throw new Error('met one')
}

let calls = 0
/** Does not do the same each time. */
export const moody: Body = (memory) => {
  for (let i = 0; i <= calls; i++) loadAcquire(new Int32Array(memory), BELL)
  calls = 1 - calls
}

export function check(memory: SharedArrayBuffer, results: unknown[], _trace: unknown, arg: unknown): void {
  const count = new Int32Array(memory)[COUNT]!
  ends.add(JSON.stringify([count, results]))
  if (typeof arg === 'number' && count !== arg) throw new Error(`count is ${count}`)
}
