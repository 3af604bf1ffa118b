/**
 * Function names as numbers. The owner numbers them as they are first used; a worker reads the name behind a number it
 * does not know.
 *
 * A name is written before the first job with its number is queued, and never changes: that queueing publishes it.
 * There is room for 1024 names, half of it for names whose jobs have succeeded. So a program that is fed missing names
 * cannot use it up. A name without a number travels before the arguments, and all such names share one number. A name
 * whose jobs have a context before their arguments (job-stores.ts) has a number of its own for that.
 */
import { Buffer } from '../../lib/globals.js'
import { poolError } from '../values/failure.js'
import { MAX_NAMES, type Space } from './record.js'

/** Beside the length of a name. */
const TAKES_CONTEXT = 1 << 30
/** In place of numbers of their own. */
export const NAMED = MAX_NAMES
const NAMED_WITH_CONTEXT = NAMED + 1

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

  /** The name's number, or NAMED. */
  numberOf(name: string): number {
    if (name === this.#last && this.#lastNumber >= 0) return this.#lastNumber
    const number = this.#numbers.get(name) ?? this.#add(name, false, false)
    if (number >= NAMED) return number
    this.#last = name
    this.#lastNumber = number
    return number
  }

  /** The number of the name for jobs with a context: NAMED or above if it has none. */
  numberWithContext(name: string): number {
    return this.#withContext.get(name) ?? this.#add(name, true, false)
  }

  /** A job that carried its name, and with it this number, has succeeded: the next one need not carry it. */
  prove(name: string, number: number): void {
    const takes = number === NAMED_WITH_CONTEXT
    if (!(takes ? this.#withContext : this.#numbers).has(name)) this.#add(name, takes, true)
  }

  /** The name behind a number. */
  nameOf(number: number): string {
    return this.#names[number]!
  }

  #add(name: string, takes: boolean, isProven: boolean): number {
    const bad = badName(name)
    if (bad !== undefined) throw bad
    const space = this.#space
    const number = this.#names.length
    const length = Buffer.byteLength(name)
    const limit = isProven ? MAX_NAMES : MAX_NAMES >> 1
    const end = isProven ? space.namesEnd : (space.namesByte + space.namesEnd) >> 1
    if (number >= limit || this.#nextByte + length > end) return takes ? NAMED_WITH_CONTEXT : NAMED
    space.bytes.write(name, this.#nextByte, 'utf8')
    space.words[space.namesWord + 2 * number] = this.#nextByte
    space.words[space.namesWord + 2 * number + 1] = length | (takes ? TAKES_CONTEXT : 0)
    this.#nextByte += length
    ;(takes ? this.#withContext : this.#numbers).set(name, number)
    this.#names.push(name)
    return number
  }
}

/** Why a value cannot name a job; undefined if it can. */
export function badName(name: unknown): Error | undefined {
  return typeof name === 'string' ? undefined : poolError('ERR_INVALID_ARG_TYPE', 'the name of a job is a string')
}

/** The name that a queued job's number stands for. Any thread. */
export function readName(space: Space, number: number): string {
  const at = space.words[space.namesWord + 2 * number]!
  return space.bytes.toString('utf8', at, at + (space.words[space.namesWord + 2 * number + 1]! & ~TAKES_CONTEXT))
}

/** Whether the jobs of that number have a context. Any thread. */
export function takesContext(space: Space, number: number): boolean {
  if (number >= NAMED) return number === NAMED_WITH_CONTEXT
  return (space.words[space.namesWord + 2 * number + 1]! & TAKES_CONTEXT) !== 0
}
