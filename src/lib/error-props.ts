/**
 * Properties of this package's errors besides the message. Any thread.
 *
 * Properties are defined, never assigned: a program's prototypes may have a frozen `code`, `name` or `cause`, or an
 * accessor. Counterpart: none.
 */

const { defineProperty } = Object

/** Adds own properties to an error, as an assignment would. */
export function withProps<E extends Error, P extends object>(error: E, props: P): E & P {
  for (const key of Object.keys(props)) define(error, key, (props as Record<string, unknown>)[key], true)
  return error as E & P
}

/** Adds a property that is not enumerable, as `name` and `cause` are. */
export function withHidden<E extends object>(error: E, key: string, value: unknown): E {
  return define(error, key, value, false)
}

function define<E extends object>(error: E, key: string, value: unknown, enumerable: boolean): E {
  const property = { __proto__: null, value, enumerable, configurable: true, writable: true }
  return defineProperty(error, key, property)
}

/** Replaces an error's stack. */
export function withStack<E extends Error>(error: E, stack: string): E {
  // V8 reads a property's old value before it defines it, and so calls prepareStackTrace.
  if (stackOf(error) === undefined) delete (error as { stack?: string }).stack
  return withHidden(error, 'stack', stack)
}

/** An error's stack; undefined if it has none, or a program's Error.prepareStackTrace throws. */
export function stackOf(error: Error): string | undefined {
  try {
    const { stack } = error
    return typeof stack === 'string' ? stack : undefined
  } catch {
    return undefined
  }
}
