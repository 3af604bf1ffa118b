/**
 * A crew's interface to the system: it makes threads, and looks at them from outside. Owner thread only.
 *
 * It is a seam: the interleaving explorer passes in threads of its own. Without /proc a thread counts as alive, and a
 * thread that is stuck in an item as asleep.
 */
import { Worker, type WorkerOptions } from 'node:worker_threads'
import { errnoError } from '../lib/errno.js'
import { process } from '../lib/globals.js'
import { heard } from '../lib/heard.js'
import { forNode } from '../lib/options.js'
import { setThreadCpus, threadCpus } from '../sys/affinity.js'
import { gate } from '../sys/gate.js'
import { hasNoOthers, isThreadAsleep, isThreadGone, threadIds } from './proc.js'

export interface ThreadSystem {
  /** Starts a thread on `cpus`, if given; all that it starts inherits them. Throws if none of them is allowed. */
  start(entry: URL, options: WorkerOptions, cpus?: readonly number[]): Worker
  /** Whether a thread is gone, though its exit event has not come. `tid` is the kernel's id, 0 if unknown. */
  isGone(worker: Worker, tid: number): boolean
  /** Whether the kernel has it asleep. */
  isAsleep(worker: Worker, tid: number): boolean
}

export const SYSTEM_THREADS: ThreadSystem = {
  start(entry, options, cpus) {
    // Made before there is a thread that may be ended.
    gate()
    if (cpus !== undefined) return startOn(cpus, () => SYSTEM_THREADS.start(entry, options))
    // Without any descriptor left a thread could not begin either, because its event loop opens several. It would
    // report that to this event loop, which may sleep. An error thrown here is retried as often, and as late, as a
    // thread that ends.
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
 * The ids of workers' threads, found from outside: a thread may end before it writes its id, while its owner sleeps. A
 * set has the threads that existed before one that is not found yet.
 */
const firstTids = new WeakMap<Worker, number | 'gone' | ReadonlySet<string>>()

/**
 * The thread of a worker that has not written its id: a number, 'gone' if there is none, undefined while unknown. The
 * thread has begun by the time that its Worker exists.
 *
 * It errs on one side alone. An existing thread is among the new ones, so it is never 'gone'. If it has ended and
 * exactly one other has begun meanwhile, that one is mistaken for it, and only the worker's exit event reports the end.
 */
function firstTid(worker: Worker): number | 'gone' | undefined {
  const known = firstTids.get(worker)
  if (typeof known !== 'object') return known
  let now: Set<string> | undefined
  try {
    now = threadIds()
  } catch {
    // No descriptor is left: the thread may have taken the last as it failed to come up.
    if (hasNoOthers(known)) return 'gone'
  }
  if (now === undefined) return undefined
  const news = [...now].filter((tid) => !known.has(tid))
  // Another thread may have started as well.
  if (news.length > 1) return undefined
  const found = news.length === 0 ? 'gone' : Number(news[0])
  firstTids.set(worker, found)
  return found
}

function newWorker(entry: URL, options: WorkerOptions): Worker {
  const kept = fileExecArgv(process.execArgv)
  // Node checks options that are passed by name and refuses V8's; it does not check those that a Worker inherits by
  // itself.
  if (options.execArgv !== undefined || kept.length === process.execArgv.length)
    return heard(new Worker(entry, options))
  try {
    return heard(new Worker(entry, forNode({ ...options, execArgv: kept })))
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_WORKER_INVALID_EXEC_ARGV') throw error
    return heard(new Worker(entry, forNode({ ...options, execArgv: [] })))
  }
}

/** A thread begins on the processors of the thread that starts it, so the owner moves for a moment. */
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

/** The options Node was started with, less those that only fit a program passed as text: a worker's is a file. */
function fileExecArgv(execArgv: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < execArgv.length; i++) {
    const arg = execArgv[i]!
    if (/^(-e|-p|-pe|--eval|--print|--input-type)$/.test(arg)) i++
    else if (!/^--(eval|print|input-type)=/.test(arg)) kept.push(arg)
  }
  return kept
}
