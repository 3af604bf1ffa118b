/** The jobs of the pool stress: each notes in the ledger that it began and that it ended; some end their thread. */
import { workerData } from 'node:worker_threads'
import { currentSignal } from '../../src/pool/worker/job.js'
import { Ledger } from './ledger.js'

const MAX_TURNS = 10
const ledger = new Ledger(workerData as Int32Array[])

export function touch(job: number, key: number, kind: number): number {
  ledger.begin(job, key, kind)
  ledger.end(job)
  return job
}

/** Leaves its thread to others for some turns of the event loop. */
export async function later(job: number, key: number, kind: number): Promise<number> {
  ledger.begin(job, key, kind)
  for (let turns = 1 + (job % MAX_TURNS); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve))
  ledger.end(job)
  return job
}

export interface Parcel {
  readonly job: number
  readonly bytes: Uint8Array
  readonly beside?: Blob | SharedArrayBuffer | undefined
}

/** Sends a parcel back: through shared memory, or by message where it is big or of a kind of its own. */
export function echo(job: number, key: number, kind: number, parcel: Parcel): Parcel | Map<string, Parcel> {
  ledger.begin(job, key, kind)
  ledger.end(job)
  return job % 3 === 0 ? new Map([['parcel', parcel]]) : parcel
}

/** Looks at its signal for a while. */
export function look(job: number, key: number, kind: number, looks: number): number {
  ledger.begin(job, key, kind)
  const signal = currentSignal()
  let told = false
  for (let i = 0; i < looks && !told; i++) told = signal.aborted
  ledger.end(job)
  signal.throwIfAborted()
  return job
}

export function exit(job: number, key: number, kind: number): never {
  ledger.begin(job, key, kind)
  process.exit(3)
}

/** Ends well; then the thread ends with an error that nobody catches, in whatever turn of its event loop comes next. */
export function throwLater(job: number, key: number, kind: number): number {
  ledger.begin(job, key, kind)
  setImmediate(() => {
    throw new Error('nobody catches this')
  })
  ledger.end(job)
  return job
}

/** Fills the heap until the thread dies of it. */
export function eat(job: number, key: number, kind: number): never {
  ledger.begin(job, key, kind)
  const eaten: number[][] = []
  for (;;) eaten.push(new Array<number>(1e5).fill(Math.random()))
}
