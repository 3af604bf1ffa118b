/**
 * Assertions. Any thread, any floor.
 *
 * `assert` guards what must hold in every build: a failure means that this library is wrong, so it throws an error that
 * nothing in the library catches. `verify` is for checks that are too expensive for production; it runs where
 * URING_VERIFY=1. Neither is for the caller's mistakes (those throw with a Node error code) nor for a request's failure
 * (a CQE).
 */
import { process } from './globals.js'

export class AssertionError extends Error {
  override name = 'UringAssertionError'
  readonly code = 'ERR_URING_ASSERTION'
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(`uring: internal invariant broken: ${message}`)
}

/** True in test builds (URING_VERIFY=1): the expensive checks run. */
export const VERIFY = process.env['URING_VERIFY'] === '1'

export function verify(condition: () => boolean, message: string): void {
  if (VERIFY) assert(condition(), message)
}

export function unreachable(what: never, message: string): never {
  throw new AssertionError(`uring: unreachable: ${message}: ${String(what)}`)
}
