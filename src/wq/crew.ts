/**
 * The worker threads of one io-wq: it makes them, watches them, and cleans up after them. Runs on the owner thread.
 *
 * It knows threads, not work: whoever made the crew repairs what a dead worker left. Workers never keep the process
 * alive. Counterpart: create_io_worker, io_wq_worker_sleeping and the create-retry of io-wq.c. The scheduler tells the
 * kernel that a worker blocked; here a sampler looks at /proc.
 */
import type { TransferListItem, Worker } from 'node:worker_threads'
import { assert } from '../lib/assert.js'
import { loadAcquire, storeRelease } from '../lib/barrier.js'
import { nowMs } from '../lib/clock.js'
import { NONE } from '../lib/mpscq.js'
import { forNode } from '../lib/options.js'
import { closeGate } from '../sys/gate.js'
import { addRunning } from './acct.js'
import type { CrewOptions, CrewOwner, SpareData, WorkerSeat } from './crew-parts.js'
import { Interrupts } from './interrupts.js'
import {
  ACCT,
  HOLDER_OWNER,
  HOLDER_WORKER0,
  NR_ACCTS,
  WORKER_NONE,
  WORKER_STARTING,
  WQ,
  WQ_EXIT,
  WQ_EXIT_ON_IDLE,
  type WqMemory,
} from './layout.js'
import { lock, unlock } from './lock.js'
import { type Casualty, casualty, type Member, untoldOf } from './member.js'
import { Roster } from './roster.js'
import { Sampler } from './sampler.js'
import { Spare } from './spare.js'
import { withLimits } from './start-cause.js'
import { StartLimit } from './start-limit.js'
import { StartRetries } from './start-retries.js'
import { SYSTEM_THREADS, type ThreadSystem } from './threads.js'
import { Ticker } from './ticker.js'
import { AFFINITY_SEQ, W_ACCT, W_AFFINITY_SEQ, W_BLOCKED, W_CURRENT, W_NR_ASYNC, W_STATE, W_TID } from './words.js'

/** How often workers are looked at while work waits for one. */
const TICK_MS = 1
/** How often a sleeping owner looks for workers that died. */
const REAP_MS = 100
/** How long a spare thread stays while no thread is replaced. */
const KEEP_SPARE_MS = 60_000
const CREATE_TRIES = 3
const CREATE_DELAY_MS = 5

export class Crew {
  readonly #mem: WqMemory
  readonly #options: CrewOptions
  readonly #owner: CrewOwner
  readonly #threads: ThreadSystem
  readonly roster: Roster
  readonly #sampler: Sampler
  /** Undefined if nothing can interrupt a thread. */
  readonly #interrupts: Interrupts | undefined
  readonly #ticker = new Ticker(TICK_MS, () => this.#tick())
  #lastReapMs = 0
  #goneWaiters: (() => void)[] = []
  #nrAlive = 0
  readonly #retries = new StartRetries()
  readonly #startLimit: StartLimit
  /** Defined if the embedder supports spare threads. */
  readonly spare: Spare | undefined
  nrCreated = 0
  #cpus: readonly number[] | undefined

  constructor(mem: WqMemory, options: CrewOptions, owner: CrewOwner) {
    this.#mem = mem
    this.#options = options
    this.#owner = owner
    this.#threads = options.threads ?? SYSTEM_THREADS
    const { hooks } = options
    if (hooks.interrupt !== undefined) {
      this.#interrupts = new Interrupts(mem, (slot, tid) => hooks.interrupt?.(slot, tid))
    }
    this.#startLimit = new StartLimit(options.startTimeoutMs ?? Number.POSITIVE_INFINITY, () => this.#countStarts())
    this.roster = new Roster(mem, this.#threads)
    const { spareData } = options
    if (spareData !== undefined) this.spare = this.#spareOf(spareData)
    this.#sampler = new Sampler(mem, this.#threads, this.onStuck)
  }

  /** Workers of an account that will look for work soon: not up yet, or with nothing in hand. */
  nrComing(acct: number): number {
    const { words } = this.#mem
    let count = 0
    for (let slot = 0; slot < this.roster.members.length; slot++) {
      const w = this.#mem.worker(slot)
      if (words[w + W_ACCT] !== acct) continue
      if (loadAcquire(words, w + W_STATE) === WORKER_STARTING || this.#sampler.isComing(slot)) count++
    }
    return count
  }

  /** The processors of workers made from now on; undefined: those of the owner. Other workers leave when idle. */
  setAffinity(cpus: readonly number[] | undefined): void {
    this.#cpus = cpus
    this.spare?.dismiss()
    storeRelease(this.#mem.words, AFFINITY_SEQ, (this.#mem.words[AFFINITY_SEQ]! + 1) | 0)
  }

  /** Starts a worker that is already counted. */
  create(acct: number, tries = 0, slot = this.roster.takeSlot()): void {
    assert(slot !== undefined, 'a counted worker has a slot')
    const { words } = this.#mem
    const w = this.#mem.worker(slot)
    words[w + W_ACCT] = acct
    words[w + W_CURRENT] = NONE
    words[w + W_BLOCKED] = 0
    words[w + W_TID] = 0
    words[w + W_AFFINITY_SEQ] = words[AFFINITY_SEQ]!
    words[w + W_NR_ASYNC] = 0
    storeRelease(words, w + W_STATE, WORKER_STARTING)
    const data = this.#options.workerData?.(slot)
    const spare = this.spare?.take()
    let worker: Worker
    try {
      worker = spare ?? this.#start(slot, data)
    } catch (error) {
      this.#createFailed(slot, acct, tries, error as Error)
      return
    }
    this.nrCreated++
    this.#nrAlive++
    const mourners: (() => void)[] = []
    const member: Member = {
      worker,
      acct,
      tries,
      error: undefined,
      slices: 0,
      isLate: false,
      isTerminated: false,
      isDoomed: false,
      isTold: false,
      isInOrder: false,
      mourners,
    }
    this.roster.set(slot, member)
    this.#startLimit.watch()
    if (this.#goneWaiters.length === 0) worker.unref()
    this.#options.hooks.onWorkerMade?.(slot, worker, spare !== undefined)
    worker.on('error', (error) => {
      member.error = error instanceof Error ? error : new Error(String(error))
    })
    worker.on('exit', (code) => this.#onExit(slot, member, code))
  }

  #start(slot: number, data: unknown, transferList: readonly TransferListItem[] = []): Worker {
    const seat: WorkerSeat = { sab: this.#mem.sab, slot, hash: this.#mem.hashSab, data }
    const options = forNode({ ...this.#options.workerOptions, workerData: seat, transferList: [...transferList] })
    return this.#threads.start(this.#options.workerEntry, options, this.#cpus)
  }

  #spareOf(spareData: () => SpareData): Spare {
    return new Spare({
      keepMs: KEEP_SPARE_MS,
      start: () => {
        const { data, transferList } = spareData()
        return this.#start(NONE, data, transferList)
      },
      isWanted: () => (loadAcquire(this.#mem.words, WQ.at.state >> 2) & (WQ_EXIT | WQ_EXIT_ON_IDLE)) === 0,
      onGone: () => this.#checkGone(),
    })
  }

  /**
   * The thread in a slot is being ended, and may take any time, because it may be inside a system call: another
   * replaces it at once if there is work.
   */
  replaceEnded(slot: number): void {
    const member = this.roster.members[slot]
    if (member === undefined || member.isDoomed) return
    this.roster.doom(member)
    this.#sampler.countBlocked(slot, member)
    this.refill()
    this.spare?.want()
  }

  #onExit(slot: number, member: Member, code: number): void {
    this.#nrAlive--
    // It may have been reaped before this event came, and another may have its slot by now.
    if (this.roster.members[slot] === member) this.#ended(slot, member, `exit code ${code}`, code)
    for (const tell of member.mourners) tell()
    this.#checkGone()
    // Its error is known only now, though its end may have been noticed before.
    const untold = untoldOf(member, code)
    if (untold !== undefined) this.#options.hooks.onUntold?.(untold, false)
  }

  /** Counts one more slice of time for each thread that is not up; true while there are any. */
  #countStarts(): boolean {
    let again = false
    for (const [slot, member] of this.roster.members.entries()) {
      if (member === undefined || member.isLate) continue
      if (loadAcquire(this.#mem.words, this.#mem.worker(slot) + W_STATE) !== WORKER_STARTING) continue
      again = true
      member.isLate = this.#startLimit.isOver(++member.slices)
      if (member.isLate) this.terminate(slot)
    }
    return again
  }

  /** A member's thread is gone: it never came up, or it left, or it died. */
  #ended(slot: number, member: Member, how: string, exitCode?: number): void {
    if (loadAcquire(this.#mem.words, this.#mem.worker(slot) + W_STATE) !== WORKER_STARTING) {
      this.#bury(slot, member, how)
      return
    }
    const { acct, tries, error: cause, isLate } = member
    this.#remove(slot)
    const isMeant = member.isTerminated && !isLate
    member.isTold = true
    const known = this.#options.hooks.startError?.(slot, { how, exitCode, cause, isLate })
    if (known !== undefined) this.#createFailed(slot, acct, CREATE_TRIES, known, isMeant)
    else this.#createFailed(slot, acct, tries, cause ?? new Error(`a worker ended before it was up (${how})`), isMeant)
  }

  /** The thread in a slot is gone: repairs what it left, unless it left in good order, and frees the slot. */
  #bury(slot: number, member: Member, how: string): void {
    const { words } = this.#mem
    const casualties: Casualty[] = [casualty(slot, member, how)]
    member.isInOrder = this.roster.leftInOrder(slot)
    if (member.isInOrder) {
      storeRelease(words, this.#mem.worker(slot) + W_STATE, WORKER_NONE)
      this.#remove(slot)
    } else {
      // What one dead worker left half done may block the repair of another's: all of them are repaired at once.
      for (const [other, also] of this.roster.members.entries()) {
        if (other === slot || also === undefined || !this.roster.isGone(other) || this.roster.leftInOrder(other))
          continue
        casualties.push(casualty(other, also, 'its thread is gone'))
      }
      const dead = casualties.map(({ slot }) => this.roster.members[slot])
      // Before the repair: it may have to repair another, and must not return to these.
      for (const { slot } of casualties) this.#remove(slot)
      this.#owner.recover(casualties)
      for (const [i, { isTold }] of casualties.entries()) if (dead[i] !== undefined) dead[i].isTold = isTold
    }
    for (const { slot } of casualties) this.roster.freeSlot(slot)
    // Queued work may be waiting for the free slot.
    this.refill()
  }

  #remove(slot: number): void {
    this.roster.remove(slot)
    this.#interrupts?.delete(slot)
  }

  /** Makes the workers that are due. */
  refill(): void {
    for (let acct = 0; acct < NR_ACCTS; acct++) {
      while (this.#owner.wakeOrClaimWorker(acct, true)) this.create(acct)
    }
  }

  /** Uncounts a worker that never came up, and tries again three times, each after a longer pause. */
  #createFailed(slot: number, acct: number, tries: number, error: Error, isMeant = false): void {
    const { words } = this.#mem
    if (tries < CREATE_TRIES && (loadAcquire(words, WQ.at.state >> 2) & WQ_EXIT) === 0) {
      // It stays counted, so it keeps its slot, and a rebuild of the counts meanwhile counts it as starting.
      storeRelease(words, this.#mem.worker(slot) + W_STATE, WORKER_STARTING)
      this.#retries.add((tries + 1) * CREATE_DELAY_MS, () => this.create(acct, tries + 1, slot))
      return
    }
    const a = this.#mem.acct(acct)
    lock(words, a + (ACCT.at.lock >> 2), HOLDER_OWNER, this.onStuck)
    storeRelease(words, this.#mem.worker(slot) + W_STATE, WORKER_NONE)
    this.roster.freeSlot(slot)
    words[a + (ACCT.at.nr_workers >> 2)] = words[a + (ACCT.at.nr_workers >> 2)]! - 1
    addRunning(this.#mem, acct, -1)
    const none = words[a + (ACCT.at.nr_workers >> 2)] === 0
    unlock(words, a + (ACCT.at.lock >> 2))
    const final = withLimits(error)
    const isTold = none && this.#owner.giveUp(acct, final)
    if (!isTold && !isMeant) this.#options.hooks.onUntold?.(final, true)
  }

  /** Resolves when no thread of the crew is left. */
  gone(): Promise<void> {
    return new Promise((resolve) => {
      this.#goneWaiters.push(resolve)
      // Workers do not keep the process alive, but a caller waits for these to end.
      for (const member of this.roster.members) member?.worker.ref()
      this.spare?.ref()
      this.#checkGone()
    })
  }

  #checkGone(): void {
    if (this.#nrAlive + this.#retries.size + (this.spare?.nrLeft ?? 0) > 0) return
    const waiters = this.#goneWaiters
    this.#goneWaiters = []
    for (const resolve of waiters) resolve()
  }

  /** Ends the thread in a slot, whatever it does. Its items fail with `reason`. */
  terminate(slot: number, reason?: Error): void {
    const member = this.roster.members[slot]
    // Node adds a listener each time.
    if (member === undefined || member.isTerminated) return
    member.isTerminated = true
    member.error ??= reason
    // With koffi, no thread may be inside koffi until this one is gone.
    member.worker.once('exit', closeGate())
    void member.worker.terminate()
  }

  /**
   * Resolves when the thread now in a slot is gone, and keeps the process alive until then; undefined if there is none.
   */
  left(slot: number): Promise<void> | undefined {
    const member = this.roster.members[slot]
    if (member === undefined) return undefined
    member.worker.ref()
    return new Promise((resolve) => {
      member.mourners.push(resolve)
    })
  }

  /** Sends a message to every worker's parentPort; `receiveMessageOnPort` finds it there. */
  broadcast(message: unknown): void {
    for (const member of this.roster.members) member?.worker.postMessage(message)
  }

  /**
   * A lock has been held for 10 ms. If its holder's thread is gone, the exit event cannot come before this call
   * returns.
   */
  readonly onStuck = (holder: number): void => {
    this.#reapIfDead(holder - HOLDER_WORKER0)
  }

  /** Recovers from a worker whose thread is gone before its exit event has come: the event loop is blocked. */
  #reapIfDead(slot: number): void {
    const member = this.roster.members[slot]
    if (member !== undefined && this.roster.isGone(slot)) this.#ended(slot, member, 'its thread is gone')
  }

  /** Work is queued and no worker was free: the crew looks at the workers soon, because one of them may be blocked. */
  watch(): void {
    this.#ticker.watch()
  }

  /** For an owner that sleeps in a futex, where neither timers nor exit events run. */
  tickIfDue(): void {
    if (nowMs() - this.#lastReapMs >= REAP_MS) {
      this.#lastReapMs = nowMs()
      for (let slot = 0; slot < this.roster.members.length; slot++) this.#reapIfDead(slot)
    }
    this.#retries.runDue()
    this.#startLimit.tickIfDue()
    this.#ticker.tickIfDue()
  }

  /** How long the owner may sleep at a stretch. */
  slice(timeoutMs: number): number {
    return Math.min(timeoutMs, this.#ticker.isTicking || this.#retries.size > 0 ? TICK_MS : REAP_MS)
  }

  /** Looks at every worker once; true if it must look again. */
  #tick(): boolean {
    this.#interrupts?.resend()
    let again = this.#interrupts !== undefined && this.#interrupts.size > 0
    for (let acct = 0; acct < NR_ACCTS; acct++) {
      const a = this.#mem.acct(acct)
      if (this.#mem.words[a + (ACCT.at.nr_queued >> 2)] === 0) continue
      again = true
      let isMoving = false
      for (let slot = 0; slot < this.roster.members.length; slot++) isMoving = this.#isMoving(slot, acct) || isMoving
      if (this.#owner.wakeOrClaimWorker(acct, !isMoving)) this.create(acct)
    }
    return again
  }

  #isMoving(slot: number, acct: number): boolean {
    const member = this.roster.members[slot]
    return member?.acct === acct && this.#sampler.isMoving(slot, member)
  }

  /** Interrupts the wait of a worker's thread, now and at each tick until the item has ended. */
  interrupt(slot: number, itemWord: number): void {
    if (this.#interrupts === undefined) return
    this.#interrupts.add(slot, itemWord)
    this.watch()
  }

  stop(): void {
    this.#ticker.stop()
    this.#startLimit.stop()
  }
}
