/**
 * FSYNC. Prepared on the owner thread, always run on a worker. Counterpart: io_uring/sync.c.
 */
import { IORING_FSYNC_DATASYNC } from '../../../abi/constants.js'
import { EINVAL } from '../../../lib/errno.js'
import { libc } from '../../../sys/libc.js'
import type { IoRingCtx, Tctx } from '../ctx.js'
import type { WorkEnv } from '../op.js'
import { R_ADDR, R_BUF_INDEX, R_FILE_INDEX, R_HELD_FD, R_OP_FLAGS } from '../req.js'

/** DIFFERS: off and len do not narrow the range; the whole file is synced, which is never less. */
export function fsyncPrep(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  const { words } = tctx.wq.mem
  const unused = words[r + R_ADDR]! | words[r + R_ADDR + 1]! | words[r + R_BUF_INDEX]! | words[r + R_FILE_INDEX]!
  return unused !== 0 || (words[r + R_OP_FLAGS]! & ~IORING_FSYNC_DATASYNC) !== 0 ? -EINVAL : 0
}

export function fsyncIssue(env: WorkEnv, r: number): number {
  const { words } = env
  const datasync = (words[r + R_OP_FLAGS]! & IORING_FSYNC_DATASYNC) !== 0
  env.sleeping()
  const res = libc(datasync ? 'fdatasync' : 'fsync')(words[r + R_HELD_FD]!)
  env.running()
  return res
}
