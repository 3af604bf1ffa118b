/**
 * What errors of this package have besides their message. Any thread.
 *
 * Defined, never assigned: of `code`, `name` or `cause` a program's prototypes may have a frozen one, or an accessor.
 * Counterpart: none.
 */

const { defineProperty } = Object

/** Gives an error own properties as an assignment would make them. */
export function withProps<E extends Error, P extends object>(error: E, props: P): E & P {
  for (const key of Object.keys(props)) define(error, key, (props as Record<string, unknown>)[key], true)
  return error as E & P
}

/** Gives an error a property that is not enumerable, as `name` and `cause` are. */
export function withHidden<E extends object>(error: E, key: string, value: unknown): E {
  return define(error, key, value, false)
}

function define<E extends object>(error: E, key: string, value: unknown, enumerable: boolean): E {
  const property = { __proto__: null, value, enumerable, configurable: true, writable: true }
  return defineProperty(error, key, property)
}

/** Gives an error a stack of other words. */
export function withStack<E extends Error>(error: E, stack: string): E {
  // To define a property V8 looks at what it was, and so asks prepareStackTrace for it.
  if (stackOf(error) === undefined) delete (error as { stack?: string }).stack
  return withHidden(error, 'stack', stack)
}

/** An error's stack; undefined where it has none, or a program's Error.prepareStackTrace throws. */
export function stackOf(error: Error): string | undefined {
  try {
    const { stack } = error
    return typeof stack === 'string' ? stack : undefined
  } catch {
    return undefined
  }
}
