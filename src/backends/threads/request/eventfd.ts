/**
 * A ring's registered eventfd: signals and closes it. Owner thread only.
 *
 * Workers signal it too, when they make the ring's task-work queue non-empty (worker.ts). Counterpart:
 * io_uring/eventfd.c.
 */
import { IORING_CQ_EVENTFD_DISABLED } from '../../../abi/constants.js'
import { loadAcquire } from '../../../lib/barrier.js'
import { setTimeout } from '../../../lib/globals.js'
import { signal } from '../../../sys/loop.js'
import { closeAdopted } from '../../../sys/thread-fd.js'
import type { IoRingCtx } from '../state/ctx.js'
import type { Tctx } from '../state/tctx.js'
import { CQ_FLAGS } from '../state/words.js'

/** How often the owner checks whether a dropped eventfd may be closed. */
const GRACE_MS = 5

/** Signals the eventfd, which must be registered, unless the app has muted it. */
export function signalEventfd(ctx: IoRingCtx): void {
  if ((loadAcquire(ctx.words, CQ_FLAGS) & IORING_CQ_EVENTFD_DISABLED) === 0) signal(ctx.eventfd)
}

/**
 * Drops a ring's eventfd, and closes it once no worker can be about to signal it: the number may be another file's by
 * then.
 */
export function dropEventfd(tctx: Tctx, ctx: IoRingCtx): void {
  const fd = ctx.eventfd
  if (fd < 0) return
  ctx.setEventfd(-1, false)
  const isOver = tctx.wq.grace()
  const close = () => {
    if (isOver()) closeAdopted(fd)
    else setTimeout(close, GRACE_MS).unref()
  }
  close()
}
