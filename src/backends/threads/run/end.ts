/**
 * The end of a request, by the rules of its operation. Owner thread, inside enter, task work, or a hook of io-wq.
 *
 * Counterpart: io_req_task_complete, io_req_defer_failed.
 */
import { ECANCELED, EFAULT, EOWNERDEAD } from '../../../lib/errno.js'
import { opdef } from '../ops/opdef.js'
import { freeReq } from '../request/alloc.js'
import { post } from '../request/cqring.js'
import { finish } from '../request/finish.js'
import { flushCompletions } from '../request/flush.js'
import { disarmNext } from '../request/link.js'
import type { IoRingCtx } from '../state/ctx.js'
import { POLL_CANCELED, REQ_F_ASYNC, REQ_F_ENDED } from '../state/layout.js'
import type { OpDef } from '../state/op.js'
import { R_CTX, R_DONE, R_OPCODE, R_POLL, R_REQ_FLAGS, R_RES, R_TOTAL, setFail } from '../state/req.js'
import type { Tctx } from '../state/tctx.js'

/** Ends a request whose `res` is set, by the rules of its operation. */
export function complete(tctx: Tctx, ctx: IoRingCtx, req: number, r: number, def: OpDef | undefined): void {
  const { words } = tctx.wq.mem
  const res = words[r + R_RES]!
  const ended = (words[r + R_REQ_FLAGS]! & REQ_F_ENDED) !== 0
  const failed = (res < 0 && def?.neverFails !== true) || (def?.transfer === true && res !== words[r + R_TOTAL])
  finish(tctx, ctx, req, r, !ended && failed)
}

/** Ends a request that could not be issued: `res` is its result, and a failure. */
export function failIssue(tctx: Tctx, ctx: IoRingCtx, req: number, r: number, def: OpDef, res: number): void {
  setFail(tctx.wq.mem.words, r, res)
  complete(tctx, ctx, req, r, def)
}

/** Ends a request that io-wq or the owner queued to end here. */
export function completeFromTaskWork(tctx: Tctx, ctx: IoRingCtx, req: number, r: number): void {
  const { words } = tctx.wq.mem
  if ((words[r + R_REQ_FLAGS]! & REQ_F_ASYNC) !== 0) ctx.batchAsync = true
  complete(tctx, ctx, req, r, opdef(words[r + R_OPCODE]!))
}

/** Ends a chain (or a single request) that was refused: no member of it runs. */
export function endSpoiled(tctx: Tctx, ctx: IoRingCtx, req: number, r: number): void {
  disarmNext(tctx, ctx, r, true)
  post(tctx, ctx, r)
  freeReq(tctx, ctx, req)
}

/**
 * io-wq cancelled a request before it ran: it ends as -ECANCELED, and so do those linked behind it. If it had moved
 * bytes before it went to io-wq, they are its result.
 */
export function endCancelled(tctx: Tctx, req: number): void {
  const done = tctx.wq.mem.words[tctx.wq.mem.payload(req) + R_DONE]!
  endAs(tctx, req, done > 0 ? done : -ECANCELED)
}

/**
 * The worker running a request died: it is unknown whether the system call was made, unless a cancel had taken its wait
 * away.
 */
export function endDied(tctx: Tctx, req: number): void {
  const wasTaken = tctx.wq.mem.words[tctx.wq.mem.payload(req) + R_POLL] === POLL_CANCELED
  endAs(tctx, req, wasTaken ? -ECANCELED : -EOWNERDEAD)
}

/** A chain's member had its turn after its ring was closed: it ends as -EFAULT, as in the kernel's cancel mode. */
export function endDying(tctx: Tctx, req: number): void {
  endAs(tctx, req, -EFAULT)
}

function endAs(tctx: Tctx, req: number, res: number): void {
  const { words } = tctx.wq.mem
  const r = tctx.wq.mem.payload(req)
  const ctx = tctx.byId[words[r + R_CTX]!]!
  setFail(words, r, res)
  complete(tctx, ctx, req, r, opdef(words[r + R_OPCODE]!))
  flushCompletions(tctx, ctx)
}
