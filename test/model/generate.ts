/**
 * Programs from a seed: random, but with one right outcome. Any thread; pure.
 *
 * Requests that are not linked may run in any order, so between two drains they never touch the same bytes: a chain
 * claims what it uses. A file is either shared, and then keeps its size and is used by block, or owned by one chain,
 * which may do with it what it likes. A descriptor that is closed belongs to the chain that closes it and is not used
 * again: its number may be anyone's by then.
 */
import * as abi from '../../src/abi/constants.js'
import { DEFER } from '../conformance/modes.js'
import { Chooser, FEATURES, type Feature } from './choose.js'
import { Prng } from './prng.js'
import { FILE_BYTES, isSpoiled, isWaiter, type Member, type Op, type Program, type Step } from './program.js'
import { SubmitModel } from './submit-model.js'

/** Features that no backend lacks. */
const EVERYWHERE: ReadonlySet<Feature> = new Set([
  'sizes',
  'tree',
  'pipes',
  'contended',
  'crowd',
  'limit',
  'beside',
  'drain',
])

const BESIDE = 0x2000_0000
/** user_data of what runs beside: no number that cancels aim at in vain. */
const BESIDE_FROM = 600_000
const LARGE = abi.IORING_SETUP_CQE32 | abi.IORING_SETUP_SQE128

/** Nobody would know how these ended, where only failure is told of. */
const TELLING: ReadonlySet<Op['op']> = new Set(['openat', 'openat2', 'close', 'pipe', 'fallocate', 'ftruncate'])

export function generate(seed: number): Program {
  const generator = new Generator(seed)
  const program = generator.program()
  return generator.features.has('beside')
    ? { ...program, companion: new Generator(seed + BESIDE, BESIDE_FROM).program() }
    : program
}

class Generator {
  readonly #random: Prng
  readonly #seed: number
  readonly features: ReadonlySet<Feature>
  readonly #choose: Chooser
  readonly steps: Step[] = []
  #firstUserData = 1
  #nextUserData = 1
  /** Since the last drain there is a request that waits, or one that skips its completion. */
  #isUncertain = false

  constructor(seed: number, firstUserData = 1) {
    this.#seed = seed
    this.#nextUserData = firstUserData
    this.#random = new Prng(seed)
    // Half of the programs have but what any backend can run: they are compared.
    const isPlain = this.#random.oneIn(2)
    const offered = isPlain ? FEATURES.filter((feature) => EVERYWHERE.has(feature)) : FEATURES
    const features = offered.filter(() => this.#random.oneIn(3))
    // What any backend can run, and has more than one right outcome.
    if (isPlain && this.#random.oneIn(4)) features.push(this.#random.pick(['few fds', 'deaths'] as const))
    this.features = new Set(features)
    this.#choose = new Chooser(this.#random, this.features)
  }

  program(): Program {
    const random = this.#random
    const isCrowd = this.features.has('crowd')
    const entries = isCrowd ? 4 : random.pick([4, 8, 16, 32])
    const cqEntries = entries * (isCrowd ? 1 : random.pick([1, 2, 4]))
    // It holds for the process: what runs beside must reckon with it too.
    const isLimited = this.features.has('limit') && !this.features.has('beside')
    const fileLimit = isLimited ? FILE_BYTES + random.int(1500) : undefined
    const isShort = this.features.has('few fds') && !this.features.has('beside')
    const fdsLeft = isShort ? random.int(8) : undefined
    let setupFlags = 0
    if (random.oneIn(2)) setupFlags |= abi.IORING_SETUP_SUBMIT_ALL
    setupFlags |= random.pick([
      0,
      0,
      abi.IORING_SETUP_COOP_TASKRUN,
      DEFER,
      DEFER,
      DEFER | abi.IORING_SETUP_TASKRUN_FLAG,
    ])
    if (random.oneIn(4)) setupFlags |= abi.IORING_SETUP_NO_SQARRAY
    if (this.features.has('layouts')) {
      setupFlags |= random.pick([abi.IORING_SETUP_CQE32, abi.IORING_SETUP_SQE128, LARGE, abi.IORING_SETUP_CQE_MIXED])
    }
    const model = new SubmitModel(setupFlags)
    const nrEpochs = 1 + random.int(4)
    for (let i = 0; i < nrEpochs; i++) {
      const isCut = i === nrEpochs - 1 && random.oneIn(6)
      this.#choose.beginEpoch(this.#nextUserData, isCut)
      this.#firstUserData = this.#nextUserData
      this.#isUncertain = false
      const nrChains = 1 + random.int(isCrowd ? 30 : 8)
      for (let chain = 0; chain < nrChains; chain++) {
        this.#addChain(entries, model)
        if (random.oneIn(3)) this.#addCall(model)
      }
      this.#add({ step: isCut ? 'close' : 'drain' })
      while (model.nrPending > 0) model.enter(model.nrPending)
    }
    const { steps } = this
    return {
      seed: this.#seed,
      setupFlags,
      entries,
      cqEntries,
      steps,
      ...(fileLimit !== undefined && { fileLimit }),
      ...(fdsLeft !== undefined && { fdsLeft }),
    }
  }

  #add(step: Step): void {
    this.steps.push(step)
  }

  #addCall(model: SubmitModel): void {
    const random = this.#random
    if (this.features.has('deaths') && !this.features.has('beside') && random.oneIn(2)) {
      this.#add({ step: 'kill', nth: random.int(8), looks: random.int(400) })
      return
    }
    if (this.features.has('sync') && random.oneIn(2)) {
      const target = this.#choose.takeWaiting()
      if (target !== undefined) {
        this.#add({ step: 'sync cancel', target })
        return
      }
    }
    const some = this.features.has('crowd') ? 6 : 1
    const call = random.weighted({ submit: 4, 'submit and wait': 3, 'get events': 2, take: 2, 'take some': some })
    if (call === 'take some') {
      this.#add({ step: call, nr: 1 + random.int(3) })
      return
    }
    if (call === 'submit and wait') {
      // As many as are certain to come: a waiting request is not, nor is one that skips its completion. With drains one at
      // most: now and then a kernel with DEFER_TASKRUN sleeps on for a second completion, though the first, which it lets
      // the sleeper find by itself, is what holds the second back.
      const sure = this.#isUncertain ? 0 : Math.min(model.nrPending, this.features.has('drain') ? 1 : Infinity)
      this.#add({ step: 'submit and wait', nr: random.int(sure + 1) })
    } else this.#add({ step: call })
    if (call === 'submit' || call === 'submit and wait') model.enter(model.nrPending)
  }

  #addChain(entries: number, model: SubmitModel): void {
    const random = this.#random
    this.#choose.beginChain()
    const length = random.oneIn(2) ? 1 : Math.min(entries, 2 + random.int(5))
    // Once a ring has seen a request that skips, it refuses drains.
    const skips = length > 1 && !this.features.has('drain') && random.oneIn(8)
    const splitAfter = !skips && length > 2 && random.oneIn(8) ? 1 + random.int(length - 1) : undefined
    const members: Member[] = []
    for (let i = 0; i < length; i++) {
      const linked = i < length - 1
      // What a submit splits runs side by side: only requests that touch nothing of their own may be in it.
      const userData = this.#nextUserData++
      const op = splitAfter !== undefined ? this.#choose.idleOp() : this.#choose.op(members, skips, userData)
      let flags = linked ? random.pick([abi.IOSQE_IO_LINK, abi.IOSQE_IO_LINK, abi.IOSQE_IO_HARDLINK, 12]) : 0
      if (!isWaiter(op) && op.op !== 'link timeout' && random.oneIn(4)) flags |= abi.IOSQE_ASYNC
      if (this.features.has('drain') && op.op !== 'link timeout' && random.oneIn(8)) flags |= abi.IOSQE_IO_DRAIN
      const tells = TELLING.has(op.op)
      if (skips && linked && !tells && random.oneIn(2)) flags |= abi.IOSQE_CQE_SKIP_SUCCESS
      // Found running or found waiting, success or not: that is the backend's affair, and must not matter to others.
      if (op.op === 'cancel' && linked && op.target >= this.#firstUserData) {
        flags = (flags & ~(abi.IOSQE_IO_LINK | abi.IOSQE_CQE_SKIP_SUCCESS)) | abi.IOSQE_IO_HARDLINK
      }
      if (!skips && random.oneIn(60)) flags |= 0x80
      if (!skips && op.op === 'nop' && random.oneIn(30)) flags |= abi.IOSQE_BUFFER_SELECT
      members.push({ userData, flags, op })
    }
    const isRefused = isSpoiled(members)
    // Of a refused chain it would be hard to say who is silent.
    if (skips && isRefused) return
    const [head] = members
    if (isWaiter(head!.op) && !isRefused) this.#choose.waits(head!)
    // A time that is up wakes who waits for completions, however many there are.
    const hasTimes = members.some(({ op }) => op.op === 'timeout' || op.op === 'link timeout')
    if (skips || isWaiter(head!.op) || hasTimes) this.#isUncertain = true
    for (const member of members) this.#choose.took(member)
    while (model.nrPending + length > entries) {
      this.#add({ step: 'submit' })
      model.enter(model.nrPending)
    }
    this.#add(splitAfter === undefined ? { step: 'chain', members } : { step: 'chain', members, splitAfter })
    members.forEach((member, i) => {
      model.put(member)
      if (i + 1 === splitAfter) model.enter(model.nrPending)
    })
  }
}
