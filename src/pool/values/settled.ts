/**
 * Values whose accessors have been read. Runs on the owner and on workers.
 *
 * A value that one form has no room for is written in another, and each writer reads what it writes. What an accessor
 * gives may differ each time, or cost something: so before a second writer looks, they are read, in the order in which
 * structured cloning would. What only the first writer saw is the one reading too many: to look at each property before
 * it is read would cost every value what its own copy does. No counterpart.
 */
import { define, isPlainData, isPlainObject, isProxy } from './shape.js'

export interface Settled<T> {
  /** The value itself where it has no accessors, else a copy of what holds them. */
  readonly value: T
  /** isPlainData. */
  readonly isPlain: boolean
}

const OTHER = 1
const ACCESSORS = 2

/** Reads the accessors. Throws what they throw. */
export function settled<T>(value: T): Settled<T> {
  try {
    const found = survey(value, new Set())
    if ((found & ACCESSORS) === 0) return { value, isPlain: found === 0 }
    const copy = copyOf(value, new Map()) as T
    return { value: copy, isPlain: isPlainData(copy) }
  } catch (error) {
    // Nested deeper than the stack allows: structured cloning says what it makes of that.
    if (error instanceof RangeError && error.message === 'Maximum call stack size exceeded') {
      return { value, isPlain: false }
    }
    throw error
  }
}

/** What is in a value, without reading an accessor. */
function survey(value: unknown, met: Set<object>): number {
  if (typeof value !== 'object') return typeof value === 'function' || typeof value === 'symbol' ? OTHER : 0
  if (value === null || met.has(value)) return 0
  met.add(value)
  if (isProxy(value)) return OTHER
  if (Array.isArray(value) || isPlainObject(value)) return surveyKeys(value, met)
  if (value instanceof Map || value instanceof Set) {
    let found = Object.getPrototypeOf(value) === (value instanceof Map ? Map : Set).prototype ? 0 : OTHER
    for (const [key, inner] of value.entries()) found |= survey(key, met) | survey(inner, met)
    return found
  }
  return isPlainData(value) ? 0 : OTHER
}

function surveyKeys(value: object, met: Set<object>): number {
  let found = Array.isArray(value) && Object.getPrototypeOf(value) !== Array.prototype ? OTHER : 0
  const keys = Object.keys(value)
  for (let i = 0; i < keys.length; i++) {
    const property = Object.getOwnPropertyDescriptor(value, keys[i]!)!
    if (property.get !== undefined) return ACCESSORS
    const inner: unknown = property.value
    // Most are neither.
    if (typeof inner === 'number' || typeof inner === 'string') continue
    found |= survey(inner, met)
    if ((found & ACCESSORS) !== 0) return found
  }
  return found
}

function copyOf(value: unknown, made: Map<object, object>): unknown {
  if (typeof value !== 'object' || value === null || isProxy(value)) return value
  const known = made.get(value)
  if (known !== undefined) return known
  if (value instanceof Map) {
    const copy = new Map<unknown, unknown>()
    made.set(value, copy)
    for (const [key, inner] of [...value]) copy.set(copyOf(key, made), copyOf(inner, made))
    return copy
  }
  if (value instanceof Set) {
    const copy = new Set<unknown>()
    made.set(value, copy)
    for (const inner of [...value]) copy.add(copyOf(inner, made))
    return copy
  }
  const isList = Array.isArray(value)
  if (!isList && !isPlainObject(value)) return value
  const copy: object = isList ? new Array(value.length) : {}
  made.set(value, copy)
  for (const key of Object.keys(value)) {
    // One that was read before it may have taken this one away.
    if (Object.hasOwn(value, key)) define(copy, key, copyOf((value as Record<string, unknown>)[key], made))
  }
  return copy
}
