/** Holding jobs in tests, and waiting for what must come, with a deadline and without sleeping. Any thread. */
import { futexWake, loadAcquire, storeRelease } from '../../src/lib/barrier.js'

export const ARRIVED = 0
export const RELEASED = 1

/** Jobs that got this far wait here. */
export class Gate {
  readonly words = new Int32Array(new SharedArrayBuffer(8))

  get arrived(): number {
    return loadAcquire(this.words, ARRIVED)
  }

  /** Resolves when so many jobs have arrived. */
  reached(count: number): Promise<void> {
    return until(() => this.arrived >= count, `${count} jobs arrive`)
  }

  open(): void {
    storeRelease(this.words, RELEASED, 1)
    futexWake(this.words, RELEASED, Number.POSITIVE_INFINITY)
  }
}

const DEADLINE_MS = 20_000

/** Turns the event loop until something holds. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const end = performance.now() + DEADLINE_MS
  while (!holds()) {
    if (performance.now() > end) throw new Error(`in ${DEADLINE_MS} ms it did not happen that ${what}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Words of shared memory. */
export function sharedWords(count: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * count))
}

/** What a promise rejects with. */
export async function rejectionOf(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await promise
  } catch (error) {
    return error as Error & Record<string, unknown>
  }
  throw new Error('it did not reject')
}
