/**
 * The task-work queues of an io-wq, as their owner sees them, which pops, and pushes what it ends itself. Owner thread
 * only.
 *
 * A repair takes queues apart, and what it took off comes before all that is in them: what one worker sends is met in the
 * order in which it was sent, for those who send have order of their own beside it (results in a ring).
 */
import { type Consumer, consumer, NONE, type Producer, producer } from '../lib/mpscq.js'
import type { WqMemory } from './layout.js'

export class Homes {
  readonly #mem: WqMemory
  readonly #queues: (Consumer | undefined)[] = []
  readonly #producers: (Producer | undefined)[] = []
  /** By queue; none is empty. */
  readonly #taken = new Map<number, number[]>()

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

  /** Items taken off a queue in a repair, in their order. */
  putBack(queue: number, items: ReadonlySet<number>): void {
    if (items.size > 0) this.#taken.set(queue, [...(this.#taken.get(queue) ?? []), ...items])
  }
}
