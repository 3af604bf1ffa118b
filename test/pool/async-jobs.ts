/** Functions that return promises or yield, for the pool's tests. Run on workers. */
import { setTimeout as delay } from 'node:timers/promises'
import { threadId } from 'node:worker_threads'
import { fetchAdd, futexWait, futexWaitAsync, loadAcquire, storeRelease } from '../../src/lib/barrier.js'
import { currentSignal, reportProgress } from '../../src/pool/worker/job.js'
import { ARRIVED, RELEASED } from './gate.js'

export function add(a: number, b: number): number {
  return a + b
}

export function tid(): number {
  return threadId
}

export function die(): never {
  process.exit(3)
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Says that it has arrived, then awaits the gate; returns its thread's id. */
export async function await_(gate: Int32Array): Promise<number> {
  fetchAdd(gate, ARRIVED, 1)
  await opened(gate)
  return threadId
}

async function opened(gate: Int32Array): Promise<void> {
  while (loadAcquire(gate, RELEASED) === 0) await futexWaitAsync(gate, RELEASED, 0)
}

/** As await_, by a function that is not declared async. */
export function plainAwait(gate: Int32Array): Promise<number> {
  return await_(gate)
}

/** Returns a promise only when it is given a gate. */
export function sometimes(gate: Int32Array | undefined): unknown {
  return gate === undefined ? 'at once' : await_(gate).then(() => currentSignal().aborted)
}

/** Counts itself in and out of a word, over several turns of the event loop; returns how many others were in. */
export async function inside(words: Int32Array): Promise<number> {
  const others = fetchAdd(words, 0, 1)
  for (let i = 0; i < 3; i++) await turn()
  fetchAdd(words, 0, -1)
  return others
}

/** Notes a number in a log whose first word counts, as it begins; and its negative as it ends. */
/** Keeps the thread so long that its event loop is to have a turn, returns, and holds it there. */
export function holdLater(gate: Int32Array): void {
  for (const end = performance.now() + 15; performance.now() < end; );
  setImmediate(() => {
    fetchAdd(gate, ARRIVED, 1)
    while (loadAcquire(gate, RELEASED) === 0) futexWait(gate, RELEASED, 0, 1000)
  })
}

export async function note(log: Int32Array, number: number): Promise<void> {
  storeRelease(log, 1 + fetchAdd(log, 0, 1), number)
  await turn()
  storeRelease(log, 1 + fetchAdd(log, 0, 1), -number)
}

/** Awaits a gate, then blocks its thread at another. */
export async function awaitThenBlock(gate: Int32Array, second: Int32Array): Promise<void> {
  await await_(gate)
  fetchAdd(second, ARRIVED, 1)
  while (loadAcquire(second, RELEASED) === 0) futexWait(second, RELEASED, 0, 1000)
}

/** Whether it was aborted, asked after an await. */
export async function abortedAfter(gate: Int32Array): Promise<boolean> {
  await await_(gate)
  return currentSignal().aborted
}

/** Waits for nothing but its abort; returns what the event says. */
export async function awaitAbort(gate: Int32Array): Promise<unknown> {
  const signal = currentSignal()
  fetchAdd(gate, ARRIVED, 1)
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  return [signal.aborted, signal === currentSignal(), (signal.reason as Error).name]
}

/** Waits in a timer of Node's that takes the signal. */
export async function sleepLong(gate: Int32Array): Promise<void> {
  fetchAdd(gate, ARRIVED, 1)
  await delay(0x7fff_ffff, undefined, { signal: currentSignal() })
}

/** The same through a signal made of it. */
export async function sleepLongAny(gate: Int32Array): Promise<void> {
  const signal = AbortSignal.any([currentSignal(), new AbortController().signal])
  fetchAdd(gate, ARRIVED, 1)
  await delay(0x7fff_ffff, undefined, { signal })
}

export async function fetchLong(url: string): Promise<void> {
  await fetch(url, { signal: currentSignal() })
}

/** Reports, then returns. */
export async function report(count: number, isSlow: boolean): Promise<string> {
  for (let i = 0; i < count; i++) {
    reportProgress({ i })
    if (isSlow) await turn()
  }
  setImmediate(() => reportProgress('too late'))
  return 'done'
}

export function reportNow(count: number): number {
  for (let i = 0; i < count; i++) reportProgress(i)
  return count
}

export function reportBadly(): void {
  reportProgress(() => {})
}

export function reportAndDie(): void {
  reportProgress('last words')
  process.exit(3)
}

/** Yields 0 to n-1; counts what it has yielded, and says at the end that it is over. */
export function* count(n: number, words?: Int32Array): Generator<number, string> {
  try {
    for (let i = 0; i < n; i++) {
      if (words !== undefined) fetchAdd(words, 0, 1)
      yield i
    }
    return 'all'
  } finally {
    if (words !== undefined) fetchAdd(words, 1, 1)
  }
}

export async function* countLater(n: number, words?: Int32Array): AsyncGenerator<number> {
  try {
    for (let i = 0; i < n; i++) {
      if (words !== undefined) fetchAdd(words, 0, 1)
      await turn()
      yield i
    }
  } finally {
    if (words !== undefined) fetchAdd(words, 1, 1)
  }
}

export async function list(): Promise<string[]> {
  return ['a', 'b']
}

export async function* failAfter(n: number): AsyncGenerator<number> {
  yield* countLater(n)
  throw Object.assign(new RangeError('no more'), { code: 'E_MORE' })
}

export function* uncloneable(words: Int32Array): Generator<unknown> {
  try {
    yield 1
    yield () => {}
  } finally {
    fetchAdd(words, 1, 1)
  }
}

/** Yields once, then waits for its abort. */
export async function* yieldThenWait(words: Int32Array): AsyncGenerator<string> {
  const signal = currentSignal()
  try {
    yield 'first'
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    signal.throwIfAborted()
  } finally {
    fetchAdd(words, 1, 1)
  }
}

/** Its iterator does not know how to answer. */
export function answersWrongly(): Iterable<number> {
  return { [Symbol.iterator]: () => ({ next: () => 5 as never }) }
}

export function* dieAfter(n: number): Generator<number> {
  yield* count(n)
  process.exit(3)
}

export async function* countReporting(n: number): AsyncGenerator<number> {
  for (let i = 0; i < n; i++) {
    await turn()
    reportProgress(i)
    yield i
  }
}

/** Yields when its gate has opened. */
export async function* yieldAwaited(gate: Int32Array): AsyncGenerator<number> {
  yield await await_(gate)
}
