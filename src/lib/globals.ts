/**
 * What Node provides on its global object and on `process`, as it was when this package was loaded. Any thread; each
 * has its own copies. No other file may read it from there.
 *
 * A program may replace these at any time: tests install fake timers and clocks, a job may do anything in its thread.
 * The pool and the rings must go on. Each is copied once a thread, however many copies of this file are loaded and
 * however late. Objects of the language itself (Array, Map, Promise and their prototypes) are not copied: code that
 * replaces them replaces the language. Counterpart: Node's primordials.
 */
import { perThread } from './per-thread.js'

type Globals = typeof globalThis

function take<Name extends keyof Globals>(name: Name): Globals[Name] {
  return perThread(`globalThis.${name}`, () => globalThis[name])
}

// Each is a pure expression of its own, so that a bundle contains only those that it uses.
export const setTimeout = /* @__PURE__ */ take('setTimeout')
export const clearTimeout = /* @__PURE__ */ take('clearTimeout')
export const setInterval = /* @__PURE__ */ take('setInterval')
export const clearInterval = /* @__PURE__ */ take('clearInterval')
export const setImmediate = /* @__PURE__ */ take('setImmediate')
export const clearImmediate = /* @__PURE__ */ take('clearImmediate')
export const queueMicrotask = /* @__PURE__ */ take('queueMicrotask')
export const structuredClone = /* @__PURE__ */ take('structuredClone')
export const AbortController = /* @__PURE__ */ take('AbortController')
export const AbortSignal = /* @__PURE__ */ take('AbortSignal')
export const Buffer = /* @__PURE__ */ take('Buffer')
export const URL = /* @__PURE__ */ take('URL')

/** `process`, for properties that are read, such as `env`; each function has its own line here. */
export const process = /* @__PURE__ */ take('process')

type Process = typeof process

/** A function of `process`. None of these uses `this`. */
function takeCall<Name extends 'nextTick' | 'hrtime' | 'emitWarning' | 'memoryUsage' | 'getActiveResourcesInfo'>(
  name: Name,
): Process[Name] {
  return perThread(`process.${name}`, () => process[name])
}

export const nextTick = /* @__PURE__ */ takeCall('nextTick')
export const hrtime = /* @__PURE__ */ takeCall('hrtime')
export const emitWarning = /* @__PURE__ */ takeCall('emitWarning')
export const memoryUsage = /* @__PURE__ */ takeCall('memoryUsage')
export const getActiveResourcesInfo = /* @__PURE__ */ takeCall('getActiveResourcesInfo')
export const exit: (code?: number) => never = /* @__PURE__ */ perThread('process.exit', () =>
  process.exit.bind(process),
)

/** Hides the frames of a function, and of everything that it called, from an error's stack. */
export const captureStackTrace = /* @__PURE__ */ perThread('Error.captureStackTrace', () => Error.captureStackTrace)
