/**
 * The pool's threads, as the owner has them: seated, greeted, retired, ended. Owner thread only.
 *
 * io-wq makes them and misses them; this knows what a pool's thread does on its way up. Counterpart: worker.ts.
 */
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads'
import { loadAcquire, storeRelease } from '../lib/barrier.js'
import type { SpareData } from '../wq/crew-parts.js'
import { WORKER_GONE } from '../wq/layout.js'
import type { StartEnd } from '../wq/member.js'
import { W_STATE } from '../wq/words.js'
import type { Wq } from '../wq/wq.js'
import type { PoolSeat } from './between/messages.js'
import { PHASE_IMPORTS, PHASE_INIT, PHASE_LEAVES, PHASE_STARTS, SEAT, type Space } from './between/record.js'
import { traceWorker } from './channels.js'
import type { Ports } from './home/ports.js'
import { type PoolListeners, tellUntold } from './home/untold.js'
import { CallersContext } from './jobs/callers-context.js'
import { poolError } from './values/failure.js'

const PHASE = SEAT.at.phase >> 2
const RETIRES = SEAT.at.retires >> 2
/** What Node ends a thread with whose module awaits what nothing is left to settle. */
const EXIT_UNSETTLED = 13

export interface PoolThreadsParts {
  readonly wq: () => Wq
  readonly ports: () => Ports
  /** Takes what has come home. */
  readonly drain: () => void
  /** Looks for it soon. */
  readonly look: () => void
  readonly name: string | undefined
  /** Who hears of what no job was told. */
  readonly listeners: WeakRef<PoolListeners>
}

export class PoolThreads {
  readonly #space: Space
  readonly #seat: PoolSeat
  readonly #parts: PoolThreadsParts
  /** What belongs to no call runs where the pool was made. */
  readonly #home = new CallersContext()
  #lastStartFailure: string | undefined
  /** Where the spare thread listens. */
  #adoption: MessagePort | undefined

  constructor(space: Space, seat: PoolSeat, parts: PoolThreadsParts) {
    this.#space = space
    this.#seat = seat
    this.#parts = parts
  }

  /** WqOptions.workerData. */
  readonly #seatIn = (slot: number): PoolSeat => {
    const { words } = this.#space
    const at = this.#space.seat(slot)
    // Before there is a thread that reads them.
    storeRelease(words, at + RETIRES, 0)
    storeRelease(words, at + PHASE, PHASE_STARTS)
    return this.#seat
  }

  /** WqOptions.spareData. */
  readonly #seatOfSpare = (): SpareData => {
    this.#adoption?.close()
    const { port1, port2 } = new MessageChannel()
    this.#adoption = port1
    const data: PoolSeat = { ...this.#seat, adoption: port2 }
    return { data, transferList: [port2] }
  }

  /** What each thread finds as it begins. */
  readonly seats = { workerData: this.#seatIn, spareData: this.#seatOfSpare } as const

  /** WqHooks.onWorkerMade. */
  readonly onMade = (slot: number, worker: Worker, isSpare: boolean): void =>
    this.#home.run(() => this.#onMade(slot, worker, isSpare))

  #onMade(slot: number, worker: Worker, isSpare: boolean): void {
    const { wq, ports, drain, look, name } = this.#parts
    // What the last worker in this slot posted is taken before its port goes.
    drain()
    // It may have been the wake-up that goes with its port.
    look()
    if (isSpare) {
      // It is past that, or in the midst of it.
      storeRelease(this.#space.words, this.#space.seat(slot) + PHASE, PHASE_IMPORTS)
      ports().greet(slot, this.#adoption!)
      this.#adoption!.close()
      this.#adoption = undefined
    } else ports().greet(slot, worker)
    // Nobody looks for claims while no job is in flight.
    worker.once('exit', () => {
      if (wq().crew.roster.workerAt(slot) === worker) this.#seeLeaving()
    })
    // Asked in the exit event before io-wq hears of it, unless it has missed the worker already.
    const { mem } = wq()
    traceWorker(worker, name, this.#home, () => {
      return (
        wq().crew.roster.workerAt(slot) === worker && loadAcquire(mem.words, mem.worker(slot) + W_STATE) === WORKER_GONE
      )
    })
  }

  /** WqHooks.startError. */
  readonly startError = (slot: number, { how, exitCode, cause, isLate }: StartEnd): Error | undefined => {
    const phase = loadAcquire(this.#space.words, this.#space.seat(slot) + PHASE)
    if (phase === PHASE_STARTS && !isLate) return undefined
    const { hooks, jobs, startTimeoutMs } = this.#seat
    const what =
      phase === PHASE_INIT
        ? `'${hooks.init}', which the module of jobs has for new workers,`
        : phase === PHASE_IMPORTS
          ? `the module of jobs, ${jobs},`
          : 'a thread'
    if (isLate) {
      const does = phase === PHASE_INIT ? 'settle' : phase === PHASE_IMPORTS ? 'load' : 'start'
      return poolError('ERR_URING_INIT', `${what} did not ${does} in ${startTimeoutMs} ms (startTimeoutMs)`)
    }
    if (exitCode === EXIT_UNSETTLED && cause === undefined) {
      return poolError('ERR_URING_INIT', `${what} never settles: nothing is left that it could wait for`)
    }
    const code = phase === PHASE_INIT ? 'ERR_URING_INIT' : 'ERR_URING_JOBS_MODULE'
    return poolError(code, `${what} ended its thread (${cause === undefined ? how : cause.message})`, cause)
  }

  /** WqHooks.onUntold. */
  readonly onUntold = (error: Error, isStart: boolean): void => {
    if (!isStart) {
      this.tell(poolError('ERR_URING_WORKER_DIED', error.message, error.cause))
      return
    }
    const failure = startFailure(error)
    // It is tried again with each job that others run meanwhile.
    if (failure.message === this.#lastStartFailure) return
    this.#lastStartFailure = failure.message
    this.tell(failure)
  }

  /** Tells what no job was told. */
  tell(error: Error): void {
    this.#home.run(() => tellUntold(this.#parts.listeners, error))
  }

  /** Workers have claimed what `answer` gives them, or make room for others. */
  onClaims(answer: () => void): void {
    answer()
    this.#seeLeaving()
  }

  #seeLeaving(): void {
    if (!this.#someLeave()) return
    const wq = this.#parts.wq()
    wq.nudge()
    wq.crew.spare?.want()
  }

  #someLeave(): boolean {
    const { words, nrSlots } = this.#space
    let some = false
    for (let slot = 0; slot < nrSlots; slot++) {
      const at = this.#space.seat(slot) + PHASE
      if (loadAcquire(words, at) !== PHASE_LEAVES) continue
      storeRelease(words, at, PHASE_STARTS)
      some = true
    }
    return some
  }

  /** Pool.recycle. */
  async recycle(): Promise<void> {
    const left: Promise<void>[] = []
    // It has loaded the module as it was.
    this.#parts.wq().crew.spare?.dismiss()
    for (let slot = 0; slot < this.#space.nrSlots; slot++) {
      const gone = this.#parts.wq().crew.left(slot)
      if (gone === undefined) continue
      left.push(gone)
      this.retire(slot)
    }
    this.#parts.wq().wakeAllIdle()
    await Promise.all(left)
  }

  /** The thread in a slot begins no more jobs. */
  retire(slot: number): void {
    storeRelease(this.#space.words, this.#space.seat(slot) + RETIRES, 1)
  }

  /** Takes what jobs in a slot have reported by now. */
  takeEvents(slot: number): void {
    this.#parts.ports().takeEvents(slot)
  }

  /** Ends every thread, whatever it does. */
  terminateAll(): void {
    for (let slot = 0; slot < this.#space.nrSlots; slot++) this.#parts.wq().crew.terminate(slot)
  }
}

/** What jobs end with that no thread can be started for. */
export function startFailure(error: Error): Error {
  const { code } = error as { code?: unknown }
  if (code === 'ERR_URING_INIT' || code === 'ERR_URING_JOBS_MODULE') return poolError(code, error.message, error.cause)
  return poolError('ERR_URING_WORKER_DIED', `no worker can be started: ${error.message}`, error)
}
