/**
 * What the rings of one thread share. Owner thread only.
 *
 * Counterpart: struct io_uring_task (tctx): one io-wq a thread.
 */
import { availableParallelism } from 'node:os'
import { URL } from '../../../lib/globals.js'
import { watchWriters } from '../../../lib/writers.js'
import { interruptThread } from '../../../sys/interrupt.js'
import { Wq } from '../../../wq/wq.js'
import { ByUserData } from './by-user-data.js'
import type { IoRingCtx } from './ctx.js'
import { CTX, MAX_REQS, MAX_RINGS, MAX_WORKERS, NR_BUCKETS, REQ, RINGS, watchedRing } from './layout.js'

const WORKER_ENTRY = new URL('../worker.js', import.meta.url)

export interface TctxHooks {
  /** A request was cancelled before it ran; `error`: because no worker could be started. */
  onCancelled(item: number, error?: Error): void
  /** A request's worker died. */
  onDied(item: number): void
  /** io-wq was repaired after a worker died, which may have pushed without a signal. */
  onRecovered(): void
}

/** What the rings of one thread share: the io-wq, the request table, the map of rings. */
export class Tctx {
  readonly wq: Wq
  readonly rings = new Map<number, IoRingCtx>()
  readonly byId: (IoRingCtx | undefined)[] = new Array(MAX_RINGS).fill(undefined)
  /** Copies of a request's arguments, kept alive until the request is freed. */
  readonly held: (Uint8Array | undefined)[] = []
  /** Requests that are in io-wq, or are its task work. */
  readonly byUserData = new ByUserData()
  /** Whether any of its rings ever had a timeout. */
  hasTimers = false
  /** Requests that the owner itself pushed: turns of a chain or behind a drain, ends of timeouts. */
  nrPushed = 0
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
        onRecovered: hooks.onRecovered,
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
    // One thread is both.
    watchWriters(['app', 'owner'], watchedRing(ctx.words, ctx.ctxWord))
    this.byId[ctx.id] = ctx
    this.wq.crew.broadcast(ctx.message())
  }

  /** Forgets a ring's fd. With the last ring the workers may leave, and their affinity ends, as in backends/kernel. */
  detach(ctx: IoRingCtx): void {
    this.rings.delete(ctx.fd)
    if (this.rings.size > 0) return
    this.wq.setExitOnIdle(true)
    this.wq.setAffinity(undefined)
  }
}
