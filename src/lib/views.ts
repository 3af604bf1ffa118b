/**
 * What a view of memory is, asked of itself: its bytes, its buffer, whether that may go away. Any thread.
 *
 * A view may have properties of its own, or a prototype that says something else; memory is touched where the view really
 * is. So the getters of the language are taken once, as this package is loaded. Counterpart: Node's primordials.
 */
const { isView } = ArrayBuffer
const { getPrototypeOf, getOwnPropertyDescriptor } = Object

type Getter<This, Value> = (of: This) => Value

/** A getter of a prototype, as a function of what it is asked of; undefined where the language has none yet. */
function getterOf<This, Value>(prototype: object, name: PropertyKey): Getter<This, Value> | undefined {
  const get = getOwnPropertyDescriptor(prototype, name)?.get
  return get === undefined ? undefined : (Function.prototype.call.bind(get) as Getter<This, Value>)
}

const TYPED = getPrototypeOf(Uint8Array.prototype) as object
const tag = getterOf<ArrayBufferView, string | undefined>(TYPED, Symbol.toStringTag)!
const typedLength = getterOf<ArrayBufferView, number>(TYPED, 'byteLength')!
const typedOffset = getterOf<ArrayBufferView, number>(TYPED, 'byteOffset')!
const typedBuffer = getterOf<ArrayBufferView, ArrayBufferLike>(TYPED, 'buffer')!
const dataLength = getterOf<ArrayBufferView, number>(DataView.prototype, 'byteLength')!
const dataOffset = getterOf<ArrayBufferView, number>(DataView.prototype, 'byteOffset')!
const dataBuffer = getterOf<ArrayBufferView, ArrayBufferLike>(DataView.prototype, 'buffer')!
const plainLength = getterOf<ArrayBufferLike, number>(ArrayBuffer.prototype, 'byteLength')!
const sharedLength = getterOf<ArrayBufferLike, number>(SharedArrayBuffer.prototype, 'byteLength')!
const resizable = getterOf<ArrayBufferLike, boolean>(ArrayBuffer.prototype, 'resizable')
const growable = getterOf<ArrayBufferLike, boolean>(SharedArrayBuffer.prototype, 'growable')

export { isView }

/** The ArrayBuffer, or the shared one, that a view is of. */
export function bufferOf(view: ArrayBufferView): ArrayBufferLike {
  return tag(view) === undefined ? dataBuffer(view) : typedBuffer(view)
}

/** How many bytes a view has; 0 for one whose buffer is gone. */
export function lengthOf(view: ArrayBufferView): number {
  if (tag(view) !== undefined) return typedLength(view)
  try {
    return dataLength(view)
  } catch {
    return 0
  }
}

/** Where in its buffer a view begins; 0 for one whose buffer is gone. */
export function offsetOf(view: ArrayBufferView): number {
  if (tag(view) !== undefined) return typedOffset(view)
  try {
    return dataOffset(view)
  } catch {
    return 0
  }
}

function isShared(buffer: ArrayBufferLike): boolean {
  try {
    plainLength(buffer)
    return false
  } catch {
    return true
  }
}

/** How many bytes a buffer has; 0 for one that is gone. */
export function bufferLength(buffer: ArrayBufferLike): number {
  return isShared(buffer) ? sharedLength(buffer) : plainLength(buffer)
}

/** Whether the buffer's memory may go away, or move its end, while it lives. */
export function isResizable(buffer: ArrayBufferLike): boolean {
  return (isShared(buffer) ? growable?.(buffer) : resizable?.(buffer)) === true
}

/** Node 20 has no `detached` property; no view can be made of a detached buffer. */
export function isDetached(buffer: ArrayBufferLike): boolean {
  if (bufferLength(buffer) !== 0) return false
  try {
    new Uint8Array(buffer)
    return false
  } catch {
    return true
  }
}

/** What a view has, to be read and written by fields. */
export function dataViewOf(view: ArrayBufferView): DataView {
  return new DataView(bufferOf(view), offsetOf(view), lengthOf(view))
}

/** A view's bytes, or part of them. */
export function bytesOf(view: ArrayBufferView, offset = 0, length = lengthOf(view) - offset): Uint8Array {
  return new Uint8Array(bufferOf(view), offsetOf(view) + offset, length)
}
