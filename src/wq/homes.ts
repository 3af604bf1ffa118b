/**
 * The task-work queues of an io-wq, as the one who pops sees them. Owner thread only.
 *
 * A repair takes queues apart, and what it took off comes before all that is in them: what one worker sends is met in the
 * order in which it was sent, for those who send have order of their own beside it (results in a ring).
 */
import { type Consumer, consumer, NONE } from '../lib/mpscq.js'
import type { WqMemory } from './layout.js'

export class Homes {
  readonly #mem: WqMemory
  readonly #queues: (Consumer | undefined)[] = []
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
