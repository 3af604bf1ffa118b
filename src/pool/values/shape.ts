/**
 * What a value is, as far as copying it between threads goes. Runs on the owner and on workers.
 *
 * Plain data (primitives, plain objects and arrays, Map, Set, Date, RegExp, Error, buffers and views) is serialised by
 * this folder. Everything else (a Blob, a KeyObject, a class instance, a function) is left to Node's own structured
 * cloning, which knows what it may do with it.
 */
import { types } from 'node:util'
import { Buffer } from '../../lib/globals.js'

interface ViewClass {
  readonly prototype: object
  over(buffer: ArrayBufferLike, byteOffset: number, byteLength: number): ArrayBufferView
}

type ViewConstructor = {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): ArrayBufferView
  readonly BYTES_PER_ELEMENT?: number
  readonly prototype: object
}

function viewClass(Class: ViewConstructor): ViewClass {
  const width = Class.BYTES_PER_ELEMENT ?? 1
  return {
    prototype: Class.prototype,
    over: (buffer, byteOffset, byteLength) => new Class(buffer, byteOffset, byteLength / width),
  }
}

const bufferClass: ViewClass = {
  prototype: Buffer.prototype,
  over: (buffer, byteOffset, byteLength) => Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength),
}

const float16 = (globalThis as { Float16Array?: ViewConstructor }).Float16Array

/** The classes of views, by the number they travel under. Owner and workers run one Node, so they agree. */
export const VIEW_CLASSES: readonly ViewClass[] = [
  viewClass(Uint8Array),
  bufferClass,
  viewClass(Float64Array),
  viewClass(Int32Array),
  viewClass(Uint32Array),
  viewClass(Float32Array),
  viewClass(Int8Array),
  viewClass(Uint8ClampedArray),
  viewClass(Int16Array),
  viewClass(Uint16Array),
  viewClass(BigInt64Array),
  viewClass(BigUint64Array),
  viewClass(DataView),
  ...(float16 === undefined ? [] : [viewClass(float16)]),
]

const viewTypes = new Map<object, number>(VIEW_CLASSES.map(({ prototype }, type) => [prototype, type]))

/** The number of a view's class; -1 for a subclass, or a view whose length may change. */
export function viewType(view: ArrayBufferView): number {
  const type = viewTypes.get(Object.getPrototypeOf(view) as object)
  return type === undefined || isResizable(view.buffer) ? -1 : type
}

function isResizable(buffer: ArrayBufferLike): boolean {
  const shape = buffer as { resizable?: boolean; growable?: boolean }
  return shape.resizable === true || shape.growable === true
}

const { isProxy } = types

export { isProxy }

/** As an own property, whatever is inherited: an assignment may meet a frozen prototype, or a setter. */
export function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true })
}

/** Defines a property that is not enumerable, as those of errors are. */
export function hidden<T extends object>(object: T, key: string, value: unknown): T {
  return Object.defineProperty(object, key, { value, configurable: true, writable: true, enumerable: false })
}

export function isPlainObject(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Whether an array has neither holes nor named properties. Its keys begin with the indexes: the last one is among them. */
export function isDense(array: readonly unknown[]): boolean {
  const { length } = array
  const keys = Object.keys(array)
  return keys.length === length && (length === 0 || keys[length - 1] === `${length - 1}`)
}

/** Classes whose instances V8's serialiser copies whole, without a look inside. */
const LEAVES = new Set<object | null>(
  [Date, RegExp, Boolean, Number, String, Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError].map(
    (Class) => Class.prototype as object,
  ),
)
LEAVES.add(URIError.prototype)
LEAVES.add(Object.getPrototypeOf(Object(0n)) as object)

/** Whether all of a value is plain data that nobody shares. Walks it; each object is visited once. */
export function isPlainData(value: unknown): boolean {
  try {
    return isPlain(value, new Set())
  } catch (error) {
    // Nested deeper than the stack allows: let structured cloning say what it makes of that.
    if (error instanceof RangeError) return false
    throw error
  }
}

function isPlain(value: unknown, met: Set<object>): boolean {
  if (typeof value !== 'object') return typeof value !== 'function' && typeof value !== 'symbol'
  if (value === null || met.has(value)) return true
  met.add(value)
  if (isProxy(value)) return false
  if (ArrayBuffer.isView(value)) return viewType(value) >= 0 && !(value.buffer instanceof SharedArrayBuffer)
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype === Object.prototype || prototype === null) {
    for (const key in value) if (!isPlain((value as Record<string, unknown>)[key], met)) return false
    return true
  }
  if (prototype === Array.prototype) {
    // Named properties are among them, and of one element and four billion holes the element alone.
    for (const element of Object.values(value)) if (!isPlain(element, met)) return false
    return true
  }
  if (prototype === Map.prototype) {
    for (const [k, v] of value as Map<unknown, unknown>) if (!isPlain(k, met) || !isPlain(v, met)) return false
    return true
  }
  if (prototype === Set.prototype) {
    for (const element of value as Set<unknown>) if (!isPlain(element, met)) return false
    return true
  }
  if (prototype === ArrayBuffer.prototype) return !isResizable(value as ArrayBuffer)
  return LEAVES.has(prototype)
}
