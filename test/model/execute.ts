/**
 * Runs a program on one backend, on fresh files, and writes down what it sees. Main thread of a test process.
 *
 * It checks on the way what only a running ring can show: what enter returned and took, the bounds of both queues, and
 * that each request ends once. Every wait is bounded: a program that hangs is an observation too.
 */
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { IORING_ASYNC_CANCEL_ALL, IORING_CQE_F_MORE, IORING_SQ_CQ_OVERFLOW } from '../../src/abi/constants.js'
import type { Syscalls } from '../../src/abi/syscalls.js'
import { nowMs } from '../../src/lib/clock.js'
import { EALREADY, ENOENT, ETIME, errnoName } from '../../src/lib/errno.js'
import { setFlags, setUserData } from '../../src/ring/prep.js'
import { registerFiles, registerSyncCancel } from '../../src/ring/register.js'
import { queueInit, type Ring } from '../../src/ring/ring.js'
import { SQ_FULL } from '../../src/ring/sq.js'
import { limitTo, RLIMIT_FSIZE, RLIMIT_NOFILE } from '../rlimit.js'
import { type Flying, isDone, isStuck } from './flying.js'
import { Materials } from './materials.js'
import type { Observation, SeenEpoch } from './observation.js'
import { hasDrains, isCertain, type Member, type Program, type Step, sqeFlags, usesFixed } from './program.js'
import { killThread } from './ring-threads.js'
import { SubmitModel } from './submit-model.js'

/** Far beyond what a machine under load takes from one completion to the next. */
const HANG_MS = 20_000
/** How long a sync cancel waits that is made again if it was in vain. */
const RETRY_MS = 100

export async function execute(program: Program, syscalls: Syscalls): Promise<Observation> {
  const { companion, fileLimit } = program
  const lack: Lack = { nrDeaths: 0, isShort: program.fdsLeft !== undefined || companion?.fdsLeft !== undefined }
  const stand = new Stand(program, syscalls, lack)
  const beside = companion === undefined ? undefined : new Stand(companion, syscalls, lack)
  const was = fileLimit === undefined ? undefined : limitTo(RLIMIT_FSIZE, BigInt(fileLimit))
  try {
    const nrSteps = Math.max(program.steps.length, companion?.steps.length ?? 0)
    for (let i = 0; i < nrSteps; i++) {
      stand.step(i)
      beside?.step(i)
    }
    const seen = await stand.end()
    return beside === undefined ? seen : { ...seen, companion: await beside.end() }
  } finally {
    if (was !== undefined) limitTo(RLIMIT_FSIZE, was)
    stand.close()
    beside?.close()
  }
}

/** What two programs beside each other lack, for the rings of a thread share its workers: what one lacks the other does. */
interface Lack {
  /** Threads that were ended. */
  nrDeaths: number
  /** Calls are made with few descriptors left. */
  readonly isShort: boolean
}

/** One ring with its files, and what runs on it. */
class Stand {
  readonly #dir = mkdtempSync(join(tmpdir(), 'uring-model-'))
  readonly #materials: Materials
  readonly #ring: Ring
  readonly #program: Program
  readonly #run: Run

  constructor(program: Program, syscalls: Syscalls, lack: Lack) {
    this.#program = program
    this.#materials = new Materials(this.#dir)
    const { entries, cqEntries, setupFlags } = program
    this.#ring = queueInit(syscalls, entries, { cqEntries, flags: setupFlags })
    this.#run = new Run(this.#ring, this.#materials, program, lack)
    if (usesFixed(program)) this.#run.registerFiles()
    else if (program.steps.at(-1)?.step === 'close') this.#run.registerFilesIfPossible()
  }

  step(i: number): void {
    const step = this.#program.steps[i]
    if (step !== undefined && !this.#run.isOver) this.#run.step(step)
  }

  async end(): Promise<Observation> {
    if (!this.#ring.isOpen) await this.#run.checkLetGo()
    return this.#run.observation()
  }

  close(): void {
    this.#ring.queueExit()
    this.#materials.close()
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

class Run {
  readonly #ring: Ring
  readonly #materials: Materials
  readonly #model: SubmitModel
  readonly #isCertain: boolean
  readonly #drains: boolean
  readonly #fdsLeft: number | undefined
  readonly #returns: string[] = []
  readonly #epochs: SeenEpoch[] = []
  readonly #broken: string[] = []
  #order: number[] = []
  #syncCancels: { target: number; res: number }[] = []
  #flying: Flying[] = []
  /** All chains since the last drain, in the order of submission. */
  #all: Flying[] = []
  readonly #lack: Lack
  isOver = false

  constructor(ring: Ring, materials: Materials, program: Program, lack: Lack) {
    this.#lack = lack
    this.#ring = ring
    this.#materials = materials
    this.#model = new SubmitModel(program.setupFlags)
    this.#isCertain = isCertain(program)
    this.#drains = hasDrains(program)
    this.#fdsLeft = program.fdsLeft
  }

  step(step: Step): void {
    switch (step.step) {
      case 'chain':
        this.#putChain(step.members, step.splitAfter)
        break
      case 'submit':
        this.#enter('submit', () => this.#ring.submit())
        break
      case 'submit and wait': {
        // A shrunk program may hold less than what was to be waited for.
        const nr = Math.min(step.nr, this.#model.nrPending)
        const all = this.#model.nrPending
        const taken = this.#enter(`submit and wait ${nr}`, () => this.#ring.submitAndWaitTimeout(nr, HANG_MS))
        const due = Math.min(nr, this.#ring.cq.entries)
        if (taken === all && this.#ring.cq.ready() < due) this.#break(`a wait for ${due} ended with fewer`)
        break
      }
      case 'get events': {
        const res = this.#limited(() => this.#ring.getEvents())
        if (res !== 0) this.#break(`get events returned ${res}`)
        const { sq, cq } = this.#ring
        // What overflowed comes as far as there is room.
        const isLeft = (sq.flags() & IORING_SQ_CQ_OVERFLOW) !== 0
        if (isLeft && cq.ready() < cq.entries) this.#break('the overflow flag is set though there is room')
        break
      }
      case 'take':
        this.#take()
        break
      case 'take some':
        this.#take(step.nr)
        break
      case 'sync cancel': {
        const res = this.#syncCancel(step.target, RETRY_MS)
        // In vain is as good as not found: the target may end as cancelled, and need not.
        this.#syncCancels.push({ target: step.target, res: this.#isInVain(res) ? -ENOENT : res })
        break
      }
      case 'drain':
        this.#drain()
        break
      case 'kill':
        if (this.#ring.syscalls.name === 'threads' && killThread(step.nth, step.looks)) this.#lack.nrDeaths++
        break
      case 'close':
        this.#ring.queueExit()
        this.isOver = true
        return
    }
    this.#checkBounds()
  }

  registerFiles(): void {
    const res = this.registerFilesIfPossible()
    if (res < 0) this.#break(`registering files returned ${res}`)
  }

  /**
   * A closed ring whose last request has ended lets go of its registered files. Before that a worker of the kernel's may
   * still look an fd up, which would be another file's if it were closed here and opened again.
   */
  registerFilesIfPossible(): number {
    return registerFiles(this.#ring, this.#materials.registered())
  }

  /** Makes a call while the process has few descriptors left, if the program is about that. */
  #limited(call: () => number): number {
    if (this.#fdsLeft === undefined) return call()
    const next = openSync('/dev/null', 'r')
    closeSync(next)
    const was = limitTo(RLIMIT_NOFILE, BigInt(next + this.#fdsLeft))
    try {
      return call()
    } finally {
      limitTo(RLIMIT_NOFILE, was)
    }
  }

  #syncCancel(target: number, timeoutMs: number): number {
    return registerSyncCancel(this.#ring, { userData: BigInt(target), timeoutMs })
  }

  /**
   * The kernel's sync cancel waits for a request that it finds running in a worker, where drains send it, and sleeps out
   * its time if that request goes on to wait for its file.
   */
  #isInVain(res: number): boolean {
    return this.#drains && res === -ETIME
  }

  /** The ring was closed: what it had in flight lets go of its files. */
  async checkLetGo(): Promise<void> {
    const deadline = nowMs() + HANG_MS
    // A backend's teardown goes on in the background.
    while (!this.#materials.arePipesFree()) {
      if (nowMs() > deadline) return this.#break('a closed ring holds on to the file of a request')
      await turn()
    }
  }

  /** A thread may not come up, by a lack of descriptors or because it was ended: then requests are cancelled. */
  get #lacksThreads(): boolean {
    return this.#lack.nrDeaths > 0 || this.#lack.isShort
  }

  #break(what: string): void {
    this.#broken.push(what)
  }

  #putChain(members: readonly Member[], splitAfter: number | undefined): void {
    const { sq } = this.#ring
    while (sq.spaceLeft() < members.length && !this.isOver) this.#enter('submit', () => this.#ring.submit())
    members.forEach((member, i) => {
      const at = sq.getSqe()
      if (at === SQ_FULL) return
      this.#materials.fill(member, sq.words, at)
      setUserData(sq.words, at, member.userData)
      setFlags(sq.words, at, sqeFlags(member))
      this.#model.put(member)
      if (i + 1 === splitAfter) this.#enter('submit', () => this.#ring.submit())
    })
  }

  /** An enter that submits; what it returns and takes must be what the rules say. Returns how many. */
  #enter(name: string, call: () => number): number {
    const ready = this.#ring.sq.ready()
    const res = this.#limited(call)
    const advanced = ready - this.#ring.sq.ready()
    const { returns, chains } = this.#model.enter(this.#model.nrPending)
    this.#returns.push(`${name}: ${res < 0 ? `-${errnoName(res)}` : res}`)
    if (res !== returns) this.#break(`${name} returned ${res}, not ${returns}`)
    if (res >= 0 && advanced !== res) this.#break(`${name} returned ${res} and moved the head by ${advanced}`)
    if (res !== returns) this.isOver = true
    for (const { members, drains } of chains) {
      const flying = { members, drains, cqes: [], more: [] }
      this.#flying.push(flying)
      this.#all.push(flying)
    }
    return res
  }

  #checkBounds(): void {
    const { sq, cq } = this.#ring
    if (sq.ready() > sq.entries) this.#break(`the SQ holds ${sq.ready()} of ${sq.entries}`)
    if (cq.ready() > cq.entries) this.#break(`the CQ holds ${cq.ready()} of ${cq.entries}`)
    if (sq.dropped() !== 0) this.#break('an SQE was dropped')
    if (cq.overflow() !== 0) this.#break('a completion was lost')
  }

  /** Takes off what is visible, or some of it. */
  #take(nr = this.#ring.cq.entries): void {
    const { cq } = this.#ring
    for (const { userData, userDataHigh, res, flags } of cq.peekBatch(nr)) {
      const chain = this.#flying.find(({ members }) => members.some((member) => member.userData === userData))
      if (chain === undefined || userDataHigh !== 0) this.#break(`a completion of nothing: ${userData}`)
      else if (chain.cqes.some((cqe) => cqe.userData === userData)) this.#break(`${userData} ended twice`)
      else if ((flags & IORING_CQE_F_MORE) !== 0) chain.more.push({ userData, res, flags })
      else {
        chain.cqes.push({ userData, res, flags })
        this.#order.push(userData)
        this.#materials.completed(chain.members.find((member) => member.userData === userData)!, res)
      }
      cq.advance(1)
    }
    this.#flying = this.#flying.filter((chain) => !isDone(chain))
  }

  #drain(): void {
    while (this.#model.nrPending > 0 && !this.isOver) this.#enter('submit', () => this.#ring.submit())
    let deadline = nowMs() + HANG_MS
    for (;;) {
      const nrEnded = this.#order.length
      this.#take()
      if (this.#order.length > nrEnded) deadline = nowMs() + HANG_MS
      if (this.#flying.length === 0 || this.isOver) break
      const isEarly = !this.#releaseWaiting()
      const res = this.#limited(() => this.#ring.waitCqe(isEarly ? 1 : Math.max(1, deadline - nowMs())))
      if (res < 0 && nowMs() >= deadline) {
        const left = this.#flying.map(({ members }) => members.map(({ userData }) => userData).join('-'))
        this.#break(`hangs (${errnoName(res)}): ${left.join(', ')} did not end`)
        this.isOver = true
      }
    }
    this.#ring.getEvents()
    for (const { userData } of this.#ring.cq.peekBatch(1)) this.#break(`a completion after all ended: ${userData}`)
    if ((this.#ring.sq.flags() & IORING_SQ_CQ_OVERFLOW) !== 0) this.#break('at rest the overflow flag is set')
    if (this.#flying.length > 0) return
    const results = this.#materials.takeResults()
    const { chains, order, syncCancels } = { chains: this.#all, order: this.#order, syncCancels: this.#syncCancels }
    this.#epochs.push({ chains, order, syncCancels, lacksThreads: this.#lacksThreads, ...results })
    this.#all = []
    this.#order = []
    this.#syncCancels = []
  }

  /**
   * Once nothing goes on by itself, requests that wait, and that no cancel has found, are let go: those that wait for a
   * pipe get data, times are cancelled. False if what is to be cancelled has not been found yet.
   */
  #releaseWaiting(): boolean {
    const stuck: Member[] = []
    for (const chain of this.#all) {
      if (isDone(chain)) continue
      // Where there may be one thread and no other, this one may go on only after the next has ended.
      if (!isStuck(chain) && this.#lacksThreads) continue
      if (!isStuck(chain)) return true
      stuck.push(chain.members[0]!)
      // All behind may be waiting for this one: the kernel holds more back than it must, as long as it recalls a drain.
      if (this.#drains) break
    }
    const found = this.#found()
    let hasFoundAll = true
    for (const head of stuck) {
      const { op, userData } = head
      if (found.has(userData)) continue
      if (op.op !== 'timeout') this.#materials.release(head)
      const needsCancel = op.op === 'timeout' || (op.op === 'poll' && op.multishot)
      const res = needsCancel ? this.#syncCancel(userData, RETRY_MS) : 0
      if (res !== 0 && res !== -ENOENT && !this.#isInVain(res))
        this.#break(`a sync cancel of ${userData} returned ${res}`)
      hasFoundAll &&= res === 0
    }
    return hasFoundAll
  }

  /** What cancels, and the like, say they have found. */
  #found(): Set<number> {
    const found = new Set(this.#syncCancels.filter(({ res }) => res === 0).map(({ target }) => target))
    for (const { members, cqes } of this.#all) {
      for (const { op, userData } of members) {
        const res = cqes.find((cqe) => cqe.userData === userData)?.res
        if ((op.op !== 'cancel' && op.op !== 'remove') || res === undefined) continue
        // A sweep may count nothing though it found something; of a request that a drain held back, it has not. And one that
        // was running in a worker may have gone on to wait, uninterrupted, if a drain made the kernel use a worker for it.
        const isVague =
          res === -EALREADY || (res === 0 && op.op === 'cancel' && (op.flags & IORING_ASYNC_CANCEL_ALL) !== 0)
        if (isVague ? this.#isCertain : res >= 0) found.add(op.target)
      }
    }
    return found
  }

  observation(): Observation {
    const files = this.isOver ? undefined : this.#materials.files()
    const contended = this.isOver ? undefined : this.#materials.contended()
    const tree = this.isOver ? undefined : this.#materials.tree()
    return { returns: this.#returns, epochs: this.#epochs, files, tree, contended, broken: this.#broken }
  }
}
