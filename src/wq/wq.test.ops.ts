/** What wq.test.ts asks of its workers: an item's payload, and the operations. */

/** Words of a payload. */
export const OP = 0
export const A = 1
export const B = 2
export const RESULT = 3

/** Operations. `a` is a word of shared memory. */
export const NOOP = 0
/** Arrives at `a`, and waits until the word behind is set. */
export const HOLD = 1
/** Appends `b` to the log at `a`. */
export const NOTE = 2
/** Counts itself into the word at `a` for a while; the result is how many were in. */
export const INSIDE = 3
/** Spins until IO_WQ_WORK_CANCEL is set. */
export const WAIT_CANCEL = 4
export const DIE = 5
/** Dies as the holder of its account's lock. */
export const DIE_IN_LOCK = 6
/** Dies before the `b`-th ordered access from then on. */
export const DIE_IN_STEP = 7
/** From then on its worker waits at `a` with the item in hand, before it begins it, whose index + 1 the word `b` holds. */
export const HOLD_TAKEN = 8

export const ARRIVED = 0
export const RELEASED = 1
