/**
 * FSYNC, SYNC_FILE_RANGE, FALLOCATE. Prepared on the owner thread, always run on a worker. Counterpart:
 * io_uring/sync.c.
 */
import { IORING_FSYNC_DATASYNC } from '../../../abi/constants.js'
import { EINVAL } from '../../../lib/errno.js'
import { libc } from '../../../sys/libc.js'
import type { IoRingCtx } from '../state/ctx.js'
import type { WorkEnv } from '../state/op.js'
import { bufIndex, R_ADDR, R_FILE_INDEX, R_HELD_FD, R_LEN, R_OFF, R_OP_FLAGS, s64 } from '../state/req.js'
import type { Tctx } from '../state/tctx.js'

/** DIFFERS: off and len do not narrow the range; the whole file is synced, which is never less. */
export function fsyncPrep(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  const { words } = tctx.wq.mem
  const isNegative = words[r + R_OFF + 1]! < 0
  return hasAddr(words, r) || isNegative || (words[r + R_OP_FLAGS]! & ~IORING_FSYNC_DATASYNC) !== 0 ? -EINVAL : 0
}

export function fsyncIssue(env: WorkEnv, r: number): number {
  const { words } = env
  const datasync = (words[r + R_OP_FLAGS]! & IORING_FSYNC_DATASYNC) !== 0
  env.sleeping()
  const res = libc(datasync ? 'fdatasync' : 'fsync')(words[r + R_HELD_FD]!)
  env.running()
  return res
}

export function syncFileRangePrep(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  return hasAddr(tctx.wq.mem.words, r) ? -EINVAL : 0
}

function hasAddr(words: Int32Array, r: number): boolean {
  const unused = words[r + R_ADDR]! | words[r + R_ADDR + 1]! | bufIndex(words, r) | words[r + R_FILE_INDEX]!
  return unused !== 0
}

export function syncFileRangeIssue(env: WorkEnv, r: number): number {
  const { words } = env
  const [off, len] = [s64(words, r + R_OFF), words[r + R_LEN]! >>> 0]
  env.sleeping()
  const res = libc('sync_file_range')(words[r + R_HELD_FD]!, off, len, words[r + R_OP_FLAGS]!)
  env.running()
  return res
}

export function fallocatePrep(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  const { words } = tctx.wq.mem
  return (bufIndex(words, r) | words[r + R_OP_FLAGS]! | words[r + R_FILE_INDEX]!) !== 0 ? -EINVAL : 0
}

/** The length is in `addr`, the mode in `len`. */
export function fallocateIssue(env: WorkEnv, r: number): number {
  const { words } = env
  env.sleeping()
  const res = libc('fallocate')(words[r + R_HELD_FD]!, words[r + R_LEN]!, s64(words, r + R_OFF), s64(words, r + R_ADDR))
  env.running()
  return res
}
