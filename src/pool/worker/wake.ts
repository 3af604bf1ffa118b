/**
 * Whether it is this worker that wakes an owner which sleeps in its event loop. Worker threads only.
 *
 * Counterpart: none.
 */
import { loadAcquire, xchg } from '../../lib/barrier.js'
import { ARMED, type Space } from '../between/record.js'

/** Only one edge wakes an idle owner: the one that takes the word to 0. Whoever calls this has pushed, or claimed, before. */
export function takesArmed({ words }: Space): boolean {
  return loadAcquire(words, ARMED) !== 0 && xchg(words, ARMED, 0) !== 0
}
