/**
 * ASYNC_CANCEL: match by user_data, fd, opcode or any. Owner thread only.
 *
 * A cancel finds timeouts, and requests in io-wq: queued, running, or waiting for their files. It finds neither members
 * of a chain whose turn has not come nor linked timeouts, as in the kernel. Counterpart: io_uring/cancel.c.
 */
import {
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_ANY,
  IORING_ASYNC_CANCEL_FD,
  IORING_ASYNC_CANCEL_FD_FIXED,
  IORING_ASYNC_CANCEL_OP,
  IORING_ASYNC_CANCEL_USERDATA,
  IOSQE_FIXED_FILE,
} from '../../../abi/constants.js'
import { EALREADY, EBADF, ECANCELED, EINVAL, ENOENT } from '../../../lib/errno.js'
import { NONE } from '../../../lib/mpscq.js'
import { isOpenFd, isSameFile } from '../../../sys/file.js'
import { acctOf, cancelRank } from '../../../wq/items.js'
import { ACCT_BOUND, type WqMemory } from '../../../wq/layout.js'
import { endTimeout } from '../request/timeouts.js'
import { keyOf } from '../state/by-user-data.js'
import type { IoRingCtx } from '../state/ctx.js'
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
  R_SQE_FLAGS,
  R_USER_DATA,
} from '../state/req.js'
import type { Tctx } from '../state/tctx.js'
import { isWaiting, takeWait } from './worker-wait.js'

/** The valid flags of a cancel. */
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

/** What to cancel: the fields of an ASYNC_CANCEL, or of a struct io_uring_sync_cancel_reg. */
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
 * 0 or a count, -EALREADY for a running request (it was notified, and ends by itself), -ENOENT. With ALL the count is
 * of passes: one for all pending requests if none was running, and one for each that waits for its file. Without ALL,
 * `taken` receives the request whose wait was taken away.
 */
export function cancelBy(tctx: Tctx, ctx: IoRingCtx, criteria: Criteria, taken: number[] = []): number {
  const { flags, fd } = criteria
  const isOfFile = (flags & IORING_ASYNC_CANCEL_FD) !== 0
  // Files cannot be registered here, so a fixed one is never found.
  if (isOfFile && ((flags & IORING_ASYNC_CANCEL_FD_FIXED) !== 0 || !isOpenFd(fd))) return -EBADF
  const all = (flags & (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY)) !== 0
  const res = all ? cancelEach(tctx, ctx, criteria) : cancelOne(tctx, ctx, criteria, taken)
  // Timeouts have no file.
  if (isOfFile || (!all && res === 0)) return res
  const nrTimeouts = cancelTimeouts(tctx, ctx, criteria, all)
  if (all) return res + nrTimeouts
  return nrTimeouts > 0 ? 0 : res
}

function cancelTimeouts(tctx: Tctx, ctx: IoRingCtx, criteria: Criteria, all: boolean): number {
  const { timers } = ctx
  if (timers === undefined) return 0
  const { flags, userDataLow, userDataHigh } = criteria
  const isNamed = isByUserData(flags)
  const candidates = isNamed ? timers.timeoutsBy(keyOf(ctx.id, userDataLow, userDataHigh)) : timers.timeouts()
  const found = candidates.filter(({ req }) => matches(tctx, ctx, criteria, req)).slice(0, all ? undefined : 1)
  for (const timeout of found) endTimeout(tctx, ctx, timeout, -ECANCELED)
  return found.length
}

/** The kernel's order: pending requests, bounded first; running ones; last, those that wait for their files. */
const PENDING_BOUND = 0
const PENDING_UNBOUND = 1
const IN_HAND = 2
const WAITING = 4

/** NONE for a request that a cancel does not find. */
function rankOf(mem: WqMemory, item: number): number {
  const rank = cancelRank(mem, item)
  if (rank === NONE) return NONE
  if (isWaiting(mem.words, mem.payload(item))) return WAITING
  if (rank > 0) return IN_HAND - 1 + rank
  return acctOf(mem, item) === ACCT_BOUND ? PENDING_BOUND : PENDING_UNBOUND
}

/**
 * Calls `visit` with candidates, in the order in which they went to io-wq if the cancel is by user_data; true ends it.
 */
function visitCandidates(tctx: Tctx, ctx: IoRingCtx, criteria: Criteria, visit: (item: number) => boolean): void {
  const { flags, userDataLow, userDataHigh } = criteria
  if (!isByUserData(flags)) {
    for (let item = 0; item < tctx.wq.nrTouched; item++) if (visit(item)) return
    return
  }
  const { byUserData } = tctx
  let item = byUserData.first(keyOf(ctx.id, userDataLow, userDataHigh))
  for (; item !== NONE; item = byUserData.next(item)) if (visit(item)) return
}

function cancelOne(tctx: Tctx, ctx: IoRingCtx, criteria: Criteria, taken: number[]): number {
  const { mem } = tctx.wq
  for (;;) {
    let [found, first] = [NONE, WAITING + 1]
    visitCandidates(tctx, ctx, criteria, (item) => {
      const rank = rankOf(mem, item)
      if (rank !== NONE && rank < first && matches(tctx, ctx, criteria, item)) [found, first] = [item, rank]
      return first === PENDING_BOUND
    })
    if (found === NONE) return -ENOENT
    if (takeWait(mem.words, mem.payload(found))) taken.push(found)
    const result = tctx.wq.cancel(found)
    if (taken.length > 0 || result === 'ok') return 0
    if (result === 'running') return -EALREADY
    // It has ended meanwhile: the cancel may mean another.
  }
}

function cancelEach(tctx: Tctx, ctx: IoRingCtx, criteria: Criteria): number {
  const { mem } = tctx.wq
  const byRank: number[][] = Array.from({ length: WAITING + 1 }, () => [])
  visitCandidates(tctx, ctx, criteria, (item) => {
    const rank = rankOf(mem, item)
    if (rank !== NONE && matches(tctx, ctx, criteria, item)) byRank[rank]!.push(item)
    return false
  })
  let [nrTaken, isPending, isRunning] = [0, false, false]
  for (const item of byRank.flat()) {
    // The end of one request may have ended another.
    if (rankOf(mem, item) === NONE || !matches(tctx, ctx, criteria, item)) continue
    const isTaken = takeWait(mem.words, mem.payload(item))
    const result = tctx.wq.cancel(item)
    if (isTaken) nrTaken++
    else if (result === 'running') isRunning = true
    else if (result === 'ok') isPending = true
  }
  return nrTaken + (isPending && !isRunning ? 1 : 0)
}

/** Whether the cancel means only requests with the given user_data. */
function isByUserData(flags: number): boolean {
  if ((flags & IORING_ASYNC_CANCEL_ANY) !== 0) return false
  const isKeyed = (flags & (IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP)) !== 0
  return !isKeyed || (flags & IORING_ASYNC_CANCEL_USERDATA) !== 0
}

function matches(tctx: Tctx, ctx: IoRingCtx, criteria: Criteria, item: number): boolean {
  const { words } = tctx.wq.mem
  const r = tctx.wq.mem.payload(item)
  const { flags } = criteria
  if (words[r + R_CTX] !== ctx.id || words[r + R_GENERATION] !== ctx.generation) return false
  if ((flags & IORING_ASYNC_CANCEL_ANY) !== 0) return true
  if ((flags & IORING_ASYNC_CANCEL_FD) !== 0 && !isOnFile(words, r, criteria.fd)) return false
  if ((flags & IORING_ASYNC_CANCEL_OP) !== 0 && words[r + R_OPCODE] !== criteria.opcode) return false
  if (!isByUserData(flags)) return true
  return words[r + R_USER_DATA] === criteria.userDataLow && words[r + R_USER_DATA + 1] === criteria.userDataHigh
}

/** Whether a request uses the file behind `fd`. Files are compared, not their numbers, if the kernel supports that. */
function isOnFile(words: Int32Array, r: number, fd: number): boolean {
  const held = words[r + R_HELD_FD]!
  return (held >= 0 ? isSameFile(held, fd) : undefined) ?? words[r + R_FD] === fd
}

/** Cancels all requests that a ring has in io-wq, for closing it. */
export function cancelAll(tctx: Tctx, ctx: IoRingCtx): void {
  const { words } = tctx.wq.mem
  tctx.wq.cancelMatch((item) => {
    const r = tctx.wq.mem.payload(item)
    return words[r + R_CTX] === ctx.id && words[r + R_GENERATION] === ctx.generation
  }, true)
}
