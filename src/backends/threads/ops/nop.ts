/**
 * NOP. Prepared and tried on the owner thread; a worker runs it only with IOSQE_ASYNC or in an open chain.
 *
 * Its flags are the best test probe there is. Counterpart: io_uring/nop.c.
 */
import {
  IORING_NOP_CQE32,
  IORING_NOP_FILE,
  IORING_NOP_FIXED_BUFFER,
  IORING_NOP_FIXED_FILE,
  IORING_NOP_INJECT_RESULT,
  IORING_NOP_TW,
} from '../../../abi/constants.js'
import { EBADF, EFAULT, EINVAL } from '../../../lib/errno.js'
import { isOpenFd } from '../../../sys/file.js'
import type { IoRingCtx } from '../state/ctx.js'
import { VIA_TASK_WORK, type WorkEnv } from '../state/op.js'
import { R_FD, R_LEN, R_OP_FLAGS, R_RES } from '../state/req.js'
import type { Tctx } from '../state/tctx.js'

const KNOWN =
  IORING_NOP_INJECT_RESULT | IORING_NOP_FILE | IORING_NOP_FIXED_FILE | IORING_NOP_FIXED_BUFFER | IORING_NOP_TW

export function nopPrep(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  const flags = tctx.wq.mem.words[r + R_OP_FLAGS]!
  // 32-byte CQEs require a ring made for them, and there is none here.
  return (flags & ~KNOWN) !== 0 || (flags & IORING_NOP_CQE32) !== 0 ? -EINVAL : 0
}

export function nopTryIssue(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  const { words } = tctx.wq.mem
  const flags = words[r + R_OP_FLAGS]!
  if (flags === 0) return 0
  const res = nopResult(words, r)
  if ((flags & IORING_NOP_TW) === 0) return res
  words[r + R_RES] = res
  return VIA_TASK_WORK
}

export function nopIssue(env: WorkEnv, r: number): number {
  return nopResult(env.words, r)
}

function nopResult(words: Int32Array, r: number): number {
  const flags = words[r + R_OP_FLAGS]!
  // Files and buffers cannot be registered here, so a fixed one is never found.
  if ((flags & IORING_NOP_FILE) !== 0) {
    if ((flags & IORING_NOP_FIXED_FILE) !== 0 || !isOpenFd(words[r + R_FD]!)) return -EBADF
  }
  if ((flags & IORING_NOP_FIXED_BUFFER) !== 0) return -EFAULT
  return (flags & IORING_NOP_INJECT_RESULT) !== 0 ? words[r + R_LEN]! : 0
}
