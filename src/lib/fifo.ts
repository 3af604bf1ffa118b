/**
 * A queue, oldest first: an array with a head index, for Array.shift() moves all that is left. One thread; private
 * memory.
 *
 * What has left is let go of at once, and its place soon: the array is never more than twice what is queued, but for a
 * fixed number of places. Counterpart: none.
 */

/** From this many on, places at the front that were left are given back before the queue is empty. */
const MANY_LEFT = 1024

export class Fifo<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get size(): number {
    return this.#items.length - this.#head
  }

  /** The oldest, if there is any; it stays. */
  get first(): T | undefined {
    return this.#items[this.#head]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  /** Removes the oldest, if there is any. */
  shift(): T | undefined {
    const items = this.#items
    if (this.#head === items.length) return undefined
    const item = items[this.#head]
    items[this.#head++] = undefined
    if (this.#head === items.length) {
      items.length = 0
      this.#head = 0
    } else if (this.#head >= MANY_LEFT && this.#head * 2 >= items.length) {
      items.splice(0, this.#head)
      this.#head = 0
    }
    return item
  }

  /** Removes all, and returns them in their order. */
  clear(): T[] {
    const items = this.#items.slice(this.#head) as T[]
    this.#items = []
    this.#head = 0
    return items
  }

  /** Places that it has: for tests of what is let go of. */
  get nrPlaces(): number {
    return this.#items.length
  }
}
