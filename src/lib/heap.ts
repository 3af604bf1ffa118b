/**
 * A binary heap whose members can leave from the middle: each member knows its place. Owner thread only.
 */

export interface Heaped {
  /** Its place in the heap, or -1. Only the heap writes it. */
  heapAt: number
}

export class Heap<T extends Heaped> {
  readonly #members: T[] = []
  readonly #isBefore: (a: T, b: T) => boolean

  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore
  }

  get size(): number {
    return this.#members.length
  }

  /** The first member, if there is any; it stays in the heap. */
  get first(): T | undefined {
    return this.#members[0]
  }

  push(member: T): void {
    this.#members.push(member)
    this.#rise(member, this.#members.length - 1)
  }

  /** Removes a member; does nothing if it is in no heap. */
  remove(member: T): void {
    const at = member.heapAt
    if (at < 0) return
    member.heapAt = -1
    const last = this.#members.pop()
    if (last === undefined || last === member) return
    this.#sink(last, at)
    this.#rise(last, last.heapAt)
  }

  #rise(member: T, from: number): void {
    let at = from
    while (at > 0) {
      const parentAt = (at - 1) >> 1
      const parent = this.#members[parentAt]!
      if (!this.#isBefore(member, parent)) break
      this.#put(parent, at)
      at = parentAt
    }
    this.#put(member, at)
  }

  #sink(member: T, from: number): void {
    const members = this.#members
    let at = from
    for (;;) {
      let childAt = 2 * at + 1
      if (childAt >= members.length) break
      if (childAt + 1 < members.length && this.#isBefore(members[childAt + 1]!, members[childAt]!)) childAt++
      const child = members[childAt]!
      if (!this.#isBefore(child, member)) break
      this.#put(child, at)
      at = childAt
    }
    this.#put(member, at)
  }

  #put(member: T, at: number): void {
    this.#members[at] = member
    member.heapAt = at
  }
}
