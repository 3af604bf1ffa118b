/**
 * The end of a job whose caller sleeps: the settler leaves it here, and run-sync.ts looks. Owner thread only.
 */
import { stackOf, withStack } from '../../lib/error-props.js'

/** How a job ended whose caller is no promise. */
export class SyncOutcome {
  isDone = false
  #value: unknown
  #makeError: (() => unknown) | undefined

  readonly resolve = (value: unknown): void => {
    // It was given up before this: nobody asks any more, and nobody is to be told.
    if (value instanceof Promise) value.catch(() => {})
    this.isDone = true
    this.#value = value
  }

  fail(makeError: () => unknown): void {
    this.isDone = true
    this.#makeError = makeError
  }

  /** The job's result, or throws what it threw; the stack goes on with the caller's. */
  result(): unknown {
    if (this.#makeError === undefined) return this.#value
    const thrown = this.#makeError()
    const stack = thrown instanceof Error ? stackOf(thrown) : undefined
    if (stack === undefined) throw thrown
    const here = stackOf(new Error())?.split('\n').slice(3).join('\n') ?? ''
    throw withStack(thrown as Error, `${stack}\n${here}`)
  }
}
