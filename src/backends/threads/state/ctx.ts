/**
 * One ring on its owner thread. Owner thread only.
 *
 * Data without policy: higher floors act on it. Counterpart: struct io_ring_ctx.
 */
import { IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_NO_SQARRAY, IORING_SETUP_R_DISABLED } from '../../../abi/constants.js'
import { storeRelease } from '../../../lib/barrier.js'
import { Fifo } from '../../../lib/fifo.js'
import { NONE } from '../../../lib/mpscq.js'
import { CTX } from './layout.js'
import { makeRings } from './rings.js'
import type { Timers } from './timers.js'

/** A ring's state of drains. */
export interface Drain {
  /** A drain was seen, and every new request is deferred. */
  active: boolean
  /** A member behind the head of its chain drains, so the first request behind the chain drains too. */
  next: boolean
  /** A request with IOSQE_CQE_SKIP_SUCCESS was seen, and drains are refused for good. */
  refused: boolean
  /** Deferred requests and heads of chains, oldest first. */
  readonly deferred: Fifo<number>
  /** Deferred requests, members of chains included. */
  nrDeferred: number
}

function newDrain(): Drain {
  return { active: false, next: false, refused: false, deferred: new Fifo(), nrDeferred: 0 }
}

/** The message by which a worker finds a ring. */
export interface RingMessage {
  readonly ctx: number
  readonly generation: number
  readonly rings: SharedArrayBuffer
  readonly ctxWord: number
}

export class IoRingCtx {
  readonly id: number
  readonly generation: number
  readonly fd: number
  readonly setupFlags: number
  readonly sqEntries: number
  readonly cqEntries: number
  readonly rings: SharedArrayBuffer
  readonly sqeBuffer: SharedArrayBuffer
  readonly words: Int32Array
  readonly sqes: Int32Array
  /** First word of the SQ index array, or NONE with IORING_SETUP_NO_SQARRAY. */
  readonly arrayWord: number
  readonly cqesWord: number
  readonly ctxWord: number
  /** The owner's sq.head and cq.tail, published in batches. */
  cachedSqHead = 0
  cachedCqTail = 0
  /** CQEs without room in the ring, four words each, oldest first. */
  readonly overflow = new Fifo<number>()
  eventfd = -1
  eventfdAsync = false
  disabled: boolean
  dying = false
  nrInflight = 0
  /** The chain being assembled in this enter call. */
  linkHead = NONE
  /** The SQE just issued has an unreadable path: the batch ends as after a refusal by prep. */
  hasBadPath = false
  linkLast = NONE
  /** Requests that IOSQE_IO_DRAIN defers. */
  readonly drain = newDrain()
  /** Its timeouts; made with the first one. */
  timers: Timers | undefined
  /** The event loop's timer for the first of them, and its time. */
  alarm: { readonly dueMs: number; readonly timer: NodeJS.Timeout } | undefined
  /** Set if a completion of the next batch came from io-wq. */
  batchAsync = false

  constructor(id: number, generation: number, fd: number, flags: number, sqEntries: number, cqEntries: number) {
    this.id = id
    this.generation = generation
    this.fd = fd
    this.setupFlags = flags
    this.disabled = (flags & IORING_SETUP_R_DISABLED) !== 0
    this.sqEntries = sqEntries
    this.cqEntries = cqEntries
    const made = makeRings(sqEntries, cqEntries, (flags & IORING_SETUP_NO_SQARRAY) === 0)
    this.rings = made.rings
    this.sqeBuffer = made.sqeBuffer
    this.words = made.words
    this.sqes = made.sqes
    this.cqesWord = made.cqesWord
    this.arrayWord = made.arrayWord
    this.ctxWord = made.ctxWord
    this.words[this.ctxWord + (CTX.at.generation >> 2)] = generation
    storeRelease(this.words, this.ctxWord + (CTX.at.eventfd >> 2), -1)
  }

  /** `fd` is the ring's own, a duplicate of the app's; -1 for none. */
  setEventfd(fd: number, asyncOnly: boolean): void {
    this.eventfd = fd
    this.eventfdAsync = asyncOnly
    // Workers signal it when they make the ring's task-work queue non-empty.
    storeRelease(this.words, this.ctxWord + (CTX.at.eventfd >> 2), fd)
  }

  message(): RingMessage {
    return { ctx: this.id, generation: this.generation, rings: this.rings, ctxWord: this.ctxWord }
  }
}

/** Whether only enter with GETEVENTS runs its task work. */
export function isDeferred(ctx: IoRingCtx): boolean {
  return (ctx.setupFlags & IORING_SETUP_DEFER_TASKRUN) !== 0
}
