/**
 * One ring on its owner thread, and the per-thread state that rings share. Owner thread only.
 *
 * Counterpart: struct io_ring_ctx, and struct io_uring_task (tctx): one io-wq a thread, shared by the thread's rings.
 */
import { availableParallelism } from 'node:os'
import { IORING_SQ_TASKRUN } from '../../../abi/constants.js'
import { CQE } from '../../../abi/cqe.js'
import { fetchOr, storeRelease } from '../../../lib/barrier.js'
import { setTimeout, URL } from '../../../lib/globals.js'
import { NONE } from '../../../lib/mpscq.js'
import { interruptThread } from '../../../sys/interrupt.js'
import { closeAdopted } from '../../../sys/thread-fd.js'
import { Wq } from '../../../wq/wq.js'
import { signalEventfd } from '../request/cqring.js'
import { newDrain } from '../request/drain.js'
import { ByUserData } from './by-user-data.js'
import { CTX, MAX_REQS, MAX_RINGS, MAX_WORKERS, NR_BUCKETS, REQ, RINGS } from './layout.js'
import type { Timers } from './timers.js'

const WORKER_ENTRY = new URL('../worker.js', import.meta.url)
/** How often it is looked whether an eventfd that was let go may be closed. */
const GRACE_MS = 5

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
  overflow: number[] = []
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
    const IORING_SETUP_R_DISABLED = 1 << 6
    const IORING_SETUP_NO_SQARRAY = 1 << 16
    this.id = id
    this.generation = generation
    this.fd = fd
    this.setupFlags = flags
    this.disabled = (flags & IORING_SETUP_R_DISABLED) !== 0
    this.sqEntries = sqEntries
    this.cqEntries = cqEntries
    const cqesEnd = RINGS.size + cqEntries * CQE.size
    const arrayEnd = cqesEnd + (flags & IORING_SETUP_NO_SQARRAY ? 0 : sqEntries * 4)
    const ctxAt = Math.ceil(arrayEnd / 64) * 64
    this.rings = new SharedArrayBuffer(ctxAt + CTX.size)
    this.sqeBuffer = new SharedArrayBuffer(sqEntries * 64)
    this.words = new Int32Array(this.rings)
    this.sqes = new Int32Array(this.sqeBuffer)
    this.cqesWord = RINGS.size >> 2
    this.arrayWord = flags & IORING_SETUP_NO_SQARRAY ? NONE : cqesEnd >> 2
    this.ctxWord = ctxAt >> 2
    const { words } = this
    words[RINGS.at.sq_ring_mask >> 2] = sqEntries - 1
    words[RINGS.at.cq_ring_mask >> 2] = cqEntries - 1
    words[RINGS.at.sq_ring_entries >> 2] = sqEntries
    words[RINGS.at.cq_ring_entries >> 2] = cqEntries
    words[this.ctxWord + (CTX.at.generation >> 2)] = generation
    storeRelease(words, this.ctxWord + (CTX.at.eventfd >> 2), -1)
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

export interface TctxHooks {
  /** A request was cancelled before it ran; `error`: because no worker could be started for it. */
  onCancelled(item: number, error?: Error): void
  /** A request's worker died. */
  onDied(item: number): void
}

/** What the rings of one thread share: the io-wq, the request table, the map of rings. */
export class Tctx {
  readonly wq: Wq
  readonly rings = new Map<number, IoRingCtx>()
  readonly byId: (IoRingCtx | undefined)[] = new Array(MAX_RINGS).fill(undefined)
  /** Memory that a request's copied-in arguments live in, kept alive until it is freed. */
  readonly held: (Uint8Array | undefined)[] = []
  /** Requests that are in io-wq, or come home from there. */
  readonly byUserData = new ByUserData()
  /** Whether any of its rings ever had a timeout. */
  hasTimers = false
  /** What the owner itself sent home: turns of a chain or behind a drain, ends of timeouts. */
  nrSentHome = 0
  #generation = 0

  constructor(firstSqEntries: number, hooks: TctxHooks) {
    this.wq = new Wq({
      nrSlots: MAX_WORKERS,
      nrQueues: MAX_RINGS,
      nrBuckets: NR_BUCKETS,
      nrItems: MAX_REQS,
      payloadBytes: REQ.size,
      payloadHash: REQ.hash ^ CTX.hash ^ RINGS.hash,
      workerEntry: WORKER_ENTRY,
      workerData: () => ({ rings: this.byId.filter((ctx) => ctx !== undefined).map((ctx) => ctx.message()) }),
      // DIFFERS: the unbounded limit is the number of worker slots, not RLIMIT_NPROC.
      maxWorkers: [Math.min(firstSqEntries, 4 * availableParallelism()), MAX_WORKERS - 4 * availableParallelism()],
      hooks: {
        onCancelled: hooks.onCancelled,
        onDied: (item) => {
          hooks.onDied(item)
          return true
        },
        interrupt: (_slot, tid) => interruptThread(tid),
        onRecovered: () => this.#tellAll(),
      },
    })
  }

  /** A free ring index and a generation that was never used with it; NONE when all are in use. */
  claimId(): [id: number, generation: number] {
    this.#generation++
    return [this.byId.indexOf(undefined), this.#generation]
  }

  attach(ctx: IoRingCtx): void {
    this.wq.setExitOnIdle(false)
    this.rings.set(ctx.fd, ctx)
    this.byId[ctx.id] = ctx
    this.wq.crew.broadcast(ctx.message())
  }

  /**
   * Takes a ring's eventfd away, and closes it once no worker can be about to signal it: its number may be another
   * file's by then.
   */
  dropEventfd(ctx: IoRingCtx): void {
    const fd = ctx.eventfd
    if (fd < 0) return
    ctx.setEventfd(-1, false)
    const isOver = this.wq.grace()
    const close = () => {
      if (isOver()) closeAdopted(fd)
      else setTimeout(close, GRACE_MS).unref()
    }
    close()
  }

  /** After a worker died it may have pushed without a signal: tells every ring that has something to run. */
  #tellAll(): void {
    for (const ctx of this.rings.values()) {
      if (this.wq.isQueueEmpty(ctx.id)) continue
      fetchOr(ctx.words, RINGS.at.sq_flags >> 2, IORING_SQ_TASKRUN)
      if (ctx.eventfd >= 0) signalEventfd(ctx)
    }
  }

  /** Forgets a ring's fd. The last one to go lets the workers go too, and ends their affinity, as backends/kernel does. */
  detach(ctx: IoRingCtx): void {
    this.rings.delete(ctx.fd)
    if (this.rings.size > 0) return
    this.wq.setExitOnIdle(true)
    this.wq.setAffinity(undefined)
  }
}
