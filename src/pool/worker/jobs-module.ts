/**
 * The module of jobs, as a worker finds it: loads it, looks functions up, runs its hooks. Worker threads only.
 *
 * Node loads what it can: ES modules, CommonJS, TypeScript where it strips types or a loader is there.
 */
import { process } from '../../lib/globals.js'
import type { ModuleHooks } from '../between/messages.js'
import { poolError, reasonOf } from '../values/failure.js'

export type JobFunction = (...args: unknown[]) => unknown

/** Characters of a name in an error: it may be anything that the program was fed with. */
const MAX_SHOWN = 200

type Exports = Record<string, unknown>

export class JobsModule {
  readonly #exports: Exports
  /** Why nothing can run here: every job then fails with it. */
  #failure: Error | undefined
  readonly #hooks: ModuleHooks

  private constructor(exports: Exports, failure: Error | undefined, hooks: ModuleHooks) {
    this.#exports = exports
    this.#failure = failure
    this.#hooks = hooks
  }

  /** Imports the module. Never rejects: what went wrong, find() throws. */
  static async load(href: string, hooks: ModuleHooks): Promise<JobsModule> {
    try {
      return new JobsModule((await import(href)) as Exports, undefined, hooks)
    } catch (error) {
      return new JobsModule({}, loadError(href, error), hooks)
    }
  }

  /** Runs the module's `init`, if it was loaded. Never rejects, as load(). */
  async setUp(): Promise<void> {
    const { init } = this.#hooks
    if (init === undefined || this.#failure !== undefined) return
    try {
      await hookOf(this.#exports, init)()
    } catch (error) {
      const message = `'${init}', which the module of jobs has for new workers, failed: ${reasonOf(error)}`
      this.#failure = poolError('ERR_URING_INIT', message, error)
    }
  }

  /** An exported function. Throws ERR_URING_NO_SUCH_JOB, ERR_URING_JOBS_MODULE, ERR_URING_INIT. */
  find(name: string): JobFunction {
    if (this.#failure !== undefined) throw this.#failure
    const found = lookUp(this.#exports, name)
    if (found === undefined) {
      const shown = name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}…` : name
      throw poolError('ERR_URING_NO_SUCH_JOB', `the module of jobs exports no function '${shown}'`)
    }
    return found
  }

  /** Runs the module's `teardown`, if it was set up at all. Rejects with ERR_URING_TEARDOWN. */
  async tearDown(): Promise<void> {
    const { teardown } = this.#hooks
    if (teardown === undefined || this.#failure !== undefined) return
    try {
      await hookOf(this.#exports, teardown)()
    } catch (error) {
      const message = `'${teardown}', which the module of jobs has for workers that leave, failed: ${reasonOf(error)}`
      throw poolError('ERR_URING_TEARDOWN', message, error)
    }
  }
}

/** A function by its name. What CommonJS exports is seen by name only where Node's lexer understood it. */
function lookUp(exports: Exports, name: string): JobFunction | undefined {
  const named = Object.hasOwn(exports, name) ? exports[name] : undefined
  if (typeof named === 'function') return named as JobFunction
  const whole = exports['default']
  if ((typeof whole !== 'object' && typeof whole !== 'function') || whole === null) return undefined
  const inside = Object.hasOwn(whole, name) ? (whole as Exports)[name] : undefined
  return typeof inside === 'function' ? (inside as JobFunction) : undefined
}

function hookOf(exports: Exports, name: string): JobFunction {
  const hook = lookUp(exports, name)
  if (hook === undefined) throw new Error(`the module exports no function '${name}'`)
  return hook
}

function loadError(href: string, error: unknown): Error {
  const isTypeScript =
    (error as { code?: unknown } | null)?.code === 'ERR_UNKNOWN_FILE_EXTENSION' && /\.[cm]?ts\b/.test(href)
  const why = isTypeScript
    ? `Node ${process.versions.node} does not load TypeScript by itself: use Node 22.18 or later, compile the file, or ` +
      `give the threads a loader, as in { execArgv: ['--import', './tsx.mjs'] } for a file that calls register() of 'tsx/esm/api'`
    : reasonOf(error)
  return poolError('ERR_URING_JOBS_MODULE', `the module of jobs cannot be loaded: ${why}`, error)
}
