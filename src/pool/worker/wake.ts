/**
 * Whether it is this worker that wakes an owner which sleeps in its event loop. Worker threads only.
 *
 * Counterpart: none.
 */
import { loadAcquire, xchg } from '../../lib/barrier.js'
import { POOL, type Space } from '../between/record.js'

const ARMED = POOL.at.armed >> 2

/** Only one edge wakes an idle owner: the one that takes the word to 0. Whoever calls this has pushed, or claimed, before. */
export function takesArmed({ words }: Space): boolean {
  return loadAcquire(words, ARMED) !== 0 && xchg(words, ARMED, 0) !== 0
}
