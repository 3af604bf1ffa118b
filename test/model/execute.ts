/**
 * Runs a program on one backend, on fresh files, and writes down what it sees. Main thread of a test process.
 *
 * It checks on the way what only a running ring can show: what enter returned and took, the bounds of both queues, and
 * that each request ends once. Every wait is bounded: a program that hangs is an observation too.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { IORING_SQ_CQ_OVERFLOW, IOSQE_CQE_SKIP_SUCCESS, IOSQE_IO_LINK } from '../../src/abi/constants.js'
import type { Syscalls } from '../../src/abi/syscalls.js'
import { nowMs } from '../../src/lib/clock.js'
import { EALREADY, errnoName } from '../../src/lib/errno.js'
import { setFlags, setUserData } from '../../src/ring/prep.js'
import { queueInit, type Ring } from '../../src/ring/ring.js'
import { SQ_FULL } from '../../src/ring/sq.js'
import { Materials } from './materials.js'
import type { Observation, SeenCqe, SeenEpoch } from './observation.js'
import { isFailure, LINKS, type Member, type Program, type Step } from './program.js'
import { SubmitModel } from './submit-model.js'

const HANG_MS = 5000

/** A chain in flight. */
interface Flying {
  readonly members: readonly Member[]
  readonly cqes: SeenCqe[]
}

export function execute(program: Program, syscalls: Syscalls): Observation {
  const dir = mkdtempSync(join(tmpdir(), 'uring-model-'))
  const materials = new Materials(dir)
  const { entries, cqEntries, setupFlags } = program
  const ring = queueInit(syscalls, entries, { cqEntries, flags: setupFlags })
  const run = new Run(ring, materials, setupFlags)
  try {
    for (const step of program.steps) {
      run.step(step)
      if (run.isOver) break
    }
    return run.observation()
  } finally {
    ring.queueExit()
    materials.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

class Run {
  readonly #ring: Ring
  readonly #materials: Materials
  readonly #model: SubmitModel
  readonly #returns: string[] = []
  readonly #epochs: SeenEpoch[] = []
  readonly #broken: string[] = []
  #flying: Flying[] = []
  /** All chains since the last drain, in the order of submission. */
  #all: Flying[] = []
  isOver = false

  constructor(ring: Ring, materials: Materials, setupFlags: number) {
    this.#ring = ring
    this.#materials = materials
    this.#model = new SubmitModel(setupFlags)
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
        const res = this.#ring.getEvents()
        if (res !== 0) this.#break(`get events returned ${res}`)
        break
      }
      case 'take':
        this.#take()
        break
      case 'drain':
        this.#drain()
        break
    }
    this.#checkBounds()
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
      setFlags(sq.words, at, member.flags)
      this.#model.put(member)
      if (i + 1 === splitAfter) this.#enter('submit', () => this.#ring.submit())
    })
  }

  /** An enter that submits; what it returns and takes must be what the rules say. Returns how many. */
  #enter(name: string, call: () => number): number {
    const ready = this.#ring.sq.ready()
    const res = call()
    const advanced = ready - this.#ring.sq.ready()
    const { returns, chains } = this.#model.enter(this.#model.nrPending)
    this.#returns.push(`${name}: ${res < 0 ? `-${errnoName(res)}` : res}`)
    if (res !== returns) this.#break(`${name} returned ${res}, not ${returns}`)
    if (res >= 0 && advanced !== res) this.#break(`${name} returned ${res} and moved the head by ${advanced}`)
    if (res !== returns) this.isOver = true
    for (const members of chains) {
      const flying = { members, cqes: [] }
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

  /** Takes off what is visible. */
  #take(): void {
    const { cq } = this.#ring
    for (const { userData, userDataHigh, res, flags } of cq.peekBatch(cq.entries)) {
      const chain = this.#flying.find(({ members }) => members.some((member) => member.userData === userData))
      if (chain === undefined || userDataHigh !== 0) this.#break(`a completion of nothing: ${userData}`)
      else if (chain.cqes.some((cqe) => cqe.userData === userData)) this.#break(`${userData} ended twice`)
      else {
        chain.cqes.push({ userData, res, flags })
        this.#materials.completed(chain.members.find((member) => member.userData === userData)!, res)
      }
      cq.advance(1)
    }
    this.#flying = this.#flying.filter((chain) => !isDone(chain))
  }

  #drain(): void {
    while (this.#model.nrPending > 0 && !this.isOver) this.#enter('submit', () => this.#ring.submit())
    const deadline = nowMs() + HANG_MS
    for (;;) {
      this.#take()
      if (this.#flying.length === 0 || this.isOver) break
      this.#releaseWaiting()
      const res = this.#ring.waitCqe(Math.max(1, deadline - nowMs()))
      if (res < 0) {
        const left = this.#flying.map(({ members }) => members.map(({ userData }) => userData).join('-'))
        this.#break(`hangs (${errnoName(res)}): ${left.join(', ')} did not end`)
        this.isOver = true
      }
    }
    this.#ring.getEvents()
    for (const { userData } of this.#ring.cq.peekBatch(1)) this.#break(`a completion after all ended: ${userData}`)
    if ((this.#ring.sq.flags() & IORING_SQ_CQ_OVERFLOW) !== 0) this.#break('at rest the overflow flag is set')
    if (this.#flying.length > 0) return
    this.#epochs.push({ chains: this.#all, ...this.#materials.takeResults() })
    this.#all = []
  }

  /** Once only waiting requests are left, those that no cancel has found get their data. */
  #releaseWaiting(): void {
    const heads = this.#flying.map(({ members: [head], cqes }) => (cqes.length === 0 ? head! : undefined))
    if (heads.some((head) => head?.op.op !== 'wait')) return
    const found = new Set<number>()
    for (const { members, cqes } of this.#all) {
      for (const { op, userData } of members) {
        const res = cqes.find((cqe) => cqe.userData === userData)?.res
        if (op.op === 'cancel' && res !== undefined && (res >= 0 || res === -EALREADY)) found.add(op.target)
      }
    }
    for (const head of heads) if (!found.has(head!.userData)) this.#materials.release(head!)
  }

  observation(): Observation {
    const files = this.isOver ? new Map<string, Uint8Array>() : this.#materials.files()
    return { returns: this.#returns, epochs: this.#epochs, files, broken: this.#broken }
  }
}

/** Whether no more completions of a chain are due. One that skips is over with its last, or where it told of failure. */
function isDone({ members, cqes }: Flying): boolean {
  const seen = new Map(cqes.map(({ userData, res }) => [userData, res]))
  if (members.every(({ userData }) => seen.has(userData))) return true
  if (members.every(({ flags }) => (flags & IOSQE_CQE_SKIP_SUCCESS) === 0)) return false
  for (const [i, member] of members.entries()) {
    const res = seen.get(member.userData)
    if (res === undefined || !isFailure(member, res) || (member.flags & LINKS) !== IOSQE_IO_LINK) continue
    // Here the chain broke: whoever told of it by the way of skipping speaks for all behind.
    if ((member.flags & IOSQE_CQE_SKIP_SUCCESS) !== 0) return true
    return members.slice(i + 1).every(({ userData }) => seen.has(userData))
  }
  return seen.has(members.at(-1)!.userData)
}
