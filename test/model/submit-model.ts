/**
 * The sheet's rules of submission as a model: what one enter takes, returns, and makes chains of. Any thread; pure.
 */
import { IORING_SETUP_SUBMIT_ALL } from '../../src/abi/constants.js'
import { isRefused, LINKS, type Member } from './program.js'

/** What an enter takes: chains as they were closed, by a last member without a link or by the end of the enter. */
export interface Taken {
  readonly returns: number
  readonly chains: readonly (readonly Member[])[]
}

export class SubmitModel {
  readonly #submitsAll: boolean
  readonly #pending: Member[] = []

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
      open.push(member)
      // A refused member with a link goes on assembling; one without ends the batch.
      if ((member.flags & LINKS) === 0) {
        open = undefined
        if (isRefused(member) && !this.#submitsAll) break
      }
    }
    return { returns, chains }
  }
}
