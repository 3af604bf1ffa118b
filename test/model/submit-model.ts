/**
 * io_uring's rules of submission as a model: what one enter takes, returns, and makes chains of. Any thread; pure.
 */
import { IORING_SETUP_SUBMIT_ALL, IOSQE_IO_DRAIN } from '../../src/abi/constants.js'
import { isRefused, isRefusedByFlags, isSpoiled, LINKS, type Member } from './program.js'

/** What an enter takes: chains as they were closed, by a last member without a link or by the end of the enter. */
export interface Taken {
  readonly returns: number
  readonly chains: readonly TakenChain[]
}

export interface TakenChain {
  readonly members: readonly Member[]
  /** It waits for all before it, and all behind wait for it. */
  readonly drains: boolean
}

export class SubmitModel {
  readonly #submitsAll: boolean
  readonly #pending: Member[] = []
  /** A member behind a head asked for a drain: the next chain is drained too. */
  #drainsNext = false

  constructor(setupFlags: number) {
    this.#submitsAll = (setupFlags & IORING_SETUP_SUBMIT_ALL) !== 0
  }

  get nrPending(): number {
    return this.#pending.length
  }

  put(member: Member): void {
    this.#pending.push(member)
  }

  enter(toSubmit: number): Taken {
    const chains: Member[][] = []
    let open: Member[] | undefined
    let returns = 0
    while (returns < toSubmit && this.#pending.length > 0) {
      const member = this.#pending.shift()!
      returns++
      if (open === undefined) {
        open = []
        chains.push(open)
      }
      const before = open.at(-1)
      open.push(member)
      // A refused member with a link goes on assembling; one without ends the batch.
      if ((member.flags & LINKS) === 0) {
        open = undefined
        if (isRefused(member, before) && !this.#submitsAll) break
      }
    }
    return { returns, chains: chains.map((members) => ({ members, drains: this.#drain(members) })) }
  }

  /** A refused chain is not drained, but what it asked of the next one holds. */
  #drain(members: readonly Member[]): boolean {
    let drains = false
    members.forEach((member, i) => {
      if (isRefusedByFlags(member)) return
      if (i === 0 && this.#drainsNext) {
        this.#drainsNext = false
        drains = true
      }
      if ((member.flags & IOSQE_IO_DRAIN) === 0) return
      drains = true
      if (i > 0) this.#drainsNext = true
    })
    return drains && !isSpoiled(members)
  }
}
