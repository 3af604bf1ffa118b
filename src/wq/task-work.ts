/**
 * The task-work queues of an io-wq, on the side of their owner, which pops, and pushes items that it ends itself. Owner
 * thread only.
 *
 * A repair takes queues apart. The items that it took off come before all that are still queued: the items of one
 * worker are popped in the order in which it pushed them, because they share an order elsewhere (results in a ring).
 */
import { storeRelease } from '../lib/barrier.js'
import { type Consumer, consumer, NONE, type Producer, producer } from '../lib/mpscq.js'
import { ITEM_SLOT_SHIFT, ITEM_STATE_MASK, type WqMemory } from './layout.js'
import { drainInDoubt, type Wreck } from './recover.js'
import { QUEUE, STATE } from './words.js'

export class TaskWork {
  readonly #mem: WqMemory
  readonly #queues: (Consumer | undefined)[] = []
  readonly #producers: (Producer | undefined)[] = []
  /** Items that a repair took off, by queue; no list is empty. */
  readonly #taken = new Map<number, number[]>()
  /** Items that dead workers may or may not have pushed, by queue. */
  readonly #inDoubt = new Map<number, Set<number>>()
  /** Items that were cancelled in the hands of dead workers, and whose records have not come back. */
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

  /** Pushes an item. True on the edge from empty to non-empty. */
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

  /** Items of dead workers are in doubt from now on, until clearDoubts(). Call it before anything waits. */
  doubt(wreck: Wreck): void {
    for (const item of wreck.cancelled) this.#astray.add(item)
    for (const item of wreck.inDoubt) this.#doubtsOf(this.#queueOf(item)).add(item)
  }

  /** The record of an item that was cancelled in a worker's hands has come back by itself. */
  foundAstray(item: number): void {
    this.#astray.delete(item)
  }

  /**
   * Empties the queues in which something is in doubt; their items wait to be popped. `midPush` and `pause` as for
   * drainInDoubt(). A second repair during a pause does this for all queues, and continues where this one is.
   */
  clearDoubts(midPush: () => boolean, pause: () => void): void {
    const queues = [...this.#astray].map((item) => this.#queueOf(item))
    for (const [queue, items] of this.#inDoubt) if (items.size > 0) queues.push(queue)
    for (const queue of new Set(queues)) {
      const land = (item: number) => this.#land(queue, item)
      drainInDoubt(this.#mem, this.consumer(queue), this.#doubtsOf(queue), land, midPush, pause)
      // Items that were cancelled in their hands and never pushed come back too, for their records.
      for (const item of [...this.#astray]) if (this.#queueOf(item) === queue) land(item)
    }
  }

  #land(queue: number, item: number): void {
    const { words } = this.#mem
    this.#astray.delete(item)
    // From here on the item belongs to no worker: a second repair, during this one or after it, must not find it again.
    const at = this.#mem.item(item) + STATE
    storeRelease(words, at, (words[at]! & ITEM_STATE_MASK) | (-1 << ITEM_SLOT_SHIFT))
    // At once, behind the earlier ones: a second repair during this one adds the later ones.
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
