/**
 * Holds a thread under test before each of its atomic steps, by barrier.ts's hook. Also what a scenario's body may call.
 *
 * Time is the model's too: from 0 at the start of a schedule it stands still, or moves on a little each time it is asked
 * for, and jumps when a wait runs out of time.
 */
import { type StepHook, setStepHook } from '../../src/lib/barrier.js'
import { setClock } from '../../src/lib/clock.js'
import { ANSWERS, KIND } from './control.js'
import type { Scheduler } from './scheduler.js'

const MAX_COUNT = 2 ** 31 - 1
/** A spinning thread is let through this many loads, then has to give way. */
const MAX_UNSEEN_LOADS = 500

let held: Scheduler | undefined
let holding: StepHook | undefined
/** What comes of a wait of futexWaitAsync. */
let onWoken: (() => unknown) | undefined

/**
 * Ends a turn of a loop that waits for another thread: the loop goes on once another thread has changed memory since it
 * last gave way. Leaving a thread here is no preemption. Outside of an exploration it does nothing.
 */
export function yieldStep(): void {
  held?.park(KIND.yield, 0, 0, 0)
}

/** The row in the trace of the step made last. Exact while the thread that asks is the one that made it. */
export function stepNumber(): number {
  return held === undefined ? -1 : held.nrLogged - 1
}

/** Whether a thread died in this schedule. No step: it says what an operating system would. */
export function isKilled(thread: number): boolean {
  return held?.isKilled(thread) ?? false
}

/**
 * From calm(true) on there are no choices: each thread goes on until it has to wait. To explore a part of a scenario
 * only. No step.
 */
export function calm(on: boolean): void {
  held?.setCalm(on)
}

/**
 * A turn of the thread's event loop: sleeps while the word holds `expected` and nobody wakes it, unless what futexWaitAsync
 * waits for is woken, which runs what was to come of that. A step.
 */
export function turn(words: Int32Array, index: number, expected: number): void {
  held?.park(KIND.turn, (words.byteOffset >> 2) + index, expected, 0)
  if (held?.takeWoken() === true) onWoken?.()
}

/** The thread begins anew, with another event loop. No step. */
export function newLoop(): void {
  held?.dropWait()
}

/** Runs what is no part of the schedule: its steps are not held. Only before a body's first step. */
export function unheld<T>(body: () => T): T {
  setStepHook(undefined)
  try {
    return body()
  } finally {
    setStepHook(holding)
  }
}

/** futexWaitAsync, as its caller sees it. One at a time is all that anybody needs. */
function listen(scheduler: Scheduler, word: number, expected: number): 'not-equal' | PromiseLike<unknown> {
  if (scheduler.listens) throw new Error('the thread waits in its event loop already')
  if (ANSWERS[scheduler.park(KIND.waitAsync, word, expected, 0)] === 'not-equal') return 'not-equal'
  const woken = {
    // biome-ignore lint/suspicious/noThenProperty: it stands for a promise, whose end is a step.
    then(callback: () => unknown) {
      onWoken = callback
      return woken
    },
  }
  return woken as unknown as PromiseLike<unknown>
}

/** Runs a body with each of its steps on `memory` held. Steps on private memory are no steps. */
export function runHeld<T>(
  scheduler: Scheduler,
  memory: SharedArrayBuffer,
  { spinLoads, clockStepMs }: { spinLoads: number; clockStepMs: number },
  body: () => T,
): T {
  let now = 0
  let spun: number | undefined // the word that the last step loaded
  let changes = 0 // ... and the changes to memory until then
  let repeats = 0

  /** True if this load is one of a run that may pass unseen. */
  function isSpin(word: number): boolean {
    const same = spun === word && changes === scheduler.nrChanges
    repeats = same ? repeats + 1 : 0
    if (spinLoads === 0 || repeats < spinLoads) return false
    if (repeats < spinLoads + MAX_UNSEEN_LOADS) return true
    repeats = 0
    scheduler.park(KIND.yield, 0, 0, 0)
    return false
  }

  held = scheduler
  setClock(() => {
    now += clockStepMs
    return now
  })
  holding = (kind, words, index, value, extra) => {
    if (words.buffer !== memory) {
      if (words.buffer instanceof SharedArrayBuffer)
        throw new Error('a step on shared memory that is not the scenario’s')
      return undefined
    }
    const word = (words.byteOffset >> 2) + index
    if (kind === 'load' && isSpin(word)) return undefined
    if (kind === 'waitAsync') return listen(scheduler, word, value)
    const timeout = extra === Number.POSITIVE_INFINITY ? 0 : extra > 0 ? 1 : 2
    const operand = kind === 'wake' ? Math.min(value, MAX_COUNT) : value
    const answer = scheduler.park(KIND[kind], word, operand, kind === 'wait' ? timeout : extra, extra)
    spun = kind === 'load' ? word : undefined
    changes = scheduler.nrChanges
    if (kind === 'wake') return answer
    if (kind !== 'wait') return undefined
    const result = ANSWERS[answer]!
    if (result === 'timed-out') now += Math.max(0, extra)
    return result
  }
  setStepHook(holding)
  try {
    return body()
  } finally {
    held = undefined
    holding = undefined
    setClock(undefined)
    setStepHook(undefined)
  }
}
