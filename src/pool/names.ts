/**
 * Function names as numbers. The owner numbers them as they are first used; a worker reads the name behind a number it
 * does not know.
 *
 * A name is written before the first job that carries its number is queued, and never changes: that queueing publishes
 * it. There is room for 1024 names. A name whose jobs bring a context before their arguments (job-stores.ts) has a
 * number of its own for that.
 */
import { poolError } from './failure.js'
import { MAX_NAMES, type Space } from './record.js'

/** Beside the length of a name. */
const TAKES_CONTEXT = 1 << 30

export class NameTable {
  readonly #space: Space
  readonly #numbers = new Map<string, number>()
  readonly #withContext = new Map<string, number>()
  readonly #names: string[] = []
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
    const number = this.#numbers.get(name) ?? this.#add(name, 0, this.#numbers)
    if (number < 0) return -1
    this.#last = name
    this.#lastNumber = number
    return number
  }

  /** The number of the name for jobs that bring a context. */
  numberWithContext(name: string): number {
    return this.#withContext.get(name) ?? this.#add(name, TAKES_CONTEXT, this.#withContext)
  }

  /** The name behind a number. */
  nameOf(number: number): string {
    return this.#names[number]!
  }

  #add(name: string, flag: number, numbers: Map<string, number>): number {
    const bad = badName(name)
    if (bad !== undefined) throw bad
    const space = this.#space
    const number = this.#names.length
    const length = Buffer.byteLength(name)
    if (number === MAX_NAMES || this.#nextByte + length > space.namesEnd) return -1
    space.bytes.write(name, this.#nextByte, 'utf8')
    space.words[space.namesWord + 2 * number] = this.#nextByte
    space.words[space.namesWord + 2 * number + 1] = length | flag
    this.#nextByte += length
    numbers.set(name, number)
    this.#names.push(name)
    return number
  }
}

/** Why a value cannot name a job, if there is a reason. */
export function badName(name: unknown): Error | undefined {
  return typeof name === 'string' ? undefined : poolError('ERR_INVALID_ARG_TYPE', 'the name of a job is a string')
}

/** The name that a queued job's number stands for. Any thread. */
export function readName(space: Space, number: number): string {
  const at = space.words[space.namesWord + 2 * number]!
  return space.bytes.toString('utf8', at, at + (space.words[space.namesWord + 2 * number + 1]! & ~TAKES_CONTEXT))
}

/** Whether the jobs of that number bring a context. Any thread. */
export function takesContext(space: Space, number: number): boolean {
  return (space.words[space.namesWord + 2 * number + 1]! & TAKES_CONTEXT) !== 0
}
