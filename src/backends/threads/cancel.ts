/**
 * ASYNC_CANCEL: match by user_data, fd, opcode or any. Owner thread only.
 *
 * What can be found is what io-wq holds, queued, running, or waiting for its file, and timeouts; members of a chain whose
 * turn has not come are not found, nor are limits, as in the kernel. Counterpart: io_uring/cancel.c.
 */
import {
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_ANY,
  IORING_ASYNC_CANCEL_FD,
  IORING_ASYNC_CANCEL_FD_FIXED,
  IORING_ASYNC_CANCEL_OP,
  IORING_ASYNC_CANCEL_USERDATA,
} from '../../abi/constants.js'
import { loadAcquire } from '../../lib/barrier.js'
import { EALREADY, EBADF, ECANCELED, EINVAL, ENOENT } from '../../lib/errno.js'
import { isOpenFd, isSameFile } from '../../sys/file.js'
import type { IoRingCtx, Tctx } from './ctx.js'
import { endTimeout } from './home.js'
import { POLL_CANCELED } from './layout.js'
import { takeWait } from './poll.js'
import {
  R_ADDR,
  R_CTX,
  R_FD,
  R_FILE_INDEX,
  R_GENERATION,
  R_HELD_FD,
  R_LEN,
  R_OFF,
  R_OP_FLAGS,
  R_OPCODE,
  R_POLL,
  R_USER_DATA,
} from './req.js'

const KNOWN =
  IORING_ASYNC_CANCEL_ALL |
  IORING_ASYNC_CANCEL_FD |
  IORING_ASYNC_CANCEL_ANY |
  IORING_ASYNC_CANCEL_FD_FIXED |
  IORING_ASYNC_CANCEL_USERDATA |
  IORING_ASYNC_CANCEL_OP

export function cancelPrep(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  const { words } = tctx.wq.mem
  if ((words[r + R_OFF]! | words[r + R_OFF + 1]! | words[r + R_FILE_INDEX]!) !== 0) return -EINVAL
  const flags = words[r + R_OP_FLAGS]!
  if ((flags & ~KNOWN) !== 0) return -EINVAL
  const any = (flags & IORING_ASYNC_CANCEL_ANY) !== 0
  return any && (flags & (IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP)) !== 0 ? -EINVAL : 0
}

/**
 * 0 or a count, -EALREADY for one that is running (it was told, and ends by itself), -ENOENT. With ALL the count is of
 * passes: one for all that was pending if none was running, and one for each that waited.
 */
export function cancelTryIssue(tctx: Tctx, ctx: IoRingCtx, _req: number, r: number): number {
  const { words } = tctx.wq.mem
  const flags = words[r + R_OP_FLAGS]!
  if ((flags & IORING_ASYNC_CANCEL_FD) !== 0) {
    // No file can be registered here, so a fixed one is never found.
    if ((flags & IORING_ASYNC_CANCEL_FD_FIXED) !== 0 || !isOpenFd(words[r + R_FD]!)) return -EBADF
  }
  const isMeant = (item: number) => matches(tctx, ctx, r, flags, item)
  const all = (flags & (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY)) !== 0
  const nrOrError = all ? cancelEach(tctx, isMeant) : cancelOne(tctx, isMeant)
  // Timeouts are of no file.
  if ((flags & IORING_ASYNC_CANCEL_FD) !== 0 || (!all && nrOrError === 0)) return nrOrError
  const nrTimeouts = cancelTimeouts(tctx, ctx, isMeant, all)
  if (all) return nrOrError + nrTimeouts
  return nrTimeouts > 0 ? 0 : nrOrError
}

function cancelTimeouts(tctx: Tctx, ctx: IoRingCtx, isMeant: (item: number) => boolean, all: boolean): number {
  const found = (ctx.timers?.timeouts() ?? []).filter(({ req }) => isMeant(req)).slice(0, all ? undefined : 1)
  for (const timeout of found) endTimeout(tctx, ctx, timeout, -ECANCELED)
  return found.length
}

function cancelOne(tctx: Tctx, isMeant: (item: number) => boolean): number {
  let isTaken = false
  const result = tctx.wq.cancelMatch((item) => {
    if (isTaken || !isMeant(item)) return false
    isTaken = takeWait(tctx.wq.mem.words, tctx.wq.mem.payload(item))
    return true
  }, false)
  if (isTaken || result === 'ok') return 0
  return result === 'running' ? -EALREADY : -ENOENT
}

function cancelEach(tctx: Tctx, isMeant: (item: number) => boolean): number {
  const { mem } = tctx.wq
  let nrTaken = 0
  tctx.wq.cancelMatch((item) => {
    if (!isMeant(item) || !takeWait(mem.words, mem.payload(item))) return false
    nrTaken++
    return true
  }, true)
  const isLeft = (item: number) => loadAcquire(mem.words, mem.payload(item) + R_POLL) !== POLL_CANCELED && isMeant(item)
  return nrTaken + (tctx.wq.cancelMatch(isLeft, true) === 'ok' ? 1 : 0)
}

function matches(tctx: Tctx, ctx: IoRingCtx, cancel: number, flags: number, item: number): boolean {
  const { words } = tctx.wq.mem
  const r = tctx.wq.mem.payload(item)
  if (words[r + R_CTX] !== ctx.id || words[r + R_GENERATION] !== ctx.generation) return false
  if ((flags & IORING_ASYNC_CANCEL_ANY) !== 0) return true
  if ((flags & IORING_ASYNC_CANCEL_FD) !== 0 && !isOnFile(words, r, words[cancel + R_FD]!)) return false
  if ((flags & IORING_ASYNC_CANCEL_OP) !== 0 && words[r + R_OPCODE] !== words[cancel + R_LEN]) return false
  const keyed = (flags & (IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP)) !== 0
  if (keyed && (flags & IORING_ASYNC_CANCEL_USERDATA) === 0) return true
  return words[r + R_USER_DATA] === words[cancel + R_ADDR] && words[r + R_USER_DATA + 1] === words[cancel + R_ADDR + 1]
}

/** Whether a request is on the file behind `fd`: the file is compared, not its number, where the kernel tells. */
function isOnFile(words: Int32Array, r: number, fd: number): boolean {
  const held = words[r + R_HELD_FD]!
  return (held >= 0 ? isSameFile(held, fd) : undefined) ?? words[r + R_FD] === fd
}

/** Cancels whatever a ring has in io-wq. For closing it. */
export function cancelAll(tctx: Tctx, ctx: IoRingCtx): void {
  const { words } = tctx.wq.mem
  tctx.wq.cancelMatch((item) => {
    const r = tctx.wq.mem.payload(item)
    return words[r + R_CTX] === ctx.id && words[r + R_GENERATION] === ctx.generation
  }, true)
}
