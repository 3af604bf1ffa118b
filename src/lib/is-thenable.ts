/**
 * Whether a value is a promise or a look-alike: what `await` waits for, of objects. Any thread; it reads `then` once.
 */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}
