/**
 * Takes SQEs: init, prep, then issue inline or punt to io-wq. Owner thread, inside enter or task work.
 *
 * SQEs are handled strictly in ring order; sq.head is published once, at the end of the batch. Counterpart:
 * io_submit_sqes, io_init_req, io_queue_sqe.
 */
import {
  IORING_OP_LAST,
  IORING_OP_TIMEOUT,
  IORING_SETUP_SUBMIT_ALL,
  IOSQE_ASYNC,
  IOSQE_BUFFER_SELECT,
  IOSQE_FIXED_FILE,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
} from '../../../abi/constants.js'
import { SQE_VALID_FLAGS } from '../../../abi/limits.js'
import { SQE } from '../../../abi/sqe.js'
import { loadAcquire, storeRelease } from '../../../lib/barrier.js'
import { EAGAIN, EBADF, EFAULT, EINVAL, ENAMETOOLONG, ENOENT, EOPNOTSUPP } from '../../../lib/errno.js'
import { NONE } from '../../../lib/mpscq.js'
import { IO_WQ_WORK_CONCURRENT } from '../../../wq/layout.js'
import { opdef } from '../ops/opdef.js'
import { startLinkTimeout } from '../ops/timeout.js'
import { allocReq, holdPath } from '../request/alloc.js'
import { deferReq, initDrain, markDeferred } from '../request/drain.js'
import { flushCompletions } from '../request/flush.js'
import { assemble, closeChain } from '../request/link.js'
import { addTaskWork } from '../request/task-work.js'
import type { IoRingCtx } from '../state/ctx.js'
import { REQ_F_FAIL, TW_COMPLETE, TW_SUBMIT } from '../state/layout.js'
import { type OpDef, PENDING, PUNT, VIA_TASK_WORK } from '../state/op.js'
import { R_BUF_INDEX, R_LINK, R_OPCODE, R_REQ_FLAGS, R_RES, R_SQE_FLAGS, setFail } from '../state/req.js'
import type { Tctx } from '../state/tctx.js'
import { SQ_DROPPED, SQ_HEAD, SQ_TAIL } from '../state/words.js'
import { complete, endDying, endSpoiled, failIssue } from './end.js'
import { punt } from './iowq.js'

const SQE_SHIFT = Math.log2(SQE.size >> 2)
const S_IOPRIO_SHIFT = 16
/** Flags that initReq need not check. */
const SQE_FLAGS_COMMON = IOSQE_FIXED_FILE | IOSQE_IO_LINK | IOSQE_IO_HARDLINK | IOSQE_ASYNC
/** Answers of a system call that reads the path in place, and PUNT, which has not read it. */
const MAY_BE_BAD_PATH: ReadonlySet<number> = new Set([PUNT, -EFAULT, -ENAMETOOLONG, -ENOENT])

/**
 * Takes up to `toSubmit` SQEs. Returns their number, failed ones included; -EAGAIN if none could be taken for lack of
 * records.
 */
export function submitSqes(tctx: Tctx, ctx: IoRingCtx, toSubmit: number): number {
  const { words } = ctx
  // Pairs with the app's release of sq_tail: the SQEs before it are whole.
  const available = (loadAcquire(words, SQ_TAIL) - ctx.cachedSqHead) >>> 0
  const count = Math.min(toSubmit, available, ctx.sqEntries)
  const mask = ctx.sqEntries - 1
  const nrBefore = ctx.nrInflight
  let taken = 0
  while (taken < count) {
    const slot = ctx.cachedSqHead & mask
    const index = ctx.arrayWord === NONE ? slot : words[ctx.arrayWord + slot]! >>> 0
    if (index >= ctx.sqEntries) {
      ctx.cachedSqHead = (ctx.cachedSqHead + 1) | 0
      words[SQ_DROPPED] = words[SQ_DROPPED]! + 1
      break
    }
    const req = allocReq(tctx, ctx, index << SQE_SHIFT)
    if (req === NONE) break
    ctx.cachedSqHead = (ctx.cachedSqHead + 1) | 0
    taken++
    const isTaken = submitSqe(tctx, ctx, req, index << SQE_SHIFT, nrBefore + taken)
    if (!isTaken && (ctx.setupFlags & IORING_SETUP_SUBMIT_ALL) === 0) break
  }
  const open = closeChain(ctx)
  if (open !== NONE) queueUnfinished(tctx, ctx, open, nrBefore + taken)
  // The slots are free again: every SQE before this head has been read.
  storeRelease(words, SQ_HEAD, ctx.cachedSqHead)
  flushCompletions(tctx, ctx)
  return taken === 0 && count > 0 && tctx.wq.nrFree === 0 ? -EAGAIN : taken
}

/**
 * Submits one SQE. False stops the batch: it was refused, and no open chain contains it. `nrAllocated`: requests that
 * were in flight before the batch, and all of the batch so far.
 */
function submitSqe(tctx: Tctx, ctx: IoRingCtx, req: number, sqe: number, nrAllocated: number): boolean {
  const { words } = tctx.wq.mem
  const r = tctx.wq.mem.payload(req)
  const error = initReq(tctx, ctx, req, r, sqe)
  if (error < 0) setFail(words, r, error)
  const ready = assemble(tctx, ctx, req, error < 0)
  // With a refused member of an open chain the batch goes on, so that the whole chain is taken.
  if (ready === NONE) return true
  const head = tctx.wq.mem.payload(ready)
  if ((words[head + R_REQ_FLAGS]! & REQ_F_FAIL) !== 0) endSpoiled(tctx, ctx, ready, head)
  else if (ctx.drain.active) deferReq(tctx, ctx, ready, nrAllocated)
  else queueSqe(tctx, ctx, ready, head)
  const isRefused = error < 0 || ctx.hasBadPath
  ctx.hasBadPath = false
  return !isRefused
}

/** The checks that every request passes, in the kernel's order, then its own. 0 or -errno. */
function initReq(tctx: Tctx, ctx: IoRingCtx, req: number, r: number, sqe: number): number {
  const { words } = tctx.wq.mem
  const opcode = words[r + R_OPCODE]!
  const flags = words[r + R_SQE_FLAGS]!
  const def = opcode < IORING_OP_LAST ? opdef(opcode) : undefined
  if (def === undefined) return -EINVAL
  if ((flags & ~SQE_FLAGS_COMMON) !== 0) {
    if ((flags & ~SQE_VALID_FLAGS) !== 0) return -EINVAL
    if ((flags & IOSQE_BUFFER_SELECT) !== 0 && def.bufferSelect !== true) return -EOPNOTSUPP
    const error = initDrain(tctx, ctx, flags)
    if (error < 0) return error
  }
  if (ctx.drain.active) markDeferred(tctx, ctx, r)
  const ioprio = ctx.sqes[sqe]! >>> S_IOPRIO_SHIFT
  // DIFFERS: priorities and personalities are not implemented and are refused.
  if (ioprio !== 0 || words[r + R_BUF_INDEX]! >>> 16 !== 0) return -EINVAL
  return def.prep(tctx, ctx, req, r, sqe)
}

/** Queues a chain that is open at the end of enter: it goes to io-wq instead of running inline. */
function queueUnfinished(tctx: Tctx, ctx: IoRingCtx, req: number, nrAllocated: number): void {
  const r = tctx.wq.mem.payload(req)
  if ((tctx.wq.mem.words[r + R_REQ_FLAGS]! & REQ_F_FAIL) !== 0) endSpoiled(tctx, ctx, req, r)
  else if (ctx.drain.active) deferReq(tctx, ctx, req, nrAllocated)
  else queueAsync(tctx, ctx, req, r, opdef(tctx.wq.mem.words[r + R_OPCODE]!)!)
}

/** Task work: a request has its turn, in its chain or behind a drain, or only the owner can run it. */
export function submitFromTaskWork(tctx: Tctx, ctx: IoRingCtx, req: number, r: number): void {
  // A count of a request issued now starts here: CQEs of earlier ends are committed, and counts that they meet are met.
  const mayCount = ctx.timers !== undefined || tctx.wq.mem.words[r + R_OPCODE] === IORING_OP_TIMEOUT
  if (mayCount) flushCompletions(tctx, ctx)
  if (ctx.dying) endDying(tctx, req)
  else queueSqe(tctx, ctx, req, r)
}

/** Issues a prepared request: inline if it can end at once, else by io-wq. */
function queueSqe(tctx: Tctx, ctx: IoRingCtx, req: number, r: number): void {
  const { words } = tctx.wq.mem
  const def = opdef(words[r + R_OPCODE]!)!
  const flags = words[r + R_SQE_FLAGS]!
  if ((flags & IOSQE_ASYNC) !== 0 || def.tryIssue === undefined) queueAsync(tctx, ctx, req, r, def)
  // Files cannot be registered here, so a slot is always empty.
  else if ((flags & IOSQE_FIXED_FILE) !== 0 && def.fd === 'file') failIssue(tctx, ctx, req, r, def, -EBADF)
  else issueInline(tctx, ctx, req, r, def)
}

function issueInline(tctx: Tctx, ctx: IoRingCtx, req: number, r: number, def: OpDef): void {
  const { words } = tctx.wq.mem
  const res = def.tryIssue!(tctx, ctx, req, r)
  if (def.path === true && MAY_BE_BAD_PATH.has(res) && tctx.held[req] === undefined) {
    const held = holdPath(tctx, req, r)
    if (held < 0) {
      // The same result as if prep had found it.
      setFail(words, r, held)
      ctx.hasBadPath = true
      endSpoiled(tctx, ctx, req, r)
      return
    }
  }
  if (res === PUNT) punt(tctx, ctx, req, r, def, def.concurrent === true ? IO_WQ_WORK_CONCURRENT : 0)
  else if (res === VIA_TASK_WORK) addTaskWork(tctx, ctx, req, TW_COMPLETE)
  else if (res === PENDING) startLinkTimeout(tctx, ctx, req, words[r + R_LINK]!)
  else {
    words[r + R_RES] = res
    complete(tctx, ctx, req, r, def)
  }
}

/**
 * Queues requests with IOSQE_ASYNC, and operations that always go to io-wq. If only the owner can run one, it becomes
 * task work.
 */
function queueAsync(tctx: Tctx, ctx: IoRingCtx, req: number, r: number, def: OpDef): void {
  const { words } = tctx.wq.mem
  if (def.issue !== undefined) punt(tctx, ctx, req, r, def, IO_WQ_WORK_CONCURRENT)
  else if (def.atOnce !== true && ((words[r + R_SQE_FLAGS]! & IOSQE_ASYNC) !== 0 || words[r + R_LINK] !== NONE)) {
    words[r + R_SQE_FLAGS] = words[r + R_SQE_FLAGS]! & ~IOSQE_ASYNC
    addTaskWork(tctx, ctx, req, TW_SUBMIT)
  } else issueInline(tctx, ctx, req, r, def)
}
