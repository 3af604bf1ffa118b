/**
 * What a job threw, across threads: described on the worker, made again on the owner.
 *
 * Structured cloning keeps of an error its message and little more. A description keeps class (of those that JavaScript
 * itself has), name, message, code, stack, cause, the errors of an AggregateError, and own properties as far as they can
 * be copied; `omitted` names what could not. Errors are nodes of a list and refer to each other by number: one that is met
 * again is the same again, and a chain may be of any length. No counterpart.
 */
import { fileURLToPath } from 'node:url'
import { inspect } from 'node:util'
import { withStack } from '../../lib/error-props.js'
import { URL } from '../../lib/globals.js'
import { define, hidden, isPlainData, isPlainObject } from './shape.js'

/** The number of an error, or a value that is none. */
type Ref = number | { readonly value: unknown }

interface ErrorNode {
  readonly base: string
  readonly name: string
  readonly message: string
  readonly stack: string
  readonly cause: Ref | undefined
  readonly errors: Ref[] | undefined
  readonly props: Record<string, unknown> | undefined
  /** Errors among the properties: in which object, under which key, which. */
  readonly links: [holder: object, key: string, error: number][] | undefined
  readonly omitted: string[] | undefined
}

export interface Failure {
  /** Of the error thrown; undefined if it was none. */
  readonly name: string | undefined
  readonly thrown: Ref
  readonly nodes: ErrorNode[]
}

/** Errors that one description holds. */
const MAX_ERRORS = 10_000
/** Objects copied of the properties of all of them: of a socket among them nobody wants the rest. */
const MAX_OBJECTS = 1000
const MAX_DEPTH = 50
const HOPELESS = 'what cannot be described'
const MAX_OMITTED = 100
const OWN_PARTS = new Set(['name', 'message', 'stack', 'cause', 'errors'])

const BASES: Readonly<Record<string, ErrorConstructor>> = {
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
}

/** Describes what was thrown. Never throws for what accessors throw. */
export function describe(thrown: unknown): Failure {
  return new Description().of(thrown)
}

class Description {
  readonly #nodes: ErrorNode[] = []
  /** Errors by number, described up to the length of `#nodes`. */
  readonly #errors: Error[] = []
  readonly #numbers = new Map<object, number>()
  #nrObjects = 0

  of(thrown: unknown): Failure {
    const ref = this.#refTo(thrown) ?? { value: HOPELESS }
    if (typeof ref !== 'number' && ref.value === HOPELESS) return this.of(new Error(`a job threw ${HOPELESS}`))
    for (let i = 0; i < this.#errors.length; i++) this.#nodes.push(this.#describe(this.#errors[i]!))
    return { name: typeof ref === 'number' ? this.#nodes[ref]!.name : undefined, thrown: ref, nodes: this.#nodes }
  }

  /** Undefined where there is no room for one more error. */
  #refTo(value: unknown): Ref | undefined {
    if (!isError(value)) return { value: this.#valueOf(value) }
    const known = this.#numbers.get(value)
    if (known !== undefined) return known
    if (this.#errors.length === MAX_ERRORS) return undefined
    this.#numbers.set(value, this.#errors.length)
    return this.#errors.push(value) - 1
  }

  #describe(error: Error): ErrorNode {
    const name = textOf(() => error.name, 'Error')
    const message = textOf(() => error.message, 'its message cannot be described')
    const stack = read(() => error.stack)
    const cause = read(() => error.cause)
    const copy = new Copy(
      (inner) => this.#refTo(inner),
      () => this.#nrObjects++ < MAX_OBJECTS,
    )
    const props = copy.props(error)
    return {
      base: baseOf(error),
      name,
      message,
      stack: typeof stack === 'string' ? jobsStack(stack) : `${name}: ${message}`,
      cause: cause === undefined ? undefined : (this.#refTo(cause) ?? { value: 'one more error, left out' }),
      errors: error instanceof AggregateError ? this.#listOf(read(() => error.errors)) : undefined,
      props,
      links: copy.links.length > 0 ? copy.links : undefined,
      omitted: copy.omitted.length > 0 ? copy.omitted : undefined,
    }
  }

  #listOf(errors: unknown): Ref[] {
    if (!Array.isArray(errors)) return []
    const refs: Ref[] = []
    let nrLeft = 0
    for (let i = 0; i < errors.length; i++) {
      const ref = this.#refTo(read(() => errors[i] as unknown))
      if (ref === undefined) nrLeft++
      else refs.push(ref)
    }
    if (nrLeft > 0) refs.push({ value: `${nrLeft} more errors, left out` })
    return refs
  }

  #valueOf(value: unknown): unknown {
    if (typeof value === 'function' || typeof value === 'symbol') return String(value)
    if (read(() => isPlainData(value)) === true) return value
    // Of an instance the class is gone: its text says more.
    const isPlain = read(() => Array.isArray(value) || isPlainObject(value as object))
    if (isPlain !== true) return isPlain === false ? described(value) : HOPELESS
    const copy = new Copy(
      () => undefined,
      () => this.#nrObjects++ < MAX_OBJECTS,
    )
    const made = copy.copy(value, '', 0)
    if (made === undefined || typeof made !== 'object') return described(value)
    if (copy.omitted.length > 0) define(made as object, 'omitted', copy.omitted)
    return made
  }
}

/** A copy of properties, less what cannot be copied. */
class Copy {
  readonly links: [holder: object, key: string, error: number][] = []
  readonly omitted: string[] = []
  readonly #refTo: (error: Error) => Ref | undefined
  readonly #mayTake: () => boolean
  readonly #made = new Map<object, object>()

  constructor(refTo: (error: Error) => Ref | undefined, mayTake: () => boolean) {
    this.#refTo = refTo
    this.#mayTake = mayTake
  }

  props(error: Error): Record<string, unknown> | undefined {
    const props: Record<string, unknown> = {}
    const keys = (read(() => Object.keys(error)) ?? []).filter(
      (key) => !OWN_PARTS.has(key) || (key === 'errors' && !(error instanceof AggregateError)),
    )
    for (const key of keys) this.#put(props, error, key, key, 0)
    return Object.keys(props).length > 0 ? props : undefined
  }

  #put(to: object, from: object, key: string, path: string, depth: number): void {
    let value: unknown
    try {
      value = (from as Record<string, unknown>)[key]
    } catch {
      this.#omit(path)
      return
    }
    if (isError(value)) {
      const ref = this.#refTo(value)
      if (typeof ref === 'number') {
        define(to, key, null)
        this.links.push([to, key, ref])
      } else this.#omit(path)
      return
    }
    const made = this.copy(value, path, depth + 1)
    if (made !== undefined || value === undefined) define(to, key, made)
  }

  /** Undefined for what cannot be copied. */
  copy(value: unknown, path: string, depth: number): unknown {
    if (typeof value === 'function' || typeof value === 'symbol') return this.#omit(path)
    if (typeof value !== 'object' || value === null) return value
    const known = this.#made.get(value)
    if (known !== undefined) return known
    if (depth > MAX_DEPTH || !this.#mayTake()) return this.#omit(path)
    const isList = Array.isArray(value)
    if (!isList && !isRecord(value)) {
      // A Date, a Map, bytes: whole or not at all.
      return read(() => isPlainData(value)) === true ? value : this.#omit(path)
    }
    const made: object = isList ? [] : {}
    this.#made.set(value, made)
    for (const key of read(() => Object.keys(value)) ?? []) {
      this.#put(made, value, key, path === '' ? key : `${path}.${key}`, depth)
    }
    return made
  }

  #omit(path: string): undefined {
    if (this.omitted.length < MAX_OMITTED) this.omitted.push(path)
    else if (this.omitted.length === MAX_OMITTED) this.omitted.push('…')
  }
}

/** Plain, or an instance of a class that JavaScript code defines: its properties are what there is. */
function isRecord(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object Object]' && !(value instanceof Promise)
}

function read<T>(get: () => T): T | undefined {
  try {
    return get()
  } catch {
    return undefined
  }
}

function described(value: unknown): string {
  return read(() => inspect(value)) ?? HOPELESS
}

function textOf(get: () => unknown, otherwise: string): string {
  return read(() => String(get())) ?? otherwise
}

/** An error of another realm (node:vm) is no instance of this one's Error. */
function isError(value: unknown): value is Error {
  if (typeof value !== 'object' || value === null) return false
  return read(() => value instanceof Error || Object.prototype.toString.call(value) === '[object Error]') === true
}

function baseOf(error: Error): string {
  if (error instanceof DOMException) return 'DOMException'
  if (error instanceof AggregateError) return 'AggregateError'
  for (const base of Object.keys(BASES)) if (base !== 'Error' && error instanceof BASES[base]!) return base
  return 'Error'
}

/** What each frame of a stack begins with. */
export const FRAME = '    at '

const here = fileURLToPath(new URL('.', import.meta.url))
const root = here.replace(/dist\/(lib|src\/pool\/values)\/$/, '')
/** Code of this package, bundled, compiled, or as it was written where source maps are on. */
const OWN_DIRS = ['dist/lib/', 'dist/src/', 'src/'].map((dir) => root + dir)
const RUN_JOB = /^ {4}at .*[\\/]pool[\\/]worker[\\/](run-job|job-stores)\.[jt]s:/

function isOwn(line: string): boolean {
  if (RUN_JOB.test(line)) return true
  return OWN_DIRS.some((dir) => line.includes(dir)) && !/\b(sum-jobs|\w*\.test)\b/.test(line)
}

/** A stack's lines, the frames of this package left out. */
export function withoutOwn(lines: readonly string[]): string[] {
  return lines.filter((line) => !line.startsWith(FRAME) || !isOwn(line))
}

/** A job's frames: those of this package are left out, and what lies below the last of the job's own. */
export function jobsStack(stack: string): string {
  const lines = stack.split('\n')
  if (!lines.some(isOwn)) return stack
  const isJobs = (line: string) => line.startsWith(FRAME) && !isOwn(line) && !/\(?node:|\(<anonymous>\)$/.test(line)
  const last = lines.findLastIndex(isJobs)
  const end = last < 0 ? lines.findIndex(isOwn) : last + 1
  // Frames behind the call of a job, where there are none of its own above it.
  const called = lines.findIndex((line) => RUN_JOB.test(line))
  return lines
    .slice(0, called >= 0 && called < end ? called : end)
    .filter((line) => !isOwn(line))
    .join('\n')
}

/** What was thrown, made again. */
export function rebuild({ thrown, nodes }: Failure): unknown {
  const made = nodes.map(construct)
  const at = (ref: Ref): unknown => (typeof ref === 'number' ? made[ref] : ref.value)
  for (const [i, { name, stack, cause, errors, props, links, omitted }] of nodes.entries()) {
    const error = made[i]!
    for (const [holder, key, number] of links ?? []) define(holder, key, made[number])
    if (error.name !== name) hidden(error, 'name', name)
    if (cause !== undefined) hidden(error, 'cause', at(cause))
    if (errors !== undefined) hidden(error, 'errors', errors.map(at))
    withStack(error, stack)
    if (props !== undefined) for (const key of Object.keys(props)) define(error, key, props[key])
    if (omitted !== undefined) define(error, 'omitted', omitted)
  }
  return at(thrown)
}

function construct({ base, name, message }: ErrorNode): Error {
  if (base === 'DOMException') return new DOMException(message, name) as Error
  if (base === 'AggregateError') return new AggregateError([], message)
  return new (BASES[base] ?? Error)(message)
}
