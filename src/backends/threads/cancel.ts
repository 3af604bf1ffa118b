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
  IOSQE_FIXED_FILE,
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
  R_SQE_FLAGS,
  R_USER_DATA,
} from './req.js'

/** What the flags of a cancel may be. */
export const CANCEL_FLAGS =
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
  if ((flags & ~CANCEL_FLAGS) !== 0) return -EINVAL
  const any = (flags & IORING_ASYNC_CANCEL_ANY) !== 0
  return any && (flags & (IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP)) !== 0 ? -EINVAL : 0
}

/** What is to be cancelled: the fields of an ASYNC_CANCEL, or of a struct io_uring_sync_cancel_reg. */
export interface Criteria {
  /** IORING_ASYNC_CANCEL_*. */
  readonly flags: number
  readonly userDataLow: number
  readonly userDataHigh: number
  readonly fd: number
  readonly opcode: number
}

export function cancelTryIssue(tctx: Tctx, ctx: IoRingCtx, _req: number, r: number): number {
  const { words } = tctx.wq.mem
  return cancelBy(tctx, ctx, {
    flags:
      words[r + R_OP_FLAGS]! | ((words[r + R_SQE_FLAGS]! & IOSQE_FIXED_FILE) !== 0 ? IORING_ASYNC_CANCEL_FD_FIXED : 0),
    userDataLow: words[r + R_ADDR]!,
    userDataHigh: words[r + R_ADDR + 1]!,
    fd: words[r + R_FD]!,
    opcode: words[r + R_LEN]!,
  })
}

/**
 * 0 or a count, -EALREADY for one that is running (it was told, and ends by itself), -ENOENT. With ALL the count is of
 * passes: one for all that was pending if none was running, and one for each that waits for its file. `taken` gets the request whose
 * wait was taken away, without ALL.
 */
export function cancelBy(tctx: Tctx, ctx: IoRingCtx, criteria: Criteria, taken: number[] = []): number {
  const { flags, fd } = criteria
  const isOfFile = (flags & IORING_ASYNC_CANCEL_FD) !== 0
  // No file can be registered here, so a fixed one is never found.
  if (isOfFile && ((flags & IORING_ASYNC_CANCEL_FD_FIXED) !== 0 || !isOpenFd(fd))) return -EBADF
  const isMeant = (item: number) => matches(tctx, ctx, criteria, item)
  const all = (flags & (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY)) !== 0
  const res = all ? cancelEach(tctx, isMeant) : cancelOne(tctx, isMeant, taken)
  // Timeouts are of no file.
  if (isOfFile || (!all && res === 0)) return res
  const nrTimeouts = cancelTimeouts(tctx, ctx, isMeant, all)
  if (all) return res + nrTimeouts
  return nrTimeouts > 0 ? 0 : res
}

function cancelTimeouts(tctx: Tctx, ctx: IoRingCtx, isMeant: (item: number) => boolean, all: boolean): number {
  const found = (ctx.timers?.timeouts() ?? []).filter(({ req }) => isMeant(req)).slice(0, all ? undefined : 1)
  for (const timeout of found) endTimeout(tctx, ctx, timeout, -ECANCELED)
  return found.length
}

function cancelOne(tctx: Tctx, isMeant: (item: number) => boolean, taken: number[]): number {
  const result = tctx.wq.cancelMatch((item) => {
    if (taken.length > 0 || !isMeant(item)) return false
    if (takeWait(tctx.wq.mem.words, tctx.wq.mem.payload(item))) taken.push(item)
    return true
  }, false)
  if (taken.length > 0 || result === 'ok') return 0
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

function matches(tctx: Tctx, ctx: IoRingCtx, criteria: Criteria, item: number): boolean {
  const { words } = tctx.wq.mem
  const r = tctx.wq.mem.payload(item)
  const { flags } = criteria
  if (words[r + R_CTX] !== ctx.id || words[r + R_GENERATION] !== ctx.generation) return false
  if ((flags & IORING_ASYNC_CANCEL_ANY) !== 0) return true
  if ((flags & IORING_ASYNC_CANCEL_FD) !== 0 && !isOnFile(words, r, criteria.fd)) return false
  if ((flags & IORING_ASYNC_CANCEL_OP) !== 0 && words[r + R_OPCODE] !== criteria.opcode) return false
  const keyed = (flags & (IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP)) !== 0
  if (keyed && (flags & IORING_ASYNC_CANCEL_USERDATA) === 0) return true
  return words[r + R_USER_DATA] === criteria.userDataLow && words[r + R_USER_DATA + 1] === criteria.userDataHigh
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
