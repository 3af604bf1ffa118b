/**
 * Function names as numbers. The owner numbers them as they are first used; a worker reads the name behind a number it
 * does not know.
 *
 * A name is written before the first job that carries its number is queued, and never changes: that queueing publishes
 * it. There is room for 1024 names.
 */
import { MAX_NAMES, type Space } from './record.js'

export class NameTable {
  readonly #space: Space
  readonly #numbers = new Map<string, number>()
  #nextByte: number
  #last = ''
  #lastNumber = -1

  constructor(space: Space) {
    this.#space = space
    this.#nextByte = space.namesByte
  }

  /** The name's number; -1 when the table has no room for another. */
  numberOf(name: string): number {
    if (name === this.#last && this.#lastNumber >= 0) return this.#lastNumber
    const number = this.#numbers.get(name) ?? this.#add(name)
    if (number < 0) return -1
    this.#last = name
    this.#lastNumber = number
    return number
  }

  #add(name: string): number {
    const space = this.#space
    const number = this.#numbers.size
    const length = Buffer.byteLength(name)
    if (number === MAX_NAMES || this.#nextByte + length > space.namesEnd) return -1
    space.bytes.write(name, this.#nextByte, 'utf8')
    space.words[space.namesWord + 2 * number] = this.#nextByte
    space.words[space.namesWord + 2 * number + 1] = length
    this.#nextByte += length
    this.#numbers.set(name, number)
    return number
  }
}

/** The name that a queued job's number stands for. Any thread. */
export function readName(space: Space, number: number): string {
  const at = space.words[space.namesWord + 2 * number]!
  return space.bytes.toString('utf8', at, at + space.words[space.namesWord + 2 * number + 1]!)
}
