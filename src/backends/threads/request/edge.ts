/**
 * A worker's signal to a ring whose task-work queue it has made non-empty. Worker threads only.
 *
 * Counterpart: io_req_normal_work_add, which sets the flag and wakes.
 */
import { IORING_CQ_EVENTFD_DISABLED, IORING_SQ_TASKRUN } from '../../../abi/constants.js'
import { fetchOr, loadAcquire } from '../../../lib/barrier.js'
import { CQ_FLAGS, SQ_FLAGS } from '../state/words.js'

/** Sets IORING_SQ_TASKRUN. Returns the eventfd to signal; -1 if there is none, or it is muted. */
export function tellEdge(ring: Int32Array, eventfdWord: number): number {
  // The flag is set before the mute is read: the app unmutes before it reads the flag.
  fetchOr(ring, SQ_FLAGS, IORING_SQ_TASKRUN)
  const eventfd = loadAcquire(ring, eventfdWord)
  return eventfd >= 0 && (loadAcquire(ring, CQ_FLAGS) & IORING_CQ_EVENTFD_DISABLED) === 0 ? eventfd : -1
}
