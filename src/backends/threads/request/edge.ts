/**
 * What a worker tells a ring when it has made its task-work queue non-empty. Worker threads only.
 *
 * Counterpart: io_req_normal_work_add, which sets the flag and wakes.
 */
import { IORING_CQ_EVENTFD_DISABLED, IORING_SQ_TASKRUN } from '../../../abi/constants.js'
import { fetchOr, loadAcquire } from '../../../lib/barrier.js'
import { CQ_FLAGS, SQ_FLAGS } from '../state/words.js'

/** Sets IORING_SQ_TASKRUN. Returns the eventfd that is to be signalled; -1 for none, or for one that is muted. */
export function tellEdge(ring: Int32Array, eventfdWord: number): number {
  // Flag first, then the look at the mute: the app unmutes first, then looks at the flag.
  fetchOr(ring, SQ_FLAGS, IORING_SQ_TASKRUN)
  const eventfd = loadAcquire(ring, eventfdWord)
  return eventfd >= 0 && (loadAcquire(ring, CQ_FLAGS) & IORING_CQ_EVENTFD_DISABLED) === 0 ? eventfd : -1
}
