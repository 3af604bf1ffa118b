/**
 * Ordered access to shared words: the only file that calls Atomics. Runs on every thread.
 *
 * JavaScript's Atomics are sequentially consistent, so each function below is at least as strong as its name. The names
 * still say what the caller needs, so that a reader can pair a release with its acquire. Counterpart: the kernel's
 * smp_load_acquire, smp_store_release, xchg, cmpxchg and futex.
 *
 * A test may install a hook, which runs before every step: the interleaving explorer holds each thread there and lets
 * them go one at a time. With no hook a step costs one predictable branch.
 */
import { perThread } from './per-thread.js'

type WaitAsync = (
  words: Int32Array,
  index: number,
  expected: number,
) => { async: true; value: Promise<string> } | { async: false; value: string }

// Copies of Atomics' functions: a job may replace them, and its thread must go on. The language's type library lacks
// waitAsync, which Node has.
const { add, and, compareExchange, exchange, load, notify, or, store, wait, waitAsync } = perThread('Atomics', () => {
  const { add, and, compareExchange, exchange, load, notify, or, store, wait } = Atomics
  const { waitAsync } = Atomics as unknown as { waitAsync: WaitAsync }
  return { add, and, compareExchange, exchange, load, notify, or, store, wait, waitAsync }
})

/** The kind of the next step, for the explorer. */
export type StepKind = 'load' | 'store' | 'xchg' | 'cmpxchg' | 'add' | 'and' | 'or' | 'wait' | 'waitAsync' | 'wake'

/** How a wait ended. */
export type WaitResult = 'ok' | 'not-equal' | 'timed-out'

/**
 * Runs before each ordered access, on the thread that makes it. `extra` is the expected value of a cmpxchg, or the
 * timeout of a wait in milliseconds; else 0. A hook that models futexes returns how a wait ended (`true` for `'ok'`), the
 * promise of a waitAsync, or how many a wake woke: then the thread neither sleeps nor wakes.
 */
export type StepHook = (
  kind: StepKind,
  words: Int32Array,
  index: number,
  value: number,
  extra: number,
) => WaitResult | PromiseLike<unknown> | boolean | number | undefined

let hook: StepHook | undefined

/** Installs (or, with undefined, removes) the step hook of this thread. Tests only. */
export function setStepHook(next: StepHook | undefined): void {
  hook = next
}

/** The step hook of this thread. */
export function stepHook(): StepHook | undefined {
  return hook
}

export function loadAcquire(words: Int32Array, index: number): number {
  if (hook !== undefined) hook('load', words, index, 0, 0)
  return load(words, index)
}

export function storeRelease(words: Int32Array, index: number, value: number): void {
  if (hook !== undefined) hook('store', words, index, value, 0)
  store(words, index, value)
}

/** Writes `value`, returns the previous value. A full barrier. */
export function xchg(words: Int32Array, index: number, value: number): number {
  if (hook !== undefined) hook('xchg', words, index, value, 0)
  return exchange(words, index, value)
}

/** Writes `value` if the word is `expected`; returns the previous value, so success is `result === expected`. */
export function cmpxchg(words: Int32Array, index: number, expected: number, value: number): number {
  if (hook !== undefined) hook('cmpxchg', words, index, value, expected)
  return compareExchange(words, index, expected, value)
}

/** Adds, returns the previous value. */
export function fetchAdd(words: Int32Array, index: number, value: number): number {
  if (hook !== undefined) hook('add', words, index, value, 0)
  return add(words, index, value)
}

/** Ands, returns the previous value. */
export function fetchAnd(words: Int32Array, index: number, value: number): number {
  if (hook !== undefined) hook('and', words, index, value, 0)
  return and(words, index, value)
}

/** Ors, returns the previous value. */
export function fetchOr(words: Int32Array, index: number, value: number): number {
  if (hook !== undefined) hook('or', words, index, value, 0)
  return or(words, index, value)
}

/**
 * Sleeps while the word is `expected`, at most `timeoutMs` (Infinity: until woken). Returns how it ended: `'not-equal'`
 * at once if the word has another value. Spurious wake-ups happen; callers re-check.
 */
export function futexWait(words: Int32Array, index: number, expected: number, timeoutMs: number): WaitResult {
  if (hook !== undefined) {
    const ended = hook('wait', words, index, expected, timeoutMs)
    if (ended === true) return 'ok'
    if (typeof ended === 'string') return ended
  }
  return wait(words, index, expected, timeoutMs)
}

const nothing = new Int32Array(new SharedArrayBuffer(4))

/** Blocks the thread for `ms`. */
export function sleepMs(ms: number): void {
  Atomics.wait(nothing, 0, 0, ms)
}

/**
 * Like futexWait, but the thread goes on: the promise settles in its event loop when the word is woken, or never, and
 * does not keep that loop alive. Undefined if the word is not `expected`.
 */
export function futexWaitAsync(words: Int32Array, index: number, expected: number): PromiseLike<unknown> | undefined {
  if (hook !== undefined) {
    const woken = hook('waitAsync', words, index, expected, 0)
    if (woken === 'not-equal') return undefined
    if (typeof woken === 'object') return woken
  }
  const waiting = waitAsync(words, index, expected)
  return waiting.async ? waiting.value : undefined
}

/** Wakes up to `count` sleepers on the word; returns how many. */
export function futexWake(words: Int32Array, index: number, count: number): number {
  if (hook !== undefined) {
    const woken = hook('wake', words, index, count, 0)
    if (typeof woken === 'number') return woken
  }
  return notify(words, index, count)
}
