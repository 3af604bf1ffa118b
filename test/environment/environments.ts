/**
 * What a program, a test runner or a job may have made of the place that this package runs in. `before`: as the thread
 * starts, in each of its Workers as well; `after`: when the package, or in a worker the module of jobs, has been loaded.
 */
import { mock } from 'node:test'

export interface Environment {
  readonly when: 'before' | 'after'
  readonly flags?: readonly string[]
  readonly enter?: () => void
  /** Why the command does not run in it. */
  readonly noCommand?: string
}

const GLOBALS = [
  ...['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate', 'queueMicrotask'],
  ...['structuredClone', 'performance', 'process', 'Buffer', 'URL', 'URLSearchParams', 'TextEncoder', 'TextDecoder'],
  ...['AbortController', 'AbortSignal', 'MessageChannel', 'MessagePort', 'BroadcastChannel', 'Event', 'EventTarget'],
  ...['fetch', 'crypto', 'console', 'Atomics', 'Date'],
]
const NAMES = [
  ...['env', 'argv', 'execArgv', 'workerData', 'resourceLimits', 'stdout', 'stderr', 'init', 'teardown', 'keys', 'key'],
  ...['id', 'priority', 'unbounded', 'timeout', 'transfer', 'onProgress', 'queueLimit', 'histograms', 'affinity'],
  ...[
    'maxWorkers',
    'minWorkers',
    'spinUs',
    'concurrency',
    'ordered',
    'highWaterMark',
    'all',
    'node',
    'sysfs',
    'backend',
  ],
  ...['entries', 'cqEntries', 'lend', 'sqpoll', 'attachWq', 'wqFd'],
]

const set = (name: string, value: unknown) => Object.defineProperty(globalThis, name, { value, configurable: true })
const nothing = () => 1

/** Names of our options: what Node's own objects have is Node's business. */
function polluted(property: (name: string) => PropertyDescriptor): () => void {
  return () => {
    for (const name of NAMES) Object.defineProperty(Object.prototype, name, { configurable: true, ...property(name) })
  }
}

export const ENVIRONMENTS: Readonly<Record<string, Environment>> = {
  'as it is': { when: 'before' },
  'timers and dates of node:test': { when: 'after', enter: () => mock.timers.enable() },
  'clocks that stand and timers that never fire': {
    when: 'after',
    enter() {
      for (const name of GLOBALS.slice(0, 7)) set(name, nothing)
      class FakeDate extends Date {
        static override now = () => 0
      }
      set('Date', FakeDate)
      Object.assign(performance, { now: () => 0 })
      const hrtime = Object.assign(() => [0, 0], { bigint: () => 0n })
      for (const [name, value] of Object.entries({ hrtime, emitWarning: nothing, getActiveResourcesInfo: () => [1] })) {
        Object.defineProperty(process, name, { value, configurable: true, writable: true })
      }
    },
  },
  'no globals of Node': {
    when: 'after',
    enter() {
      for (const name of GLOBALS) delete (globalThis as Record<string, unknown>)[name]
    },
  },
  'other globals of Node': {
    when: 'after',
    enter() {
      const refuse = (name: string) => () => {
        throw new Error(`${name} was called`)
      }
      for (const name of ['exit', 'hrtime', 'emitWarning']) Object.assign(process, { [name]: refuse(name) })
      process.on('unhandledRejection', () => {})
      for (const name of GLOBALS) set(name, refuse(name))
    },
  },
  'other Atomics': {
    when: 'after',
    enter() {
      for (const name of Object.getOwnPropertyNames(Atomics))
        (Atomics as unknown as Record<string, unknown>)[name] = null
    },
  },
  'Object.prototype with properties': { when: 'before', enter: polluted((value) => ({ value, writable: true })) },
  'Object.prototype with properties that enumerate': {
    when: 'after',
    enter: polluted((value) => ({ value, enumerable: true, writable: true })),
  },
  'Object.prototype with accessors': {
    when: 'before',
    noCommand: 'commander keeps options in plain objects',
    enter: polluted((name) => ({ get: () => name, set: nothing })),
  },
  'an Object.prototype that thenables are made of': {
    when: 'before',
    enter: () => void Object.defineProperty(Object.prototype, 'then', { get: () => undefined }),
  },
  'Array.prototype with additions': {
    when: 'before',
    enter() {
      for (const name of ['last', 'contains', 'remove', 'each'])
        (Array.prototype as unknown as Record<string, unknown>)[name] = nothing
    },
  },
  'intrinsics frozen by Node': { when: 'before', flags: ['--frozen-intrinsics'] },
  'prototypes frozen by hand': {
    when: 'after',
    enter() {
      for (const it of [
        Object,
        Function,
        Array,
        Error,
        TypeError,
        RangeError,
        Promise,
        Map,
        Set,
        Uint8Array,
        Number,
        String,
      ]) {
        Object.freeze(it)
        Object.freeze(it.prototype)
      }
    },
  },
  'no __proto__': { when: 'before', flags: ['--disable-proto=delete'] },
  'a __proto__ that throws': { when: 'before', flags: ['--disable-proto=throw'] },
  'stacks that cannot be made': {
    when: 'before',
    enter() {
      Error.prepareStackTrace = () => {
        throw new Error('from prepareStackTrace')
      }
    },
  },
  'stacks without frames': {
    when: 'before',
    enter() {
      Error.stackTraceLimit = 0
    },
  },
  'no stacks': {
    when: 'after',
    enter() {
      Object.assign(Error, { stackTraceLimit: undefined, captureStackTrace: undefined })
    },
  },
}

/** The environment that the process was started for; undefined in a program that has none. */
export function enter(when: 'before' | 'after', name: string | undefined): void {
  const environment = name === undefined ? undefined : ENVIRONMENTS[name]
  if (environment?.when === when) environment.enter?.()
}
