/**
 * The true properties of a view: its bytes, its buffer, whether that may go away. Any thread.
 *
 * A view's own properties, or its prototype, may misreport; memory is accessed where the view really is. So the
 * language's getters are copied once, as this package is loaded. Counterpart: Node's primordials.
 */
const { isView } = ArrayBuffer
const { getPrototypeOf, getOwnPropertyDescriptor } = Object

type Getter<This, Value> = (of: This) => Value

/** A getter of a prototype, as a function of the object; undefined if the language does not have it yet. */
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

/** A view's ArrayBuffer or SharedArrayBuffer. */
export function bufferOf(view: ArrayBufferView): ArrayBufferLike {
  return tag(view) === undefined ? dataBuffer(view) : typedBuffer(view)
}

/** A view's length in bytes; 0 if its buffer is detached. */
export function lengthOf(view: ArrayBufferView): number {
  if (tag(view) !== undefined) return typedLength(view)
  try {
    return dataLength(view)
  } catch {
    return 0
  }
}

/** A view's offset in its buffer; 0 if its buffer is detached. */
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

/** A buffer's length in bytes; 0 if it is detached. */
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

/** A view's memory as a DataView. */
export function dataViewOf(view: ArrayBufferView): DataView {
  return new DataView(bufferOf(view), offsetOf(view), lengthOf(view))
}

/** A view's bytes, or part of them. */
export function bytesOf(view: ArrayBufferView, offset = 0, length = lengthOf(view) - offset): Uint8Array {
  return new Uint8Array(bufferOf(view), offsetOf(view) + offset, length)
}
