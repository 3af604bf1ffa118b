/**
 * A request that does not end before it is told to. Main thread of a test file.
 */
import { read } from './fills.js'
import type { Stand } from './stand.js'

/** A read of one byte, with the result 1 once `end` was called. */
export function heldRead(stand: Stand) {
  const { readEnd, writeEnd } = stand.pipe()
  return { fill: read(readEnd, stand.alloc(1)), end: () => stand.write(writeEnd, 'x') }
}
