/**
 * What a crew needs of the system: threads made, and looked at from outside. Owner thread only.
 *
 * It is a seam: the interleaving explorer hands in threads of its own. Where /proc does not tell, a thread counts as
 * alive, and one that is stuck in an item as asleep.
 */
import { existsSync, readFileSync } from 'node:fs'
import { Worker, type WorkerOptions } from 'node:worker_threads'

export interface ThreadSystem {
  start(entry: URL, options: WorkerOptions): Worker
  /** Whether a thread is gone, though its exit event has not come. `tid` is the kernel's id, 0 where unknown. */
  isGone(worker: Worker, tid: number): boolean
  /** Whether the kernel has it asleep. */
  isAsleep(worker: Worker, tid: number): boolean
}

export const SYSTEM_THREADS: ThreadSystem = {
  start(entry, options) {
    const kept = fileExecArgv(process.execArgv)
    // Options passed on by name are checked, and V8's are refused; those that a Worker inherits by itself are not.
    if (options.execArgv !== undefined || kept.length === process.execArgv.length) return new Worker(entry, options)
    try {
      return new Worker(entry, { ...options, execArgv: kept })
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_WORKER_INVALID_EXEC_ARGV') throw error
      return new Worker(entry, { ...options, execArgv: [] })
    }
  },
  isGone: (_worker, tid) => tid !== 0 && !existsSync(`/proc/self/task/${tid}`),
  isAsleep(_worker, tid) {
    if (tid === 0) return true
    try {
      const stat = readFileSync(`/proc/self/task/${tid}/stat`, 'latin1')
      const state = stat.charAt(stat.lastIndexOf(')') + 2)
      return state === 'S' || state === 'D'
    } catch {
      return true
    }
  },
}

/** The options Node was started with, less those that only fit a program given as text: a worker's is a file. */
function fileExecArgv(execArgv: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < execArgv.length; i++) {
    const arg = execArgv[i]!
    if (/^(-e|-p|-pe|--eval|--print|--input-type)$/.test(arg)) i++
    else if (!/^--(eval|print|input-type)=/.test(arg)) kept.push(arg)
  }
  return kept
}
