/**
 * The end of a job whose caller sleeps: the settler leaves it here, and run-sync.ts looks. Owner thread only.
 */
import { stackOf, withStack } from '../../lib/error-props.js'
import { type Entry, fromCaller } from '../values/failure.js'
import { type Failure, FRAME, rebuild, withoutOwn } from '../values/thrown.js'

/** How a job ended whose caller is no promise. */
export class SyncOutcome {
  isDone = false
  #value: unknown
  #thrown: ((entry: Entry) => unknown) | undefined

  readonly resolve = (value: unknown): void => {
    // It was given up before this: nobody asks any more, and nobody is to be told.
    if (value instanceof Promise) value.catch(() => {})
    this.isDone = true
    this.#value = value
  }

  /** It rejects with an error of our own: its stack is the caller's. */
  fail(make: () => Error): void {
    this.isDone = true
    this.#thrown = (entry) => fromCaller(make(), entry)
  }

  /** It threw: the stack there goes on with the caller's. */
  threw(failure: Failure): void {
    this.isDone = true
    this.#thrown = () => {
      const thrown = rebuild(failure)
      const stack = thrown instanceof Error ? stackOf(thrown) : undefined
      if (stack === undefined) return thrown
      const frames =
        stackOf(new Error())
          ?.split('\n')
          .filter((line) => line.startsWith(FRAME)) ?? []
      return withStack(thrown as Error, [stack, ...withoutOwn(frames)].join('\n'))
    }
  }

  /** The job's result, or throws what it rejects with. `entry`: what its caller has called, and is inside of. */
  result(entry: Entry): unknown {
    if (this.#thrown === undefined) return this.#value
    throw this.#thrown(entry)
  }
}
