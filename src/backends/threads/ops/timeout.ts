/**
 * TIMEOUT, TIMEOUT_REMOVE, LINK_TIMEOUT. Prepared and issued on the owner thread; no worker runs them.
 *
 * wait/expiry.ts ends timeouts that are up, request/timeouts.ts those that are met or removed. Counterpart:
 * io_uring/timeout.c.
 */
import {
  IORING_LINK_TIMEOUT_UPDATE,
  IORING_OP_LINK_TIMEOUT,
  IORING_TIMEOUT_ABS,
  IORING_TIMEOUT_BOOTTIME,
  IORING_TIMEOUT_CLOCK_MASK,
  IORING_TIMEOUT_ETIME_SUCCESS,
  IORING_TIMEOUT_MULTISHOT,
  IORING_TIMEOUT_REALTIME,
  IORING_TIMEOUT_UPDATE,
  IORING_TIMEOUT_UPDATE_MASK,
  IOSQE_FIXED_FILE,
} from '../../../abi/constants.js'
import { CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_REALTIME } from '../../../abi/process.js'
import { nowMs } from '../../../lib/clock.js'
import { ECANCELED, EFAULT, EINVAL, ENOENT } from '../../../lib/errno.js'
import { NONE } from '../../../lib/mpscq.js'
import { clockMs } from '../../../sys/clock.js'
import { copyIn } from '../../../sys/memory.js'
import { committedTail } from '../request/cqring.js'
import { endTimeout } from '../request/timeouts.js'
import { keyOf } from '../state/by-user-data.js'
import type { IoRingCtx } from '../state/ctx.js'
import { PENDING } from '../state/op.js'
import {
  bufIndex,
  R_ADDR,
  R_FILE_INDEX,
  R_LEN,
  R_OFF,
  R_OP_FLAGS,
  R_OPCODE,
  R_SQE_FLAGS,
  R_USER_DATA,
  u64,
} from '../state/req.js'
import type { Tctx } from '../state/tctx.js'
import { type Timeout, Timers } from '../state/timers.js'
import { S_ADDR3, S_PAD2 } from '../state/words.js'

const KNOWN = IORING_TIMEOUT_ABS | IORING_TIMEOUT_CLOCK_MASK | IORING_TIMEOUT_ETIME_SUCCESS | IORING_TIMEOUT_MULTISHOT
const SHOTS_OF_A_POINT = IORING_TIMEOUT_ABS | IORING_TIMEOUT_MULTISHOT

/** A timespec in a request: milliseconds, as the two words of a double. */
const double = new Float64Array(1)
const halves = new Int32Array(double.buffer)
const timespec = new Uint8Array(16)
const view = new DataView(timespec.buffer)

/** Reads the timespec that a field points to, and replaces the address by milliseconds. 0, -EFAULT, -EINVAL. */
function prepTime(words: Int32Array, field: number): number {
  if (copyIn(u64(words, field), timespec) !== timespec.length) return -EFAULT
  const [seconds, ns] = [view.getBigInt64(0, true), view.getBigInt64(8, true)]
  if (seconds < 0n || ns < 0n) return -EINVAL
  double[0] = Number(seconds) * 1000 + Number(ns) / 1e6
  words[field] = halves[0]!
  words[field + 1] = halves[1]!
  return 0
}

function msAt(words: Int32Array, field: number): number {
  halves[0] = words[field]!
  halves[1] = words[field + 1]!
  return double[0]!
}

/** nowMs() minus each clock. It is kept while it is right to a millisecond, so that equal points are due at once. */
const aheadMs = new Map<number, number>()

/** When a time is up, by nowMs(). DIFFERS: an absolute time does not move when somebody sets the clock. */
function dueMs(ms: number, clockFlags: number, isAbsolute: boolean): number {
  if (!isAbsolute) return nowMs() + ms
  const isReal = (clockFlags & IORING_TIMEOUT_REALTIME) !== 0
  const isBoot = (clockFlags & IORING_TIMEOUT_BOOTTIME) !== 0
  const clock = isReal ? CLOCK_REALTIME : isBoot ? CLOCK_BOOTTIME : CLOCK_MONOTONIC
  const ahead = nowMs() - clockMs(clock)
  const kept = aheadMs.get(clock)
  if (kept !== undefined && Math.abs(ahead - kept) < 1) return ms + kept
  aheadMs.set(clock, ahead)
  return ms + ahead
}

function hasPads(ctx: IoRingCtx, sqe: number): boolean {
  const { sqes } = ctx
  return (sqes[sqe + S_ADDR3]! | sqes[sqe + S_ADDR3 + 1]! | sqes[sqe + S_PAD2]! | sqes[sqe + S_PAD2 + 1]!) !== 0
}

export function timeoutPrep(tctx: Tctx, ctx: IoRingCtx, _req: number, r: number, sqe: number): number {
  const { words } = tctx.wq.mem
  if (hasPads(ctx, sqe) || bufIndex(words, r) !== 0 || words[r + R_LEN] !== 1 || words[r + R_FILE_INDEX] !== 0) {
    return -EINVAL
  }
  const flags = words[r + R_OP_FLAGS]!
  if ((flags & ~KNOWN) !== 0) return -EINVAL
  if ((flags & SHOTS_OF_A_POINT) === SHOTS_OF_A_POINT) return -EINVAL
  return hasTwoClocks(flags) ? -EINVAL : prepTime(words, r + R_ADDR)
}

function hasTwoClocks(flags: number): boolean {
  return (flags & IORING_TIMEOUT_CLOCK_MASK) === IORING_TIMEOUT_CLOCK_MASK
}

/** It must stand right behind a request that links to it, and that is no linked timeout itself. */
export function linkTimeoutPrep(tctx: Tctx, ctx: IoRingCtx, req: number, r: number, sqe: number): number {
  const { mem } = tctx.wq
  if (mem.words[r + R_OFF] !== 0) return -EINVAL
  const res = timeoutPrep(tctx, ctx, req, r, sqe)
  if (res < 0) return res
  if (ctx.linkHead === NONE) return -EINVAL
  return mem.words[mem.payload(ctx.linkLast) + R_OPCODE] === IORING_OP_LINK_TIMEOUT ? -EINVAL : 0
}

export function timeoutTryIssue(tctx: Tctx, ctx: IoRingCtx, req: number, r: number): number {
  const { words } = tctx.wq.mem
  const [flags, count] = [words[r + R_OP_FLAGS]!, words[r + R_OFF]! >>> 0]
  const isMultishot = (flags & IORING_TIMEOUT_MULTISHOT) !== 0
  start(tctx, ctx, req, r, NONE, isMultishot ? 0 : count, isMultishot ? count : 0)
  return PENDING
}

/** Never issued: it starts when the request before it is under way, and ends with that. */
export function linkTimeoutTryIssue(): number {
  return -ECANCELED
}

/** Starts the linked timeout of a request that is under way now, if it has one. */
export function startLinkTimeout(tctx: Tctx, ctx: IoRingCtx, req: number, next: number): void {
  const { mem } = tctx.wq
  if (next === NONE || mem.words[mem.payload(next) + R_OPCODE] !== IORING_OP_LINK_TIMEOUT) return
  start(tctx, ctx, next, mem.payload(next), req, 0, 0)
}

function start(tctx: Tctx, ctx: IoRingCtx, req: number, r: number, bounds: number, count: number, shots: number): void {
  const { words } = tctx.wq.mem
  const [flags, ms] = [words[r + R_OP_FLAGS]!, msAt(words, r + R_ADDR)]
  const intervalMs = bounds === NONE && (flags & IORING_TIMEOUT_MULTISHOT) !== 0 ? ms : undefined
  const due = dueMs(ms, flags, (flags & IORING_TIMEOUT_ABS) !== 0)
  ctx.timers ??= new Timers()
  tctx.hasTimers = true
  const key = keyOf(ctx.id, words[r + R_USER_DATA]!, words[r + R_USER_DATA + 1]!)
  ctx.timers.add({ req, key, dueMs: due, intervalMs, shots, bounds }, count, committedTail(ctx))
}

export function timeoutRemovePrep(tctx: Tctx, ctx: IoRingCtx, _req: number, r: number, sqe: number): number {
  const { words } = tctx.wq.mem
  if (hasPads(ctx, sqe) || (words[r + R_SQE_FLAGS]! & IOSQE_FIXED_FILE) !== 0) return -EINVAL
  if ((bufIndex(words, r) | words[r + R_LEN]! | words[r + R_FILE_INDEX]!) !== 0) return -EINVAL
  const flags = words[r + R_OP_FLAGS]!
  if ((flags & IORING_TIMEOUT_UPDATE_MASK) === 0) return flags === 0 ? 0 : -EINVAL
  if ((flags & ~(IORING_TIMEOUT_UPDATE_MASK | IORING_TIMEOUT_ABS)) !== 0) return -EINVAL
  return prepTime(words, r + R_OFF)
}

/** Removes the first timeout with the user_data, or changes its time. 0, or -ENOENT. */
export function timeoutRemoveTryIssue(tctx: Tctx, ctx: IoRingCtx, _req: number, r: number): number {
  const { mem } = tctx.wq
  const { words } = mem
  const { timers } = ctx
  const flags = words[r + R_OP_FLAGS]!
  const key = keyOf(ctx.id, words[r + R_ADDR]!, words[r + R_ADDR + 1]!)
  const candidates = (flags & IORING_LINK_TIMEOUT_UPDATE) !== 0 ? timers?.linkTimeoutsBy(key) : timers?.timeoutsBy(key)
  const found = candidates?.find((timeout) => isNamed(words, mem.payload(timeout.req), r))
  if (timers === undefined || found === undefined) return -ENOENT
  if ((flags & (IORING_TIMEOUT_UPDATE | IORING_LINK_TIMEOUT_UPDATE)) === 0) endTimeout(tctx, ctx, found, -ECANCELED)
  else move(words, timers, found, mem.payload(found.req), r)
  return 0
}

function isNamed(words: Int32Array, r: number, remove: number): boolean {
  return words[r + R_USER_DATA] === words[remove + R_ADDR] && words[r + R_USER_DATA + 1] === words[remove + R_ADDR + 1]
}

/** The timeout keeps its own clock; the update has its own IORING_TIMEOUT_ABS. */
function move(words: Int32Array, timers: Timers, timeout: Timeout, r: number, update: number): void {
  const ms = msAt(words, update + R_OFF)
  const isAbsolute = (words[update + R_OP_FLAGS]! & IORING_TIMEOUT_ABS) !== 0
  timers.move(timeout, dueMs(ms, words[r + R_OP_FLAGS]!, isAbsolute), ms)
}
