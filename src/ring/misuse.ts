/**
 * Errors for misuse of a ring: it is closed, or no SQE begins at a word. Runs on the app's thread.
 *
 * In C these are wild pointers; here they throw, with Node's codes and words, before anything is accessed. Refusals of
 * the other side are errnos and must not use them. Counterpart: none.
 */
import { codeError, invalidArgType } from '../lib/arg-errors.js'

export function ringIsClosed(): Error {
  return codeError(Error, 'ERR_INVALID_STATE', 'Invalid state: the ring is closed')
}

/** For a freed buffer ring. */
export function groupIsFreed(): Error {
  return codeError(Error, 'ERR_INVALID_STATE', 'Invalid state: the ring of buffers is freed')
}

/** For a word where no SQE begins, above all getSqe's answer when the queue is full. */
export function noSqe(at: number, words: Int32Array): Error {
  const why =
    words.length === 0
      ? 'The ring is closed: it has no SQE any more'
      : 'It must be a word that getSqe returned, and not SQ_FULL: submit first'
  const message = `The value of "at" is out of range. ${why}. Received ${String(at)}`
  return codeError(RangeError, 'ERR_OUT_OF_RANGE', message)
}

/** For a waiting time that is no number. */
export function noTime(time: unknown): Error {
  return invalidArgType('timeout', 'of type number', time)
}
