/**
 * IORING_REGISTER_EVENTFD, _EVENTFD_ASYNC, IORING_UNREGISTER_EVENTFD. Owner thread only.
 *
 * Counterpart: io_eventfd_register, io_eventfd_unregister.
 */
import { readlinkSync } from 'node:fs'
import { EBADF, EBUSY, EFAULT, EINVAL, ENXIO } from '../../../lib/errno.js'
import { dataViewOf } from '../../../lib/views.js'
import { duplicateFd, isOpenFd } from '../../../sys/file.js'
import { adoptFd } from '../../../sys/thread-fd.js'
import { dropEventfd } from '../request/eventfd.js'
import type { IoRingCtx } from '../state/ctx.js'
import type { Tctx } from '../state/tctx.js'

const FD_BYTES = 4

export function registerEventfd(_tctx: Tctx, ctx: IoRingCtx, arg: Uint8Array | null, nrArgs: number): number {
  return register(ctx, arg, nrArgs, false)
}

/** Registers an eventfd that is signalled only for a batch with a completion from io-wq. */
export function registerEventfdAsync(_tctx: Tctx, ctx: IoRingCtx, arg: Uint8Array | null, nrArgs: number): number {
  return register(ctx, arg, nrArgs, true)
}

export function unregisterEventfd(tctx: Tctx, ctx: IoRingCtx, arg: Uint8Array | null, nrArgs: number): number {
  if (arg !== null || nrArgs !== 0) return -EINVAL
  if (ctx.eventfd < 0) return -ENXIO
  dropEventfd(tctx, ctx)
  return 0
}

function register(ctx: IoRingCtx, arg: Uint8Array | null, nrArgs: number, asyncOnly: boolean): number {
  if (nrArgs !== 1) return -EINVAL
  if (ctx.eventfd >= 0) return -EBUSY
  if (arg === null || arg.length < FD_BYTES) return -EFAULT
  const fd = dataViewOf(arg).getInt32(0, true)
  if (!isOpenFd(fd)) return -EBADF
  if (!isEventfd(fd)) return -EINVAL
  // The ring keeps the file, even if the app closes its fd.
  const copy = duplicateFd(fd)
  const own = copy < 0 ? copy : adoptFd(copy)
  if (own < 0) return own
  ctx.setEventfd(own, asyncOnly)
  return 0
}

/** Also true without /proc. */
function isEventfd(fd: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`) === 'anon_inode:[eventfd]'
  } catch {
    return true
  }
}
