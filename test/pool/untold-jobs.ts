/** A module of jobs whose threads come to grief when no job is there. */
import { futexWait, loadAcquire } from '../../src/lib/barrier.js'

export function throwsLater(): string {
  setImmediate(function inTheWorker() {
    throw Object.assign(new RangeError('late'), { code: 'E_LATE' })
  })
  return 'returned'
}

export function rejectsLater(): string {
  setImmediate(() => void Promise.reject(new Error('floating')))
  return 'returned'
}

export function throwsTextLater(): string {
  setImmediate(() => {
    throw 'no error'
  })
  return 'returned'
}

export function exitsLater(code: number): string {
  setImmediate(() => process.exit(code))
  return 'returned'
}

export function eatsLater(): string {
  setImmediate(() => {
    const eaten: unknown[] = []
    for (;;) eaten.push(new Array(10_000).fill(eaten.length))
  })
  return 'returned'
}

export function dies(): never {
  process.exit(3)
}

export function diesLater(): Promise<never> {
  setImmediate(() => {
    throw new Error('in a job')
  })
  return new Promise(() => {})
}

export function fine(): string {
  return 'fine'
}

/** For good, until its thread is ended. */
export function hangs(words: Int32Array): void {
  while (loadAcquire(words, 0) === 0) futexWait(words, 0, 0, 1000)
}

export function throwsAsItLeaves(): Promise<void> {
  setImmediate(() => {
    throw new Error('in the doorway')
  })
  return new Promise((resolve) => setTimeout(resolve, 1_000_000))
}

export function closesBadly(): never {
  throw Object.assign(new TypeError('it will not close'), { code: 'E_CLOSE' })
}
