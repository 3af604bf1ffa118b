/**
 * The task-work queues of an io-wq, as their owner sees them, which pops, and pushes what it ends itself. Owner thread
 * only.
 *
 * A repair takes queues apart, and what it took off comes before all that is in them: what one worker sends is met in the
 * order in which it was sent, for those who send have order of their own beside it (results in a ring).
 */
import { storeRelease } from '../lib/barrier.js'
import { type Consumer, consumer, NONE, type Producer, producer } from '../lib/mpscq.js'
import { ITEM, ITEM_SLOT_SHIFT, ITEM_STATE_MASK, type WqMemory } from './layout.js'
import { drainInDoubt, type Wreck } from './recover.js'

const STATE = ITEM.at.state >> 2
const QUEUE = ITEM.at.queue >> 2

export class Homes {
  readonly #mem: WqMemory
  readonly #queues: (Consumer | undefined)[] = []
  readonly #producers: (Producer | undefined)[] = []
  /** By queue; none is empty. */
  readonly #taken = new Map<number, number[]>()
  /** Items that dead workers may or may not have sent home, by queue. */
  readonly #inDoubt = new Map<number, Set<number>>()
  /** Items cancelled in the hands of dead workers, whose records have not come back. */
  readonly #astray = new Set<number>()

  constructor(mem: WqMemory) {
    this.#mem = mem
  }

  /** The queue itself. */
  consumer(queue: number): Consumer {
    let made = this.#queues[queue]
    if (made === undefined) {
      made = consumer(this.#mem.queue(queue))
      this.#queues[queue] = made
    }
    return made
  }

  /** True on the empty to non-empty edge. */
  push(queue: number, item: number): boolean {
    let made = this.#producers[queue]
    if (made === undefined) {
      made = producer(this.#mem.queue(queue))
      this.#producers[queue] = made
    }
    return made.push(item)
  }

  /** The next item, or NONE. */
  pop(queue: number): number {
    const taken = this.#taken.size > 0 ? this.#taken.get(queue) : undefined
    if (taken === undefined) return this.consumer(queue).pop()
    const item = taken.shift() ?? NONE
    if (taken.length === 0) this.#taken.delete(queue)
    return item
  }

  /** True iff everything pushed was popped. */
  isEmpty(queue: number): boolean {
    return !this.#taken.has(queue) && this.consumer(queue).isEmpty()
  }

  /** What is left of dead workers: from now on in doubt, until clearDoubts(). Before anything waits. */
  doubt(wreck: Wreck): void {
    for (const item of wreck.cancelled) this.#astray.add(item)
    for (const item of wreck.inDoubt) this.#doubtsOf(this.#queueOf(item)).add(item)
  }

  /** A record cancelled in a worker's hands has come back by itself. */
  foundAstray(item: number): void {
    this.#astray.delete(item)
  }

  /**
   * Empties the queues in which something is in doubt; what was there waits to be popped. `midPush` and `pause` as for
   * drainInDoubt(); another repair in a pause does this for all of them, and goes on where this one is.
   */
  clearDoubts(midPush: () => boolean, pause: () => void): void {
    const queues = [...this.#astray].map((item) => this.#queueOf(item))
    for (const [queue, items] of this.#inDoubt) if (items.size > 0) queues.push(queue)
    for (const queue of new Set(queues)) {
      const land = (item: number) => this.#land(queue, item)
      drainInDoubt(this.#mem, this.consumer(queue), this.#doubtsOf(queue), land, midPush, pause)
      // What was cancelled in their hands and not reached comes home too, for its record.
      for (const item of [...this.#astray]) if (this.#queueOf(item) === queue) land(item)
    }
  }

  #land(queue: number, item: number): void {
    const { words } = this.#mem
    this.#astray.delete(item)
    // Nobody's from here on: another repair, in the midst of this one or after it, is not to find it once more.
    const at = this.#mem.item(item) + STATE
    storeRelease(words, at, (words[at]! & ITEM_STATE_MASK) | (-1 << ITEM_SLOT_SHIFT))
    // At once, behind those before: a repair in the midst of this one lands what is behind.
    const taken = this.#taken.get(queue)
    if (taken === undefined) this.#taken.set(queue, [item])
    else taken.push(item)
  }

  #queueOf(item: number): number {
    return this.#mem.words[this.#mem.item(item) + QUEUE]!
  }

  #doubtsOf(queue: number): Set<number> {
    let doubts = this.#inDoubt.get(queue)
    if (doubts === undefined) {
      doubts = new Set()
      this.#inDoubt.set(queue, doubts)
    }
    return doubts
  }
}
