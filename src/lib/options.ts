/**
 * Options objects, read once: the one way in which this package takes options. Any thread.
 *
 * What counts is what `{ ...options }` takes: own, enumerable properties. Each is read once, in the order of the table, and
 * all of them before anything is done; so an accessor may call back in, and what a program's Object.prototype has is no
 * option. A name that the table has not is refused, and so is an option that is inherited, for it would be passed over.
 * Counterpart: Node's validators and kEmptyObject, and WebIDL's dictionaries, which take their members in a fixed order.
 */
import { codeError, invalidArgType } from './arg-errors.js'
import { assert } from './assert.js'

/** Options as read: every name is there, those not given at undefined. */
export type Given<T> = { readonly [K in keyof T]-?: T[K] | undefined }

const { hasOwn, getPrototypeOf, prototype: OBJECT_PROTOTYPE } = Object
const { isArray } = Array
const { clz32 } = Math
const MAX_OPTIONS = 31

export class OptionTable<T extends object> {
  /** Nothing given. */
  readonly none: Given<T>
  readonly #owner: string
  readonly #names: readonly string[]
  /** By name, the option's bit. */
  readonly #bits: ReadonlyMap<string, number>

  /** `owner`: what takes the options, for errors. `none`: each of them, in the order of reading, at undefined. */
  constructor(owner: string, none: { readonly [K in keyof T]-?: undefined }) {
    this.#owner = owner
    this.none = none
    this.#names = Object.keys(none)
    this.#bits = new Map(this.#names.map((name, i) => [name, 1 << i]))
    assert(this.#names.length <= MAX_OPTIONS, `${owner} has ${MAX_OPTIONS} options at most`)
  }

  /** Names of all options, in the order of reading. */
  get names(): readonly string[] {
    return this.#names
  }

  /** Throws ERR_INVALID_ARG_TYPE for no object, ERR_INVALID_ARG_VALUE for a name that is none, what an accessor throws. */
  read(given: T, what = 'options'): Given<T> {
    if (typeof given !== 'object' || given === null || isArray(given)) {
      throw invalidArgType(what, 'of type object', given)
    }
    const prototype: unknown = getPrototypeOf(given)
    if (prototype !== null && prototype !== OBJECT_PROTOTYPE) this.#refuseInherited(given, what)
    let left = 0
    for (const name in given) {
      if (!hasOwn(given, name)) continue
      const bit = this.#bits.get(name)
      if (bit === undefined) throw this.#unknown(name, what)
      left |= bit
    }
    const options: Record<string, unknown> = { ...this.none }
    for (; left !== 0; left &= left - 1) {
      const name = this.#names[31 - clz32(left & -left)]!
      // The accessor of another may have taken it away.
      if (hasOwn(given, name)) options[name] = (given as Record<string, unknown>)[name]
    }
    return options as Given<T>
  }

  /** For an object with a prototype of its own: defaults that it was made from, a class. */
  #refuseInherited(given: object, what: string): void {
    for (let from = getPrototypeOf(given); from !== null; from = getPrototypeOf(from)) {
      // Another realm's Object.prototype is no different from ours.
      if (getPrototypeOf(from) === null && hasOwn(from, 'isPrototypeOf')) return
      for (const name of this.#names) {
        if (!hasOwn(from, name) || hasOwn(given, name)) continue
        const why = 'is inherited, and options are own properties: give a copy that has it'
        throw codeError(TypeError, 'ERR_INVALID_ARG_VALUE', `The property '${what}.${name}' ${why}`)
      }
    }
  }

  #unknown(name: string, what: string): Error {
    const nearest = nearestOf(name, this.#names)
    const known = nearest === undefined ? `it knows ${this.#names.join(', ')}` : `did you mean '${nearest}'?`
    const message = `The property '${what}.${name}' is no option of ${this.#owner}: ${known}`
    return codeError(TypeError, 'ERR_INVALID_ARG_VALUE', message)
  }
}

/** Options that Node is given, which it reads through their prototype: so they have none. */
export function forNode<T extends object>(options: T): T {
  return Object.assign(Object.create(null), options) as T
}

/** The name that takes the fewest edits, if they leave anything of it. */
function nearestOf(name: string, names: readonly string[]): string | undefined {
  let nearest: string | undefined
  let best = Number.POSITIVE_INFINITY
  for (const other of names) {
    const edits = editsBetween(name.toLowerCase(), other.toLowerCase())
    if (edits >= best || 2 * edits > Math.max(name.length, other.length)) continue
    best = edits
    nearest = other
  }
  return nearest
}

/** Insertions, deletions and replacements that make `b` of `a` (Levenshtein). */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
