/**
 * Runs one of a few actions on a thread of its own, with Syscalls of that thread. Main thread of a test file.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { BackendName } from './backends.js'

export interface Action {
  readonly backend: BackendName
  /**
   * `nops`: makes a ring, runs NOPs in workers, closes it. `leave`: the same, but ends with the ring open and a request
   * in flight. `enter`: submits to the ring `fd`, or waits on it. `message`: sends user_data 5, res 77 to the ring `fd`.
   * `signal`: sends SIGUSR2 to the thread `fd`, a thousand times; returns how many got there.
   */
  readonly what: 'nops' | 'leave' | 'enter' | 'message' | 'signal'
  readonly fd: number
  readonly toSubmit: number
  readonly minComplete: number
  readonly flags: number
}

/** Resolves to what the action returned once the thread is gone. */
export async function inThread(action: Partial<Action> & Pick<Action, 'backend' | 'what'>): Promise<number> {
  const worker = new Worker(new URL('./other-thread.worker.js', import.meta.url), { workerData: action })
  let result: number | undefined
  worker.on('message', (message: number) => {
    result = message
  })
  await once(worker, 'exit')
  if (result === undefined) throw new Error(`a thread ended without a result for '${action.what}'`)
  return result
}
