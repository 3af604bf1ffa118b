/**
 * What owner, workers and the postmaster say to each other in shared words: who has mail, who wants some, who is gone.
 *
 * Arguments that go by message lie with a thread of their own, the postmaster, from the call on, for the owner may compute
 * and which worker takes the job nobody knows. That worker asks, and sleeps until there is a reply.
 *
 *   ask:   0 --worker--> what it wants --postmaster, or the owner where that died--> 0
 *   reply: 0 --the same--> the ask, or the ask with REFUSED: the worker claims from the owner, or has to do without
 *   held:  GONE --owner--> 1 … n --postmaster, idle for long, from 0 alone--> GONE
 *
 * A reply repeats the ask, so that one for a worker that died is no reply to the next in its seat; the mail itself may be
 * lost with it, as it is with any message to a worker that dies. Counterpart: none.
 */
import { cmpxchg, fetchAdd, futexWait, futexWake, loadAcquire, xchg } from '../../lib/barrier.js'
import { POOL, SEAT, type Space } from './record.js'

const HELD = POOL.at.post_held >> 2
const CALLS = POOL.at.post_calls >> 2
const ASK = SEAT.at.ask >> 2
const REPLY = SEAT.at.reply >> 2

/** POOL.post_held. */
export const POST_GONE = -1

/** What is wanted, in an ask's low bits. */
export const ASK_LETTER = 1
export const ASK_BUFFER = 2
const REFUSED = 3
/** A reply to nobody. */
const VOID = REFUSED
/** Beyond them nothing is asked for. */
export const NR_NUMBERS = 1 << 29
/** The wait wakes now and then, in case a wake-up is lost. */
const SLICE_MS = 1000

/** The words of a space that this is about. */
export type PostSpace = Pick<Space, 'words' | 'nrSlots' | 'seat'>

export function askFor(what: typeof ASK_LETTER | typeof ASK_BUFFER, number: number): number {
  return (number << 2) | what
}

/** Owner: there is none. */
export function initPost({ words }: PostSpace): void {
  xchg(words, HELD, POST_GONE)
}

/** Owner: a postmaster is about to start, and has something of one job. */
export function openPost({ words }: PostSpace): void {
  xchg(words, HELD, 1)
}

/** Owner: it is to have something of one job more, and stays for that. False if there is no postmaster. */
export function holdPost({ words }: PostSpace): boolean {
  for (let held = loadAcquire(words, HELD); held !== POST_GONE; ) {
    const was = cmpxchg(words, HELD, held, held + 1)
    if (was === held) return true
    held = was
  }
  return false
}

/** Owner: a job that was held is over. */
export function releasePost({ words }: PostSpace): void {
  // The postmaster touches the word at 0 alone, and nobody makes it GONE but it and the owner.
  if (loadAcquire(words, HELD) !== POST_GONE) fetchAdd(words, HELD, -1)
}

/** Jobs of which the postmaster has something. */
export function nrPostHeld({ words }: PostSpace): number {
  return Math.max(0, loadAcquire(words, HELD))
}

export function isPostGone({ words }: PostSpace): boolean {
  return loadAcquire(words, HELD) === POST_GONE
}

/** The postmaster is to look. */
export function ringPost({ words }: PostSpace): void {
  // Publishes what was posted; pairs with the postmaster's look at the word before it looks for asks.
  fetchAdd(words, CALLS, 1)
  futexWake(words, CALLS, 1)
}

/** Owner: the postmaster is to leave, or died; whoever asked is told. */
export function closePost(space: PostSpace): void {
  const { words } = space
  xchg(words, HELD, POST_GONE)
  for (let slot = 0; slot < space.nrSlots; slot++) {
    const seat = space.seat(slot)
    xchg(words, seat + ASK, 0)
    // It looks at the word above when it sees that this one has moved.
    xchg(words, seat + REPLY, VOID)
    futexWake(words, seat + REPLY, 1)
  }
  ringPost(space)
}

/** Worker: it sits down where one may have died that had asked. */
export function resetAsk({ words }: PostSpace, seat: number): void {
  xchg(words, seat + ASK, 0)
}

/** Worker: asks, and sleeps until there is a reply. False if nothing will come. */
export function askPost(space: PostSpace, seat: number, ask: number): boolean {
  const { words } = space
  xchg(words, seat + REPLY, 0)
  xchg(words, seat + ASK, ask)
  ringPost(space)
  for (;;) {
    const reply = loadAcquire(words, seat + REPLY)
    if (reply === ask) return true
    if (reply === (ask | REFUSED)) return false
    // After the reply was looked at: the last that one gives comes before it is gone.
    if (isPostGone(space)) return loadAcquire(words, seat + REPLY) === ask
    futexWait(words, seat + REPLY, reply, SLICE_MS)
  }
}

/** Postmaster: what it has seen of the calls; to be taken before it looks. */
export function postCalls({ words }: PostSpace): number {
  return loadAcquire(words, CALLS)
}

/**
 * Postmaster: replies to all asks. `give` sends a slot's worker what it asked for, or returns false; before the ask was
 * made, whatever the owner has for it had been posted.
 */
export function replyToAsks(space: PostSpace, give: (slot: number, what: number, number: number) => boolean): number {
  const { words } = space
  let count = 0
  for (let slot = 0; slot < space.nrSlots; slot++) {
    const seat = space.seat(slot)
    if (loadAcquire(words, seat + ASK) === 0) continue
    const ask = xchg(words, seat + ASK, 0)
    if (ask === 0) continue
    count++
    const isThere = give(slot, ask & REFUSED, ask >>> 2)
    // Publishes the message; pairs with the worker's wait on the word.
    xchg(words, seat + REPLY, isThere ? ask : ask | REFUSED)
    futexWake(words, seat + REPLY, 1)
  }
  return count
}

/** Postmaster: sleeps until there is a call after those it has seen. False if it is to leave, and no more will be held. */
export function sleepPost({ words }: PostSpace, seen: number, idleMs: number): boolean {
  if (loadAcquire(words, HELD) === POST_GONE) return false
  const ended = futexWait(words, CALLS, seen, idleMs)
  return ended !== 'timed-out' || cmpxchg(words, HELD, 0, POST_GONE) !== 0
}
