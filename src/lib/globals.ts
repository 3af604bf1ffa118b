/**
 * What Node provides on its global object and on `process`, as it was when this package was loaded. Any thread; each has
 * its own. It must stay the only file that takes them from there.
 *
 * A program may replace them at any time: tests put fake timers and clocks in their place, a job may do as it likes in its
 * thread. What turns the pool and the rings is to go on. Each is taken once a thread, however many copies of this file are
 * loaded and however late. What the language itself has (Array, Map, Promise and their prototypes) is taken as it is: who
 * replaces these replaces the language. Counterpart: Node's primordials.
 */
import { perThread } from './per-thread.js'

type Globals = typeof globalThis

function take<Name extends keyof Globals>(name: Name): Globals[Name] {
  return perThread(`globalThis.${name}`, () => globalThis[name])
}

// Each on its own and pure, so that a bundle loads none that it does not use.
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

/** For what is read of it, such as `env`; what is called has its own line here. */
export const process = /* @__PURE__ */ take('process')

type Process = typeof process

/** A function of `process`. None of these asks for `this`. */
function takeCall<Name extends 'nextTick' | 'hrtime' | 'emitWarning' | 'getActiveResourcesInfo'>(
  name: Name,
): Process[Name] {
  return perThread(`process.${name}`, () => process[name])
}

export const nextTick = /* @__PURE__ */ takeCall('nextTick')
export const hrtime = /* @__PURE__ */ takeCall('hrtime')
export const emitWarning = /* @__PURE__ */ takeCall('emitWarning')
export const getActiveResourcesInfo = /* @__PURE__ */ takeCall('getActiveResourcesInfo')
export const exit: (code?: number) => never = /* @__PURE__ */ perThread('process.exit', () =>
  process.exit.bind(process),
)

/** Hides the frames of a function, and of all that it called, from an error's stack. */
export const captureStackTrace = /* @__PURE__ */ perThread('Error.captureStackTrace', () => Error.captureStackTrace)
