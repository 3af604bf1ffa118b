/**
 * A job that returns what it got, as a module that exports it by name: for our Pool. Workers run it.
 */

export function echo<T>(value: T): T {
  return value
}
