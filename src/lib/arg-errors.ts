/**
 * Errors with Node's codes and in Node's words, for a caller's mistakes. Any thread.
 *
 * A program moved from node:fs sees the same text. Counterpart: Node's lib/internal/errors.js, which is not public.
 */
import { builtin } from './builtin.js'
import { stackOf, withHidden, withProps } from './error-props.js'
import { captureStackTrace } from './globals.js'

type ErrorClass = ErrorConstructor | TypeErrorConstructor | RangeErrorConstructor

/** An Error whose stack begins `TypeError [CODE]: message`, as Node's do. */
export function codeError(Base: ErrorClass, code: string, message: string): Error & { code: string } {
  const error = new Base(message)
  // The first line of a stack is fixed when the stack is captured: the code is added while the name has it.
  withHidden(error, 'name', `${error.name} [${code}]`)
  captureStackTrace(error, codeError)
  stackOf(error)
  delete (error as { name?: string }).name
  return withProps(error, { code })
}

/** `expected` completes "must be …": "of type number", "an instance of Buffer". */
export function invalidArgType(name: string, expected: string, value: unknown): Error {
  return codeError(TypeError, 'ERR_INVALID_ARG_TYPE', `The ${subject(name)} must be ${expected}.${received(value)}`)
}

export function invalidArgValue(name: string, value: unknown, reason = 'is invalid'): Error {
  const kind = name.includes('.') ? 'property' : 'argument'
  const message = `The ${kind} '${name}' ${reason}. Received ${inspect(value).slice(0, 128)}`
  return codeError(TypeError, 'ERR_INVALID_ARG_VALUE', message)
}

/** `range` completes "It must be …": "an integer", ">= 0 && <= 5". */
export function outOfRange(name: string, range: string, value: unknown): Error {
  const message = `The value of "${name}" is out of range. It must be ${range}. Received ${inspect(value)}`
  return codeError(RangeError, 'ERR_OUT_OF_RANGE', message)
}

/** Throws as Node's validateInteger does, unless the value is a whole number from `min` to `max`. */
export function checkInteger(value: number, name: string, min: number, max: number): void {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value)
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value)
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value)
}

function inspect(value: unknown, options?: { depth?: number; colors?: boolean }): string {
  return builtin('node:util').inspect(value, options)
}

function subject(name: string): string {
  return `"${name}" ${name.includes('.') ? 'property' : 'argument'}`
}

function received(value: unknown): string {
  if (value === null || value === undefined) return ` Received ${value}`
  if (typeof value === 'function') return ` Received function ${value.name}`
  if (typeof value === 'object') {
    const name = (value as object).constructor?.name
    return name ? ` Received an instance of ${name}` : ` Received ${inspect(value, { depth: -1 })}`
  }
  return ` Received type ${typeof value} (${inspect(value, { colors: false }).slice(0, 28)})`
}
