/**
 * Which word of its record a field of io-wq's tables is. Any thread; no state.
 *
 * A name is added to the first word of a record (`WqMemory`). Counterpart: offsetof.
 */
import { ACCT, ITEM, WORKER, WQ } from './layout.js'

// The pool.
export const MAX_RUNNING = WQ.at.max_running >> 2
export const PATIENCE_NS = WQ.at.patience_ns >> 2
export const WQ_STATE = WQ.at.state >> 2
export const AFFINITY_SEQ = WQ.at.affinity_seq >> 2
export const OWNER_WAIT = WQ.at.owner_wait >> 2

// An account.
export const LOCK = ACCT.at.lock >> 2
export const HEAD = ACCT.at.head >> 2
export const TAIL = ACCT.at.tail >> 2
export const NR_QUEUED = ACCT.at.nr_queued >> 2
export const STALLED = ACCT.at.stalled >> 2
export const FREE_HEAD = ACCT.at.free_head >> 2
export const NR_WORKERS = ACCT.at.nr_workers >> 2
export const MAX_WORKERS = ACCT.at.max_workers >> 2
export const MIN_WORKERS = ACCT.at.min_workers >> 2
export const NR_RUNNING = ACCT.at.nr_running >> 2
export const NR_WAKING = ACCT.at.nr_waking >> 2
export const ITEM_NS = ACCT.at.item_ns >> 2

// A worker's slot.
export const W_STATE = WORKER.at.state >> 2
export const W_FREE_NEXT = WORKER.at.free_next >> 2
export const W_ACCT = WORKER.at.acct >> 2
export const W_AFFINITY_SEQ = WORKER.at.affinity_seq >> 2
export const W_CURRENT = WORKER.at.current >> 2
export const W_SEQ = WORKER.at.work_seq >> 2
export const W_BLOCKED = WORKER.at.blocked >> 2
export const W_TID = WORKER.at.tid >> 2
export const W_SPINNING = WORKER.at.spinning >> 2
export const W_NR_ASYNC = WORKER.at.nr_async >> 2

// A work item.
export const NEXT = ITEM.at.next >> 2
export const PREV = ITEM.at.prev >> 2
/** In an item that is task work. */
export const PUSHED_SEQ = ITEM.at.prev >> 2
/** In the first and in the last item of a run, while they are queued. */
export const LAST = ITEM.at.tw_next >> 2
export const TW_NEXT = ITEM.at.tw_next >> 2
export const STATE = ITEM.at.state >> 2
export const FLAGS = ITEM.at.flags >> 2
export const BUCKET = ITEM.at.bucket >> 2
export const SEQ = ITEM.at.seq >> 2
export const QUEUE = ITEM.at.queue >> 2
