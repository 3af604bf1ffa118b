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
import { Chooser } from './choose.js'
import { Prng } from './prng.js'
import { isRefused, type Member, type Program, type Step } from './program.js'
import { SubmitModel } from './submit-model.js'

export function generate(seed: number): Program {
  return new Generator(seed).program()
}

class Generator {
  readonly #random: Prng
  readonly #seed: number
  readonly #choose: Chooser
  readonly #steps: Step[] = []
  #firstUserData = 1
  #nextUserData = 1
  /** Since the last drain there is a request that waits, or one that skips its completion. */
  #isUncertain = false

  constructor(seed: number) {
    this.#seed = seed
    this.#random = new Prng(seed)
    this.#choose = new Chooser(this.#random)
  }

  program(): Program {
    const random = this.#random
    const entries = random.pick([4, 8, 16, 32])
    const cqEntries = entries * random.pick([1, 2, 4])
    let setupFlags = 0
    if (random.oneIn(2)) setupFlags |= abi.IORING_SETUP_SUBMIT_ALL
    if (random.oneIn(2)) setupFlags |= DEFER
    const model = new SubmitModel(setupFlags)
    const nrEpochs = 1 + random.int(4)
    for (let i = 0; i < nrEpochs; i++) {
      this.#choose.beginEpoch(this.#nextUserData)
      this.#firstUserData = this.#nextUserData
      this.#isUncertain = false
      const nrChains = 1 + random.int(8)
      for (let chain = 0; chain < nrChains; chain++) {
        this.#addChain(entries, model)
        if (random.oneIn(3)) this.#addCall(model)
      }
      this.#add({ step: 'drain' })
      while (model.nrPending > 0) model.enter(model.nrPending)
    }
    return { seed: this.#seed, setupFlags, entries, cqEntries, steps: this.#steps }
  }

  #add(step: Step): void {
    this.#steps.push(step)
  }

  #addCall(model: SubmitModel): void {
    const random = this.#random
    const call = random.weighted({ submit: 4, 'submit and wait': 3, 'get events': 2, take: 2 })
    if (call === 'submit and wait') {
      // As many as are certain to come: a waiting request is not, nor is one that skips its completion.
      const sure = this.#isUncertain ? 0 : model.nrPending
      this.#add({ step: 'submit and wait', nr: random.int(sure + 1) })
    } else this.#add({ step: call })
    if (call === 'submit' || call === 'submit and wait') model.enter(model.nrPending)
  }

  #addChain(entries: number, model: SubmitModel): void {
    const random = this.#random
    this.#choose.beginChain()
    const length = random.oneIn(2) ? 1 : Math.min(entries, 2 + random.int(5))
    const skips = length > 1 && random.oneIn(8)
    const splitAfter = !skips && length > 2 && random.oneIn(8) ? 1 + random.int(length - 1) : undefined
    const members: Member[] = []
    for (let i = 0; i < length; i++) {
      const linked = i < length - 1
      // What a submit splits runs side by side: only requests that touch nothing of their own may be in it.
      const userData = this.#nextUserData++
      const op = splitAfter !== undefined ? this.#choose.idleOp() : this.#choose.op(members, skips, userData)
      let flags = linked ? random.pick([abi.IOSQE_IO_LINK, abi.IOSQE_IO_LINK, abi.IOSQE_IO_HARDLINK, 12]) : 0
      if (op.op !== 'wait' && random.oneIn(4)) flags |= abi.IOSQE_ASYNC
      // Not what changes descriptors: nobody would know.
      const tells = op.op === 'openat' || op.op === 'close'
      if (skips && linked && !tells && random.oneIn(2)) flags |= abi.IOSQE_CQE_SKIP_SUCCESS
      // Found running or found waiting, success or not: that is the backend's affair, and must not matter to others.
      if (op.op === 'cancel' && linked && op.target >= this.#firstUserData) {
        flags = (flags & ~(abi.IOSQE_IO_LINK | abi.IOSQE_CQE_SKIP_SUCCESS)) | abi.IOSQE_IO_HARDLINK
      }
      if (!skips && random.oneIn(60)) flags |= 0x80
      if (!skips && op.op === 'nop' && random.oneIn(30)) flags |= abi.IOSQE_BUFFER_SELECT
      members.push({ userData, flags, op })
    }
    const isSpoiled = members.some(isRefused)
    // Of a refused chain it would be hard to say who is silent.
    if (skips && isSpoiled) return
    const [head] = members
    if (head!.op.op === 'wait' && !isSpoiled) this.#choose.waits(head!.userData)
    if (skips || head!.op.op === 'wait') this.#isUncertain = true
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
