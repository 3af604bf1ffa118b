/**
 * A pool's own tables as the writer check wants them. Asked for by the owner and by each worker, in test builds.
 */
import type { Watched } from '../../lib/writers.js'
import { POOL, SEAT, type Space } from './record.js'

/** What may be written by the worker in `slot`; undefined: by the owner. */
export function watchedSpace(space: Space, slot?: number): Watched[] {
  const { words, nrSlots: count } = space
  return [
    { words, layout: POOL, baseWord: 0 },
    // Of SEAT.phase: whose seat it is, and the owner.
    {
      words,
      layout: SEAT,
      baseWord: space.seat(0),
      count,
      own: slot,
      holds: ({ record }) => slot === undefined || slot === record,
    },
  ]
}
