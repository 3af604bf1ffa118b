/**
 * What a ring's driver still has when all its operations have ended: nothing, or something was lost. For test builds. Runs
 * on the thread that made the ring.
 */
import { assert, VERIFY } from '../lib/assert.js'
import type { Order } from './order.js'
import type { Pieces } from './pieces.js'
import type { Slots } from './slots.js'

export interface AtRestParts {
  readonly slots: Slots
  readonly order: Order
  readonly pieces: Pieces
  readonly nrInflight: number
  readonly nrQueued: number
}

/** Asserts it in test builds. */
export function verifyAtRest({ slots, order, pieces, nrInflight, nrQueued }: AtRestParts): void {
  if (!VERIFY) return
  const left = {
    'operations in flight': nrInflight,
    'operations queued': nrQueued,
    'slots taken': slots.nrTaken,
    'calls in slots': slots.nrHeld,
    'files in use': order.nrBusyFiles,
    'pieces of memory lent': pieces.nrLent,
  }
  for (const [what, count] of Object.entries(left))
    assert(count === 0, `a ring without operations has ${count} ${what}`)
}
