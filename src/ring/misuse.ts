/**
 * Errors for a ring that is used as it must not be: closed, or an SQE that is none. Runs on the app's thread.
 *
 * In C these are wild pointers; here they throw, with Node's codes and words, before anything is touched. Must not be
 * used for what the other side refuses: that is an errno. Counterpart: none.
 */

/** ERR_INVALID_STATE, as the promise API says it too. */
export function ringIsClosed(): Error {
  return coded(new Error('Invalid state: the ring is closed'), 'ERR_INVALID_STATE')
}

/** ERR_INVALID_STATE, for the ring of buffers of a group. */
export function groupIsFreed(): Error {
  return coded(new Error('Invalid state: the ring of buffers is freed'), 'ERR_INVALID_STATE')
}

/** ERR_OUT_OF_RANGE, for a word where no SQE begins: what getSqe answers when the queue is full, first of all. */
export function noSqe(at: number, words: Int32Array): Error {
  const why =
    words.length === 0
      ? 'The ring is closed: it has no SQE any more'
      : 'It must be a word that getSqe returned, and not SQ_FULL: submit first'
  return coded(new RangeError(`The value of "at" is out of range. ${why}. Received ${String(at)}`), 'ERR_OUT_OF_RANGE')
}

/** ERR_INVALID_ARG_TYPE, for a time to wait that is no number. */
export function noTime(time: unknown): Error {
  const message = `The "timeout" argument must be of type number. Received ${String(time)}`
  return coded(new TypeError(message), 'ERR_INVALID_ARG_TYPE')
}

function coded(error: Error, code: string): Error {
  return Object.assign(error, { code })
}
