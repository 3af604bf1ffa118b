/**
 * One ring on its owner thread. Owner thread only.
 *
 * Data, and no policy: what is done with it stands on higher floors. Counterpart: struct io_ring_ctx.
 */
import { IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_NO_SQARRAY, IORING_SETUP_R_DISABLED } from '../../../abi/constants.js'
import { storeRelease } from '../../../lib/barrier.js'
import { Fifo } from '../../../lib/fifo.js'
import { NONE } from '../../../lib/mpscq.js'
import { CTX } from './layout.js'
import { makeRings } from './rings.js'
import type { Timers } from './timers.js'

/** What a ring knows of drains. */
export interface Drain {
  /** A drain was seen, and every request that comes is held. */
  active: boolean
  /** A member behind the head of its chain asked: the first request behind the chain drains too. */
  next: boolean
  /** A request with IOSQE_CQE_SKIP_SUCCESS was seen, and drains are refused for good. */
  refused: boolean
  /** Requests and heads of chains, oldest first. */
  readonly held: Fifo<number>
  /** Requests held, members of chains included. */
  nrHeld: number
}

function newDrain(): Drain {
  return { active: false, next: false, refused: false, held: new Fifo(), nrHeld: 0 }
}

/** What a worker needs to find a ring. */
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
  /** sq.head and cq.tail as the owner has them, published in batches. */
  cachedSqHead = 0
  cachedCqTail = 0
  /** CQEs that found no room, four words each, oldest first. */
  readonly overflow = new Fifo<number>()
  eventfd = -1
  eventfdAsync = false
  disabled: boolean
  dying = false
  nrInflight = 0
  /** The chain being assembled in this enter call. */
  linkHead = NONE
  /** The SQE just issued has a path that cannot be read: the batch ends as where prep refuses one. */
  hasBadPath = false
  linkLast = NONE
  /** What IOSQE_IO_DRAIN holds back. */
  readonly drain = newDrain()
  /** Its timeouts, from the first one on. */
  timers: Timers | undefined
  /** The timer of the event loop that is set for the first of them, and for when. */
  alarm: { readonly dueMs: number; readonly timer: NodeJS.Timeout } | undefined
  /** Set when a completion that goes into the next batch came from io-wq. */
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

/** Its task work is run in enter with GETEVENTS alone. */
export function isDeferred(ctx: IoRingCtx): boolean {
  return (ctx.setupFlags & IORING_SETUP_DEFER_TASKRUN) !== 0
}
