/**
 * Errors with Node's codes, for what a caller gets wrong. Any thread.
 *
 * Messages are Node's own, so that a program moved from node:fs sees the same text. Counterpart: Node's
 * lib/internal/errors.js, which is not public.
 */
import { codeError } from '../lib/arg-errors.js'
import { withProps } from '../lib/error-props.js'

export { checkInteger, invalidArgType, invalidArgValue, outOfRange } from '../lib/arg-errors.js'

export function invalidState(message: string): Error {
  return codeError(Error, 'ERR_INVALID_STATE', `Invalid state: ${message}`)
}

export function chainTooLong(max: number): Error {
  return codeError(
    RangeError,
    'ERR_URING_CHAIN_TOO_LONG',
    `A chain of linked operations holds at most ${max}: open the ring with more entries`,
  )
}

/** Node's AbortError: name AbortError, code ABORT_ERR, the signal's reason as its cause. */
export function abortError(signal: AbortSignal | undefined): Error {
  const error = new Error('The operation was aborted', { cause: reasonOf(signal) })
  return withProps(error, { name: 'AbortError', code: 'ABORT_ERR' })
}

/** A signal may have a getter of its own for it, and that throw. */
function reasonOf(signal: AbortSignal | undefined): unknown {
  try {
    return signal?.reason
  } catch (error) {
    return error
  }
}
