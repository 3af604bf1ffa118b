/**
 * Values that move instead of being copied, and tinypool's other marks. Any thread. Counterpart: tinypool's common module.
 */

const kMovable = Symbol('Tinypool.kMovable')
export const kTransferable: unique symbol = Symbol.for('Tinypool.transferable') as never
export const kValue: unique symbol = Symbol.for('Tinypool.valueOf') as never
export const kQueueOptions: unique symbol = Symbol.for('Tinypool.queueOptions') as never
// Fields of memory that tinypool's own threads share; nothing of ours lies there.
export const kRequestCountField = 0
export const kResponseCountField = 1
export const kFieldCount = 2

/** A value that says what of it moves, and what arrives. */
export interface Transferable {
  readonly [kTransferable]: object
  readonly [kValue]: object
}

/** Whether a value has both properties of a Transferable. */
export function isTransferable(value: unknown): value is Transferable {
  return value !== null && typeof value === 'object' && kTransferable in value && kValue in value
}

/** Whether a value is a Transferable that markMovable() or Tinypool.move() has marked, in any copy of the library. */
export function isMovable(value: unknown): value is Transferable {
  if (!isTransferable(value)) return false
  if ((value as { [kMovable]?: unknown })[kMovable] === true) return true
  const other = Object.getOwnPropertySymbols(value).find(({ description }) => description === kMovable.description)
  return other !== undefined && (value as unknown as Record<symbol, unknown>)[other] === true
}

/** Marks a Transferable as one to move. */
export function markMovable(value: object): void {
  Object.defineProperty(value, kMovable, { enumerable: false, configurable: true, writable: true, value: true })
}

/** A copy whose properties are own ones alone. */
export function withNullPrototype<T extends object>(source: T): T {
  return Object.assign(Object.create(null), source) as T
}

/** A marked Transferable of an ArrayBuffer, a MessagePort or a view; other values as they are. */
export function movable<T>(value: T): T | Transferable {
  if (value === null || typeof value !== 'object') return value
  const all: object = value
  const own: Transferable = isTransferable(all)
    ? all
    : { [kTransferable]: ArrayBuffer.isView(all) ? all.buffer : all, [kValue]: all }
  markMovable(own)
  return own
}
