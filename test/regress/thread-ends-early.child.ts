/**
 * Threads that end while the workers of their rings are coming up, each at another instant of that: told to exit, or with
 * nothing left to do; the last is the main thread. A process of its own for thread-ends-early.test.ts.
 */
import { once } from 'node:events'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { IOSQE_ASYNC } from '../../src/abi/constants.js'
import { ThreadsSyscalls } from '../../src/backends/threads/index.js'
import { futexWait } from '../../src/lib/barrier.js'
import { prepNop, setFlags } from '../../src/ring/prep.js'
import { queueInit } from '../../src/ring/ring.js'

const NR_INSTANTS = 40
const STEP_MS = 1.5

function submitAndLeave(afterMs: number): void {
  const ring = queueInit(new ThreadsSyscalls(), 8)
  const { sq } = ring
  const at = sq.getSqe()
  prepNop(sq.words, at)
  setFlags(sq.words, at, IOSQE_ASYNC)
  ring.submit()
  futexWait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, afterMs)
}

if (isMainThread) {
  for (let i = 0; i < NR_INSTANTS; i++) await once(new Worker(new URL(import.meta.url), { workerData: i }), 'exit')
  submitAndLeave(0)
  console.log('ends')
} else {
  const instant = workerData as number
  submitAndLeave(instant * STEP_MS)
  if (instant % 2 === 0) process.exit(0)
}
