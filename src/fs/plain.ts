/**
 * Which arguments are plain: of the usual types, with nothing to be asked of the caller's code. Any thread.
 *
 * A call with plain arguments goes to the ring; any other is Node's own, and so are its errors. Nothing here throws or
 * runs code of the caller's: options with accessors, proxies and classes of the caller's own are not plain.
 */

import { MAX_RW_COUNT } from '../abi/limits.js'
import { OPEN_FLAGS } from '../driver/args.js'
import { builtin } from '../lib/builtin.js'
import { AbortSignal, Buffer, URL } from '../lib/globals.js'
import { bufferOf, bytesOf, isDetached, isResizable, isView, lengthOf } from '../lib/views.js'

const { types } = builtin('node:util')
/** IOV_MAX: more are several operations. */
const MAX_VIEWS = 1024
const { includes } = Uint8Array.prototype

/** The path for the ring; undefined if it is not plain. */
export function plainPath(path: unknown): string | Buffer | undefined {
  if (typeof path === 'string') return path.includes('\u0000') ? undefined : path
  if (types.isProxy(path) || typeof path !== 'object' || path === null) return undefined
  if (Buffer.isBuffer(path)) return includes.call(bytesOf(path), 0) ? undefined : path
  if (Object.getPrototypeOf(path) !== URL.prototype || Object.keys(path).length > 0) return undefined
  try {
    const name = builtin('node:url').fileURLToPath(path as URL)
    return name.includes('\u0000') ? undefined : name
  } catch {
    return undefined
  }
}

/** The flags of open(2); undefined for what Node is to refuse, or to read. */
export function plainFlags(flags: unknown): number | undefined {
  if (flags === undefined) return OPEN_FLAGS['r']
  if (typeof flags === 'number') return (flags | 0) === flags && flags >= 0 ? flags : undefined
  return typeof flags === 'string' && Object.hasOwn(OPEN_FLAGS, flags) ? OPEN_FLAGS[flags] : undefined
}

export function plainMode(mode: unknown, otherwise: number): number | undefined {
  if (mode === undefined) return otherwise
  return typeof mode === 'number' && (mode | 0) === mode && mode >= 0 && mode <= 0o7777 ? mode : undefined
}

/**
 * The values of an options object, by name; undefined if it is none, has others than `names`, or an accessor. Of undefined it
 * is empty.
 */
export function plainOptions(given: unknown, names: readonly string[]): Record<string, unknown> | undefined {
  if (given === undefined) return {}
  if (typeof given !== 'object' || given === null || types.isProxy(given)) return undefined
  const parent = Object.getPrototypeOf(given) as unknown
  if (parent !== Object.prototype && parent !== null) return undefined
  const values: Record<string, unknown> = {}
  for (const key of Reflect.ownKeys(given)) {
    if (typeof key !== 'string' || !names.includes(key)) return undefined
    const own = Object.getOwnPropertyDescriptor(given, key)!
    if (!('value' in own)) return undefined
    values[key] = own.value
  }
  return values
}

/** Whether a signal is Node's own, without anything of the caller's on it, and has not fired. */
export function isPlainSignal(signal: unknown): signal is AbortSignal | undefined {
  if (signal === undefined) return true
  if (typeof signal !== 'object' || signal === null || types.isProxy(signal)) return false
  const isNodes = Object.getPrototypeOf(signal) === AbortSignal.prototype && Object.keys(signal).length === 0
  return isNodes && !(signal as AbortSignal).aborted
}

export function isPlainEncoding(encoding: unknown): encoding is BufferEncoding | undefined | null {
  return encoding === undefined || encoding === null || (typeof encoding === 'string' && Buffer.isEncoding(encoding))
}

/** A view with memory of its own that stays, and holds something. */
export function isPlainView(view: unknown): view is NodeJS.ArrayBufferView {
  return (
    isView(view) &&
    !types.isProxy(view) &&
    lengthOf(view) > 0 &&
    !isResizable(bufferOf(view)) &&
    !isDetached(bufferOf(view))
  )
}

/** A place in a file for the ring, -1 for the file's own; undefined if it is not plain. */
export function plainPosition(position: unknown): number | undefined {
  if (position === undefined || position === null) return -1
  return typeof position === 'number' && Number.isSafeInteger(position) && position >= -1 ? position : undefined
}

/** The part of a view that a transfer is about, as the driver takes it. */
export interface Part {
  readonly view: NodeJS.ArrayBufferView
  readonly options: {
    readonly offset?: number
    readonly length?: number
    /** null: at the file's own position. */
    readonly position: number | null
  }
}

const PART = ['offset', 'length', 'position'] as const

/** (view, offset, length, position), or (view, { offset, length, position }); undefined if it is not plain. */
export function plainPart(view: unknown, offset: unknown, length: unknown, position: unknown): Part | undefined {
  if (!isPlainView(view)) return undefined
  if (typeof offset === 'object' && offset !== null) {
    const given = plainOptions(offset, PART)
    return given && partOf(view, given['offset'], given['length'], given['position'])
  }
  return partOf(view, offset, length, position)
}

function partOf(view: NodeJS.ArrayBufferView, offset: unknown, length: unknown, position: unknown): Part | undefined {
  const size = lengthOf(view)
  const from = offset ?? 0
  const count = length ?? (typeof from === 'number' ? size - from : undefined)
  const at = plainPosition(position)
  if (at === undefined || !isCount(from) || !isCount(count) || !isPart(from, count, size)) return undefined
  return { view, options: { offset: from, length: count, position: at < 0 ? null : at } }
}

/** A list of views that one operation takes. */
export function isPlainViews(views: unknown): views is NodeJS.ArrayBufferView[] {
  if (types.isProxy(views) || !Array.isArray(views) || views.length === 0 || views.length > MAX_VIEWS) return false
  let total = 0
  for (let i = 0; i < views.length; i++) {
    const own = Object.getOwnPropertyDescriptor(views, i)
    if (own === undefined || !('value' in own) || !isPlainView(own.value)) return false
    total += lengthOf(own.value)
  }
  return total <= MAX_RW_COUNT
}

/** Whether so many bytes from `offset` lie in a view of `size`, and one operation moves them. */
export function isPart(offset: number, length: number, size: number): boolean {
  return length > 0 && offset + length <= size && length <= MAX_RW_COUNT
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
