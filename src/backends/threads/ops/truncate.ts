/**
 * FTRUNCATE. Prepared on the owner thread, always run on a worker. Counterpart: io_uring/truncate.c.
 */
import { EINVAL } from '../../../lib/errno.js'
import { libc } from '../../../sys/libc.js'
import type { IoRingCtx } from '../state/ctx.js'
import type { WorkEnv } from '../state/op.js'
import { bufIndex, R_ADDR, R_FILE_INDEX, R_HELD_FD, R_LEN, R_OFF, R_OP_FLAGS, s64 } from '../state/req.js'
import type { Tctx } from '../state/tctx.js'
import { S_ADDR3 } from '../state/words.js'

export function ftruncatePrep(tctx: Tctx, ctx: IoRingCtx, _req: number, r: number, sqe: number): number {
  const { words } = tctx.wq.mem
  const unused =
    words[r + R_ADDR]! |
    words[r + R_ADDR + 1]! |
    words[r + R_LEN]! |
    words[r + R_OP_FLAGS]! |
    words[r + R_FILE_INDEX]! |
    bufIndex(words, r) |
    ctx.sqes[sqe + S_ADDR3]! |
    ctx.sqes[sqe + S_ADDR3 + 1]!
  return unused !== 0 ? -EINVAL : 0
}

export function ftruncateIssue(env: WorkEnv, r: number): number {
  const { words } = env
  env.sleeping()
  const res = libc('ftruncate')(words[r + R_HELD_FD]!, s64(words, r + R_OFF))
  env.running()
  return res
}
