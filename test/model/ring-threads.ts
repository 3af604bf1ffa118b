/**
 * The threads that a backend has of its own, and their deaths. Main thread of a test process.
 */
import type { Worker } from 'node:worker_threads'
import { nowMs } from '../../src/lib/clock.js'

const alive = new Set<Worker>()

function onWorker(worker: Worker): void {
  worker.once('online', () => alive.add(worker))
  worker.once('exit', () => alive.delete(worker))
}

/** Takes note of each thread that is started from here on. The function it returns ends that. */
export function watchThreads(): () => void {
  process.on('worker', onWorker)
  return () => void process.off('worker', onWorker)
}

/** Ends one of them, whatever it is doing, after so many looks at the clock. False where there is none. */
export function killThread(nth: number, looks: number): boolean {
  const threads = [...alive]
  const thread = threads[nth % threads.length]
  if (thread === undefined) return false
  // Some way into whatever it does.
  for (let i = 0; i < looks; i++) nowMs()
  alive.delete(thread)
  void thread.terminate()
  return true
}
