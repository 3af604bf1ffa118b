/**
 * Worker entry of the pool: loads the module of jobs, then a WorkerLoop with JobRunner.run as doWork. Worker threads
 * only. No FFI.
 *
 * While it runs jobs or sleeps, the thread is away from Node's event loop. It goes back there for a turn after each
 * 10 ms of work, before it sleeps, and for as long as timers, streams or the like of the user's are alive there.
 */
import { syncBuiltinESMExports } from 'node:module'
import workerThreads, { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { loadAcquire, xchg } from '../lib/barrier.js'
import { nowMs } from '../lib/clock.js'
import { watchWriters } from '../lib/writers.js'
import type { WorkerSeat } from '../wq/crew.js'
import { WqMemory } from '../wq/layout.js'
import { watchedTables } from '../wq/watch.js'
import { WorkerLoop } from '../wq/worker-loop.js'
import { JOB, POOL, Space } from './record.js'
import { JobRunner, type JobsModule } from './run-job.js'

/** What the owner hands to each worker, beside its seat. */
export interface PoolSeat {
  readonly space: SharedArrayBuffer
  readonly jobs: string
  readonly workerData: unknown
}

/** The first message to each worker: its own port, and the one whose messages wake the owner. */
export interface Greeting {
  readonly port: MessagePort
  readonly wakePort: MessagePort
}

/** How long jobs may keep the event loop waiting. */
const BUSY_MS = 10
/** While the event loop has something alive, how long a turn of it may take before the worker looks for jobs again. */
const MAX_LINGER_MS = 16

const seat = workerData as WorkerSeat
const poolSeat = seat.data as PoolSeat
const mem = WqMemory.attach(seat.sab, JOB.hash)
const space = Space.attach(poolSeat.space)
const ARMED = POOL.at.armed >> 2

/** The owner's port. It was posted before this thread began; should it be late all the same, it is awaited. */
async function greeting(): Promise<Greeting> {
  const there = receiveMessageOnPort(parentPort!)
  if (there !== undefined) return there.message as Greeting
  return new Promise((resolve) => parentPort!.once('message', resolve))
}

async function loadJobs(): Promise<JobsModule> {
  // What the module's own `workerData` import shall see.
  ;(workerThreads as { workerData: unknown }).workerData = poolSeat.workerData
  syncBuiltinESMExports()
  try {
    return { functions: (await import(poolSeat.jobs)) as Record<string, unknown>, loadError: undefined }
  } catch (error) {
    return { functions: {}, loadError: error ?? new Error('the module threw nothing') }
  }
}

const { port, wakePort } = await greeting()

/** Only one edge wakes an idle owner: the one that takes the word to 0. */
function wakeOwner(): void {
  if (loadAcquire(space.words, ARMED) !== 0 && xchg(space.words, ARMED, 0) !== 0) wakePort.postMessage(null)
}

const runner = new JobRunner({ mem, space, slot: seat.slot, port, module: await loadJobs(), wakeOwner })

let turnedAt = nowMs()
/** Jobs ran since the last sleep; a sleep with none before it followed an idle timeout. */
let ranSome = false
let turned = false
let lingerMs = 1

/** WorkerHooks.pause. */
function pause(resume: () => void, idle: boolean): boolean {
  const now = nowMs()
  if (!idle) {
    ranSome = true
    turned = false
    lingerMs = 1
    if (now - turnedAt < BUSY_MS) return false
    turnedAt = now
    setImmediate(resume)
    return true
  }
  turnedAt = now
  if (!turned) {
    turned = true
    setImmediate(resume)
    return true
  }
  if (process.getActiveResourcesInfo().length > 0) {
    setTimeout(resume, lingerMs)
    lingerMs = Math.min(2 * lingerMs, MAX_LINGER_MS)
    return true
  }
  if (!ranSome) runner.forgetBuffers()
  ranSome = false
  return false
}

/** Keeps the thread alive while a job's promise is pending, whatever that waits for. */
const alive = setInterval(() => {}, 0x7fff_ffff).unref()

async function finish(pending: Promise<void>): Promise<void> {
  alive.ref()
  await pending
  alive.unref()
  turnedAt = nowMs()
}

watchWriters('worker', watchedTables(mem))
const loop = new WorkerLoop(mem, seat.slot, {
  doWork(item) {
    const pending = runner.run(item)
    return pending === undefined ? undefined : finish(pending)
  },
  onEdge: wakeOwner,
  onLeave() {
    process.exit()
  },
  pause,
})
setImmediate(() => loop.start())
