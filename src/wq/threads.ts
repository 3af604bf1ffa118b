/**
 * What a crew needs of the system: threads made, and looked at from outside. Owner thread only.
 *
 * It is a seam: the interleaving explorer hands in threads of its own. Where /proc does not tell, a thread counts as
 * alive, and one that is stuck in an item as asleep.
 */
import { Worker, type WorkerOptions } from 'node:worker_threads'
import { errnoError } from '../lib/errno.js'
import { process } from '../lib/globals.js'
import { forNode } from '../lib/options.js'
import { setThreadCpus, threadCpus } from '../sys/affinity.js'
import { gate } from '../sys/gate.js'
import { isAll, isThreadAsleep, isThreadGone, threadIds } from './proc.js'

export interface ThreadSystem {
  /** On `cpus`, if given: all that the thread starts inherits them. Throws if none of them is allowed. */
  start(entry: URL, options: WorkerOptions, cpus?: readonly number[]): Worker
  /** Whether a thread is gone, though its exit event has not come. `tid` is the kernel's id, 0 where unknown. */
  isGone(worker: Worker, tid: number): boolean
  /** Whether the kernel has it asleep. */
  isAsleep(worker: Worker, tid: number): boolean
}

export const SYSTEM_THREADS: ThreadSystem = {
  start(entry, options, cpus) {
    // Before there is a thread that may be ended.
    gate()
    if (cpus !== undefined) return startOn(cpus, () => SYSTEM_THREADS.start(entry, options))
    // Where not one descriptor is left a thread could not begin either, for its event loop takes several, and would say so to
    // this event loop, which may sleep. What is thrown here is tried again as often, and as late, as a thread that ends.
    const before = threadIds()
    const worker = newWorker(entry, options)
    if (before !== undefined) {
      firstTids.set(worker, before)
      firstTid(worker)
    }
    return worker
  },
  isGone(worker, tid) {
    if (tid !== 0) return isThreadGone(tid)
    const first = firstTid(worker)
    return first === 'gone' || (first !== undefined && isThreadGone(first))
  },
  isAsleep(_worker, tid) {
    return tid === 0 || isThreadAsleep(tid) !== false
  },
}

/**
 * The ids of workers' threads, seen from outside: one may end before it says its id, while its owner sleeps. Where it was
 * not found yet, the threads that there were before it.
 */
const firstTids = new WeakMap<Worker, number | 'gone' | ReadonlySet<string>>()

/**
 * The thread of a worker that has not said its id: a number, 'gone' if there is none, undefined while that is not known. As
 * the Worker was made its thread was there, for it was begun then.
 *
 * It errs on one side alone. A thread that is there is among those that are new, so it is never 'gone'; where it has ended
 * and just one other began meanwhile, that one is taken for it, and only the worker's exit event says that it is gone.
 */
function firstTid(worker: Worker): number | 'gone' | undefined {
  const known = firstTids.get(worker)
  if (typeof known !== 'object') return known
  let now: Set<string> | undefined
  try {
    now = threadIds()
  } catch {
    // The last descriptor is taken.
    if (isAll(known)) return 'gone'
  }
  if (now === undefined) return undefined
  const news = [...now].filter((tid) => !known.has(tid))
  // More than one, if some other thread was started as well.
  if (news.length > 1) return undefined
  const found = news.length === 0 ? 'gone' : Number(news[0])
  firstTids.set(worker, found)
  return found
}

function newWorker(entry: URL, options: WorkerOptions): Worker {
  const kept = fileExecArgv(process.execArgv)
  // Options passed on by name are checked, and V8's are refused; those that a Worker inherits by itself are not.
  if (options.execArgv !== undefined || kept.length === process.execArgv.length) return new Worker(entry, options)
  try {
    return new Worker(entry, forNode({ ...options, execArgv: kept }))
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_WORKER_INVALID_EXEC_ARGV') throw error
    return new Worker(entry, forNode({ ...options, execArgv: [] }))
  }
}

/** A thread begins where the one that starts it may run, so the owner moves for a moment. */
function startOn(cpus: readonly number[], start: () => Worker): Worker {
  const before = threadCpus()
  const res = setThreadCpus(cpus)
  if (res < 0) throw errnoError(res, 'sched_setaffinity')
  try {
    return start()
  } finally {
    if (before !== undefined) setThreadCpus(before)
  }
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
