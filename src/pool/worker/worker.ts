/**
 * Worker entry of the pool: loads the module of jobs, then a WorkerLoop with JobRunner.run as doWork. Worker threads
 * only. No FFI.
 *
 * While it runs jobs or sleeps, the thread is away from Node's event loop; turns.ts says when it goes back there.
 */
import { syncBuiltinESMExports } from 'node:module'
import workerThreads, { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { fetchAdd, loadAcquire, storeRelease } from '../../lib/barrier.js'
import { exit, setImmediate } from '../../lib/globals.js'
import { NONE } from '../../lib/mpscq.js'
import { watchWriters } from '../../lib/writers.js'
import type { WorkerSeat } from '../../wq/crew-parts.js'
import { WqHash } from '../../wq/hash.js'
import { mayGrow } from '../../wq/items.js'
import { HOLDER_WORKER0, WORKER, WqMemory } from '../../wq/layout.js'
import { wakeOwner as wakeSleepingOwner } from '../../wq/wakes.js'
import { watchedTables } from '../../wq/watch.js'
import { WorkerLoop } from '../../wq/worker-loop.js'
import {
  EVENT_FAILURE,
  EVENT_OUTPUT,
  type Greeting,
  type OutputFd,
  type OutputPiece,
  type PoolSeat,
} from '../between/messages.js'
import { JOB, PHASE_IMPORTS, PHASE_INIT, PHASE_LEAVES, POOL, SEAT, Space } from '../between/record.js'
import { Stamps } from '../between/stamps.js'
import { watchedSpace } from '../between/watch.js'
import { describe } from '../values/thrown.js'
import { currentJob, inNewFrame } from './job-context.js'
import { becomeHost } from './job-protocol.js'
import { JobsModule } from './jobs-module.js'
import { relayOutput } from './relay.js'
import { JobRunner } from './run-job.js'
import { Turns } from './turns.js'
import { takesArmed } from './wake.js'
import { WorkerEvents } from './worker-events.js'

const seat = workerData as WorkerSeat
const poolSeat = seat.data as PoolSeat
const { space: sab, jobs, hooks, concurrentJobs, maxJobs, workerData: userData } = poolSeat
const stamps = poolSeat.stamps === undefined ? undefined : new Stamps(poolSeat.stamps)
const hash = seat.hash === undefined ? undefined : WqHash.attach(new Int32Array(seat.hash))
const mem = WqMemory.attach(seat.sab, JOB.hash, hash)
const space = Space.attach(sab)

/**
 * The owner's port. It was posted before this thread began; should it be late all the same, it is awaited. To a spare
 * thread it comes when another is to be replaced.
 */
async function greeting(): Promise<Greeting> {
  const from = poolSeat.adoption ?? parentPort!
  const there = receiveMessageOnPort(from)
  if (there !== undefined) return there.message as Greeting
  return new Promise((resolve) => from.once('message', resolve))
}

let relay: WorkerEvents | undefined
/** What a spare thread's module has printed: it is told when the thread is there, as it is for others. */
const printed: [fd: OutputFd, pieces: readonly OutputPiece[]][] = []
relayOutput(poolSeat.relays, (fd, pieces) => {
  if (relay === undefined) printed.push([fd, pieces])
  else relay.post(fd, EVENT_OUTPUT, pieces)
})

/** Takes the seat. */
function sitDown({ slot, port, wakePort }: Greeting) {
  const events = new WorkerEvents(mem, wakePort)
  relay = events
  for (const [fd, pieces] of printed.splice(0)) events.post(fd, EVENT_OUTPUT, pieces)
  poolSeat.adoption?.close()
  return { slot, port, events }
}

const seated = greeting().then(sitDown)
/** Read by the owner, should this thread not come up; of a spare one it knows enough. */
const enterPhase = (phase: number, slot = seat.slot) => {
  if (slot !== NONE) storeRelease(space.words, space.seat(slot) + (SEAT.at.phase >> 2), phase)
}
if (seat.slot !== NONE) await seated

function wakeOwner(): void {
  if (takesArmed(space)) events.wakeOwner()
}
/** Wherever it sleeps. */
function wakeForClaims(): void {
  wakeOwner()
  wakeSleepingOwner(mem, true)
}
// What the module's own `workerData` import shall see.
;(workerThreads as { workerData: unknown }).workerData = userData
syncBuiltinESMExports()
/** A job has asked for it. */
let isRetiring = false
becomeHost(currentJob, () => {
  isRetiring = true
})
enterPhase(PHASE_IMPORTS)
const module = await JobsModule.load(jobs, hooks)
const { slot, port, events } = await seated
const RETIRES = space.seat(slot) + (SEAT.at.retires >> 2)
if (hooks.init !== undefined) enterPhase(PHASE_INIT, slot)
await module.setUp()

const acct = mem.words[mem.worker(slot) + (WORKER.at.acct >> 2)]!
let nrRun = 0
/** Nothing more is to be run here: enough was, a job said so, or the pool was recycled since this thread was made. */
const isDue = () => nrRun >= maxJobs || isRetiring || loadAcquire(space.words, RETIRES) !== 0
/** Unless it stays for callers who may never come back, and no other thread can be made in its place. */
const retires = () => isDue() && !(turns.isParked && !mayGrow(mem, acct))

const turns = new Turns({
  limit: concurrentJobs,
  loop: () => loop,
  retires,
  onLongIdle: () => runner.forgetBuffers(),
})

events.onParked = turns.parked

const runner = new JobRunner({
  mem,
  space,
  slot,
  port,
  events,
  module,
  wakeOwner: wakeForClaims,
  onFinished(item) {
    stamps?.end(item)
    turns.finished(loop.finish(item))
  },
})

watchWriters('worker', [...watchedTables(mem, slot + HOLDER_WORKER0), ...watchedSpace(space, slot)])
const loop = new WorkerLoop(mem, slot, {
  doWork(item) {
    nrRun++
    stamps?.begin(item)
    const detached = runner.run(item)
    if (detached !== undefined) turns.detached()
    else stamps?.end(item)
    return detached
  },
  onEdge: wakeOwner,
  onLeave() {
    turns.stay()
    if (isDue()) {
      // The next thread starts while this one tears down and ends.
      enterPhase(PHASE_LEAVES, slot)
      fetchAdd(space.words, POOL.at.nr_claims >> 2, 1)
      wakeForClaims()
    }
    module
      .tearDown()
      .catch((error: unknown) => events.post(NONE, EVENT_FAILURE, describe(error)))
      .finally(() => exit())
  },
  pause: turns.pause,
  retires,
})
setImmediate(() => inNewFrame(() => loop.start()))
