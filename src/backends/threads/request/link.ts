/**
 * Links and hard links. Owner thread only.
 *
 *   REQ.link:  head -> member -> member -> NONE
 *
 * One enter call assembles a chain and queues it by its head. When a member completes, the next member is queued as
 * task work. A LINK_TIMEOUT is no step of the chain: it ends with the request before it, and the chain goes on behind
 * it. Counterpart: io_submit_sqe's link handling, io_disarm_next, io_disarm_linked_timeout and io_fail_links.
 */
import { IORING_OP_LINK_TIMEOUT, IOSQE_IO_HARDLINK, IOSQE_IO_LINK } from '../../../abi/constants.js'
import { EALREADY, ECANCELED, EINTR, ETIME } from '../../../lib/errno.js'
import { NONE } from '../../../lib/mpscq.js'
import type { IoRingCtx } from '../state/ctx.js'
import { REQ_F_ENDED, REQ_F_FAIL, REQ_F_SILENT, REQ_F_SKIP_LINK_CQES, TW_COMPLETE, TW_SUBMIT } from '../state/layout.js'
import { R_LINK, R_OPCODE, R_REQ_FLAGS, R_RES, R_SQE_FLAGS, setFail } from '../state/req.js'
import type { Tctx } from '../state/tctx.js'
import { freeReq } from './alloc.js'
import { post } from './cqring.js'
import { addTaskWork } from './task-work.js'

const LINK_FLAGS = IOSQE_IO_LINK | IOSQE_IO_HARDLINK

/**
 * Adds a prepared (or, with `failed`, refused) request to the open chain. Returns the head of a chain that is now
 * complete, or a request that stands alone; NONE while the chain is open.
 */
export function assemble(tctx: Tctx, ctx: IoRingCtx, req: number, failed: boolean): number {
  const { mem } = tctx.wq
  const { words } = mem
  const head = ctx.linkHead
  // One bad member spoils the chain: no member of it runs, not even the head.
  if (failed && head !== NONE && (words[mem.payload(head) + R_REQ_FLAGS]! & REQ_F_FAIL) === 0) {
    setFail(words, mem.payload(head), -ECANCELED)
  }
  if (head !== NONE) words[mem.payload(ctx.linkLast) + R_LINK] = req
  if ((words[mem.payload(req) + R_SQE_FLAGS]! & LINK_FLAGS) !== 0) {
    if (head === NONE) ctx.linkHead = req
    ctx.linkLast = req
    return NONE
  }
  ctx.linkHead = NONE
  ctx.linkLast = NONE
  return head !== NONE ? head : req
}

/** Closes a chain that is open at the end of enter; returns its head or NONE. */
export function closeChain(ctx: IoRingCtx): number {
  const head = ctx.linkHead
  ctx.linkHead = NONE
  ctx.linkLast = NONE
  return head
}

/**
 * A request has ended: queues the next of its chain, or fails the rest. `spoiled`: it never ran, and hard links fail
 * too.
 */
export function disarmNext(tctx: Tctx, ctx: IoRingCtx, r: number, spoiled: boolean): void {
  const { words } = tctx.wq.mem
  const linked = words[r + R_LINK]!
  if (linked === NONE) return
  words[r + R_LINK] = NONE
  const next = isLinkTimeout(words, tctx.wq.mem.payload(linked)) ? endLinkTimeout(tctx, ctx, r, linked) : linked
  if (next === NONE) return
  const failed = (words[r + R_REQ_FLAGS]! & REQ_F_FAIL) !== 0
  const hard = (words[r + R_SQE_FLAGS]! & IOSQE_IO_HARDLINK) !== 0
  if (failed && (spoiled || !hard)) failLinks(tctx, ctx, r, next)
  else addTaskWork(tctx, ctx, next, TW_SUBMIT)
}

/** Whether a request is a LINK_TIMEOUT that was not itself refused. */
function isLinkTimeout(words: Int32Array, r: number): boolean {
  return words[r + R_OPCODE] === IORING_OP_LINK_TIMEOUT && (words[r + R_REQ_FLAGS]! & REQ_F_FAIL) === 0
}

/**
 * A request has ended, and its linked timeout with it: before it if the time was up. Returns the request linked behind.
 */
function endLinkTimeout(tctx: Tctx, ctx: IoRingCtx, r: number, linkTimeout: number): number {
  const { mem } = tctx.wq
  const { words } = mem
  const l = mem.payload(linkTimeout)
  const next = words[l + R_LINK]!
  words[l + R_LINK] = NONE
  const timeout = ctx.timers?.find(linkTimeout)
  if (timeout !== undefined) ctx.timers?.remove(timeout)
  if (timeout?.isUp === true) {
    const res = words[r + R_RES]!
    words[l + R_RES] = res === -ECANCELED || res === -EINTR ? -ETIME : -EALREADY
    post(tctx, ctx, l)
    freeReq(tctx, ctx, linkTimeout)
  } else {
    words[l + R_RES] = -ECANCELED
    addTaskWork(tctx, ctx, linkTimeout, TW_COMPLETE)
  }
  return next
}

/** Ends every remaining member as -ECANCELED, or with its own error if it was refused, in order, through task work. */
function failLinks(tctx: Tctx, ctx: IoRingCtx, failedReq: number, first: number): void {
  const { mem } = tctx.wq
  const { words } = mem
  const silent = (words[failedReq + R_REQ_FLAGS]! & REQ_F_SKIP_LINK_CQES) !== 0
  let req = first
  while (req !== NONE) {
    const r = mem.payload(req)
    const next = words[r + R_LINK]!
    words[r + R_LINK] = NONE
    if ((words[r + R_REQ_FLAGS]! & REQ_F_FAIL) === 0) words[r + R_RES] = -ECANCELED
    words[r + R_REQ_FLAGS] = silent ? REQ_F_ENDED | REQ_F_SILENT : REQ_F_ENDED
    addTaskWork(tctx, ctx, req, TW_COMPLETE)
    req = next
  }
}
