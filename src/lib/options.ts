/**
 * Options objects, read once: the one way in which this package reads options. Any thread.
 *
 * The options are what `{ ...options }` copies: own, enumerable properties. Each is read once, in the order of the
 * table, and all of them before anything else happens. So an accessor may call back in, and properties of a program's
 * Object.prototype are no options. An unknown name is refused. An inherited option is refused too, because it would be
 * ignored. Counterpart: Node's validators and kEmptyObject, and WebIDL's dictionaries, which read their members in a
 * fixed order.
 */
import { codeError, invalidArgType } from './arg-errors.js'
import { assert } from './assert.js'

/** Options as read: every name is there, absent ones as undefined. */
export type Given<T> = { readonly [K in keyof T]-?: T[K] | undefined }

const { hasOwn, getPrototypeOf, prototype: OBJECT_PROTOTYPE } = Object
const { isArray } = Array
const { clz32 } = Math
const MAX_OPTIONS = 31

export class OptionTable<T extends object> {
  /** No options. */
  readonly none: Given<T>
  readonly #owner: string
  readonly #names: readonly string[]
  /** The option's bit, by name. */
  readonly #bits: ReadonlyMap<string, number>
  readonly #makeNone: () => Record<string, unknown>

  /**
   * `owner`: the function that has the options, for errors. `makeNone`: each option, in the order of reading, as undefined;
   * a function of the table's own, for V8 makes an object quickly where all that are made have one shape.
   */
  constructor(owner: string, makeNone: () => { readonly [K in keyof T]-?: undefined }) {
    this.#owner = owner
    this.none = makeNone()
    this.#makeNone = makeNone
    this.#names = Object.keys(this.none)
    this.#bits = new Map(this.#names.map((name, i) => [name, 1 << i]))
    assert(this.#names.length <= MAX_OPTIONS, `${owner} has ${MAX_OPTIONS} options at most`)
  }

  /** Names of all options, in the order of reading. */
  get names(): readonly string[] {
    return this.#names
  }

  /**
   * Throws ERR_INVALID_ARG_TYPE for a non-object, ERR_INVALID_ARG_VALUE for an unknown name, and what an accessor
   * throws.
   */
  read(given: T, what = 'options'): Given<T> {
    if (typeof given !== 'object' || given === null || isArray(given)) {
      throw invalidArgType(what, 'of type object', given)
    }
    const prototype: unknown = getPrototypeOf(given)
    if (prototype !== null && prototype !== OBJECT_PROTOTYPE) this.#refuseInherited(given, what)
    let left = 0
    for (const name in given) {
      const bit = this.#bits.get(name)
      if (bit !== undefined) left |= bit
      else if (hasOwn(given, name)) throw this.#unknown(name, what)
    }
    const options = this.#makeNone()
    for (; left !== 0; left &= left - 1) {
      const name = this.#names[31 - clz32(left & -left)]!
      // It may be one of Object.prototype's, or another option's accessor have deleted it.
      if (hasOwn(given, name)) options[name] = (given as Record<string, unknown>)[name]
    }
    return options as Given<T>
  }

  /** For an object with a prototype of its own: made from defaults, or by a class. */
  #refuseInherited(given: object, what: string): void {
    for (let from = getPrototypeOf(given); from !== null; from = getPrototypeOf(from)) {
      // Another realm's Object.prototype counts as ours.
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

/** Options for Node, which would read them through their prototype: so they have none. */
export function forNode<T extends object>(options: T): T {
  return Object.assign(Object.create(null), options) as T
}

/** The name at the smallest edit distance, if that is at most half of the longer name. */
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
