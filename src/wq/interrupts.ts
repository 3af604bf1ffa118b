/**
 * Workers whose threads must leave a wait: they are signalled now, and again until their item has ended. Owner thread
 * only. Counterpart: the signal that io_wq_worker_cancel sends.
 */
import { loadAcquire } from '../lib/barrier.js'
import { ITEM_RUNNING, ITEM_SLOT_SHIFT, type WqMemory } from './layout.js'
import { SEQ, STATE, W_TID } from './words.js'

/** What a worker must leave: the item, and which use of its record. */
interface Interrupt {
  readonly itemWord: number
  readonly seq: number
}

export class Interrupts {
  readonly #mem: WqMemory
  readonly #send: (slot: number, tid: number) => void
  readonly #sent = new Map<number, Interrupt>()

  constructor(mem: WqMemory, send: (slot: number, tid: number) => void) {
    this.#mem = mem
    this.#send = send
  }

  get size(): number {
    return this.#sent.size
  }

  add(slot: number, itemWord: number): void {
    this.#sent.set(slot, { itemWord, seq: this.#mem.words[itemWord + SEQ]! })
    this.#tell(slot)
  }

  delete(slot: number): void {
    this.#sent.delete(slot)
  }

  resend(): void {
    const { words } = this.#mem
    for (const [slot, { itemWord, seq }] of this.#sent) {
      const isRunning = loadAcquire(words, itemWord + STATE) === (ITEM_RUNNING | (slot << ITEM_SLOT_SHIFT))
      if (!isRunning || words[itemWord + SEQ] !== seq) this.#sent.delete(slot)
      else this.#tell(slot)
    }
  }

  #tell(slot: number): void {
    this.#send(slot, this.#mem.words[this.#mem.worker(slot) + W_TID]!)
  }
}
