/**
 * Workers that wait for completions which never come, each in another way, and are ended there: `BACKEND ENDING`. A
 * process of its own for worker-ends-in-a-wait.test.ts, and each of its Workers.
 */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { loadSyscalls } from '../../src/driver/bare.js'
import { prepNop } from '../../src/ring/prep.js'
import { queueInit, type Ring } from '../../src/ring/ring.js'
import { gettid } from '../../src/sys/libc.js'

const LONG_MS = 1e9
const WAITS: readonly ((ring: Ring) => number)[] = [
  (ring) => ring.waitCqe(),
  (ring) => ring.waitCqe(LONG_MS),
  (ring) => ring.waitCqes(3),
  (ring) => ring.submitAndWait(1),
  (ring) => {
    prepNop(ring.sq.words, ring.sq.getSqe())
    return ring.submitAndWait(2)
  },
  (ring) => ring.submitAndWaitTimeout(1, LONG_MS),
  (ring) => ring.submitAndWaitMinTimeout(1, undefined, LONG_MS),
  (ring) => ring.waitCqesUntil(1, process.hrtime.bigint() + BigInt(LONG_MS * 1e6)),
]
/** io_uring_enter, and futex on x64 and arm64. */
const SLEEPS = /^(426|202|98) /

/** Until the thread is in the call in which it waits, where the kernel tells. */
async function isWaiting(tid: number): Promise<void> {
  for (let i = 0; i < 100_000; i++) {
    try {
      if (SLEEPS.test(readFileSync(`/proc/self/task/${tid}/syscall`, 'utf8'))) return
    } catch {
      return
    }
    await new Promise(setImmediate)
  }
  throw new Error(`thread ${tid} does not wait`)
}

if (isMainThread) {
  const [backend, ending] = process.argv.slice(2)
  const workers = WAITS.map((_, i) => new Worker(new URL(import.meta.url), { workerData: [backend, i] }))
  const tids = await Promise.all(workers.map((worker) => once(worker, 'message')))
  for (const [tid] of tids) await isWaiting(tid as number)
  if (ending === 'throw') throw new Error('not caught')
  if (ending === 'exit') process.exit(3)
  await Promise.all(workers.map((worker) => worker.terminate()))
  console.log('ends')
} else {
  const [backend, i] = workerData as ['kernel' | 'threads', number]
  const ring = queueInit(await loadSyscalls(backend), 8)
  parentPort!.postMessage(gettid())
  throw new Error(`the wait returned ${WAITS[i]!(ring)}`)
}
