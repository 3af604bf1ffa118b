/** Jobs that do not look at their signal, and some that do. */
import { fetchAdd, futexWait, storeRelease } from '../../src/lib/barrier.js'
import { currentSignal, reportProgress } from '../../src/pool/worker/job.js'
import { ARRIVED, RELEASED } from './gate.js'

export function add(a: number, b: number): number {
  return a + b
}

export function twice(n: number): number {
  return 2 * n
}

export function loop(gate: Int32Array): never {
  fetchAdd(gate, ARRIVED, 1)
  for (;;);
}

export function waitForEver(gate: Int32Array): void {
  fetchAdd(gate, ARRIVED, 1)
  futexWait(gate, RELEASED, 0, Number.POSITIVE_INFINITY)
}

export function never(gate: Int32Array): Promise<never> {
  fetchAdd(gate, ARRIVED, 1)
  return new Promise(() => {})
}

export function heed(gate: Int32Array): string {
  fetchAdd(gate, ARRIVED, 1)
  while (!currentSignal().aborted);
  return 'heeded'
}

export function heedLater(gate: Int32Array): Promise<string> {
  const signal = currentSignal()
  fetchAdd(gate, ARRIVED, 1)
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve('heeded'))
    if (signal.aborted) resolve('heeded')
  })
}

/** Appends a number to a log, whose first word is its length. */
export function note(log: Int32Array, number: number): void {
  storeRelease(log, 1 + fetchAdd(log, 0, 1), number)
}

export function* yieldThenLoop(gate: Int32Array): Generator<number> {
  yield 1
  loop(gate)
}

export function* yieldSome(): Generator<number> {
  for (let i = 0; i < 1000; i++) yield i
}

export function reportAndLoop(gate: Int32Array): never {
  reportProgress('begun')
  return loop(gate)
}
