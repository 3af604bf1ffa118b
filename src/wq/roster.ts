/**
 * Who is in which worker slot, as the owner knows it. Owner thread only.
 *
 * It reads the workers' records and changes none. Counterpart: the worker list of io-wq.c.
 */
import type { Worker } from 'node:worker_threads'
import { loadAcquire } from '../lib/barrier.js'
import { NONE } from '../lib/mpscq.js'
import {
  ACCT,
  HOLDER_WORKER0,
  ITEM_CANCELED,
  ITEM_DONE,
  ITEM_STATE_MASK,
  NR_ACCTS,
  WORKER_GONE,
  type WqMemory,
} from './layout.js'
import { lockHolder } from './lock.js'
import type { Member } from './member.js'
import type { ThreadSystem } from './threads.js'
import { STATE, W_CURRENT, W_STATE, W_TID } from './words.js'

export class Roster {
  readonly #mem: WqMemory
  readonly #threads: ThreadSystem
  readonly #members: (Member | undefined)[]
  readonly #freeSlots: number[] = []
  readonly #nrDoomed = new Array<number>(NR_ACCTS).fill(0)

  constructor(mem: WqMemory, threads: ThreadSystem) {
    this.#mem = mem
    this.#threads = threads
    this.#members = new Array(mem.shape.nrSlots).fill(undefined)
    for (let slot = mem.shape.nrSlots - 1; slot >= 0; slot--) this.#freeSlots.push(slot)
  }

  /** By slot; undefined where nobody is. */
  get members(): readonly (Member | undefined)[] {
    return this.#members
  }

  hasSlot(): boolean {
    return this.#freeSlots.length > 0
  }

  /** A slot for a new worker; undefined if all are in use. */
  takeSlot(): number | undefined {
    return this.#freeSlots.pop()
  }

  /** What the worker left is repaired: another may have the slot. */
  freeSlot(slot: number): void {
    this.#freeSlots.push(slot)
  }

  set(slot: number, member: Member): void {
    this.#members[slot] = member
  }

  remove(slot: number): void {
    const member = this.#members[slot]
    if (member?.isDoomed === true) this.#nrDoomed[member.acct]!--
    this.#members[slot] = undefined
  }

  /** The thread of a member is being ended. */
  doom(member: Member): void {
    member.isDoomed = true
    this.#nrDoomed[member.acct]!++
  }

  /** Workers of an account that are being ended: they count, but others may replace them. */
  nrDoomed(acct: number): number {
    return this.#nrDoomed[acct]!
  }

  /** The Worker object in a slot. */
  workerAt(slot: number): Worker | undefined {
    return this.#members[slot]?.worker
  }

  isGone(slot: number): boolean {
    const member = this.#members[slot]
    if (member === undefined) return false
    return this.#threads.isGone(member.worker, loadAcquire(this.#mem.words, this.#mem.worker(slot) + W_TID))
  }

  /** Whether a worker has announced that it leaves, and released the lock under which it did. */
  leftInOrder(slot: number): boolean {
    const { words } = this.#mem
    if (loadAcquire(words, this.#mem.worker(slot) + W_STATE) !== WORKER_GONE) return false
    for (let acct = 0; acct < NR_ACCTS; acct++) {
      const lockWord = this.#mem.acct(acct) + (ACCT.at.lock >> 2)
      if (lockHolder(words, lockWord) === slot + HOLDER_WORKER0) return false
    }
    return true
  }

  /** Whether a worker that is not known to be dead may be between the two steps of a push. */
  someoneMidPush(): boolean {
    const { words } = this.#mem
    return this.#members.some((member, slot) => {
      if (member === undefined) return false
      const current = loadAcquire(words, this.#mem.worker(slot) + W_CURRENT)
      if (current === NONE) return false
      const state = loadAcquire(words, this.#mem.item(current) + STATE) & ITEM_STATE_MASK
      return state === ITEM_DONE || state === ITEM_CANCELED
    })
  }
}
