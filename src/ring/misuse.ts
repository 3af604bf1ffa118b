/**
 * Errors for a ring that is used as it must not be: closed, or an SQE that is none. Runs on the app's thread.
 *
 * In C these are wild pointers; here they throw, with Node's codes and words, before anything is touched. Must not be
 * used for what the other side refuses: that is an errno. Counterpart: none.
 */
import { codeError, invalidArgType } from '../lib/arg-errors.js'

export function ringIsClosed(): Error {
  return codeError(Error, 'ERR_INVALID_STATE', 'Invalid state: the ring is closed')
}

/** Of the ring of buffers of a group. */
export function groupIsFreed(): Error {
  return codeError(Error, 'ERR_INVALID_STATE', 'Invalid state: the ring of buffers is freed')
}

/** Of a word where no SQE begins: what getSqe answers when the queue is full, first of all. */
export function noSqe(at: number, words: Int32Array): Error {
  const why =
    words.length === 0
      ? 'The ring is closed: it has no SQE any more'
      : 'It must be a word that getSqe returned, and not SQ_FULL: submit first'
  const message = `The value of "at" is out of range. ${why}. Received ${String(at)}`
  return codeError(RangeError, 'ERR_OUT_OF_RANGE', message)
}

/** Of a time to wait that is no number. */
export function noTime(time: unknown): Error {
  return invalidArgType('timeout', 'of type number', time)
}
