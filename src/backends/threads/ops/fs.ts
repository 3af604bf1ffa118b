/**
 * UNLINKAT, RENAMEAT, MKDIRAT, SYMLINKAT, LINKAT. Prepared on the owner thread, always run on a worker, which uses the
 * folders' fds by number. Counterpart: io_uring/fs.c.
 */
import { AT_EMPTY_PATH, AT_REMOVEDIR, IOSQE_FIXED_FILE } from '../../../abi/constants.js'
import { EBADF, EINTR, EINVAL } from '../../../lib/errno.js'
import { libc } from '../../../sys/libc.js'
import { holdPath, holdPaths } from '../request/alloc.js'
import type { IoRingCtx } from '../state/ctx.js'
import type { WorkEnv } from '../state/op.js'
import { bufIndex, R_ADDR, R_FD, R_FILE_INDEX, R_LEN, R_OFF, R_OP_FLAGS, R_SQE_FLAGS, u64 } from '../state/req.js'
import type { Tctx } from '../state/tctx.js'

/** The checks of all of them: `unused` has the fields that must be 0, or'ed. */
function check(words: Int32Array, r: number, unused: number): number {
  if ((unused | bufIndex(words, r) | words[r + R_FILE_INDEX]!) !== 0) return -EINVAL
  return (words[r + R_SQE_FLAGS]! & IOSQE_FIXED_FILE) !== 0 ? -EBADF : 0
}

/** Signals can end calls of a network file system; only a cancelled request may end so. */
function uninterrupted(env: WorkEnv, call: () => number): number {
  for (;;) {
    const res = call()
    if (res !== -EINTR || env.cancelled()) return res
  }
}

export function unlinkatPrep(tctx: Tctx, _ctx: IoRingCtx, req: number, r: number): number {
  const { words } = tctx.wq.mem
  const res = check(words, r, words[r + R_OFF]! | words[r + R_OFF + 1]! | words[r + R_LEN]!)
  if (res < 0) return res
  return (words[r + R_OP_FLAGS]! & ~AT_REMOVEDIR) !== 0 ? -EINVAL : holdPath(tctx, req, r)
}

export function unlinkatIssue(env: WorkEnv, r: number): number {
  const { words } = env
  return uninterrupted(env, () => libc('unlinkat')(words[r + R_FD]!, u64(words, r + R_ADDR), words[r + R_OP_FLAGS]!))
}

export function renameatPrep(tctx: Tctx, _ctx: IoRingCtx, req: number, r: number): number {
  const res = check(tctx.wq.mem.words, r, 0)
  return res < 0 ? res : holdPaths(tctx, req, r)
}

export function renameatIssue(env: WorkEnv, r: number): number {
  const { words } = env
  const [from, to] = [u64(words, r + R_ADDR), u64(words, r + R_OFF)]
  return uninterrupted(env, () =>
    libc('renameat2')(words[r + R_FD]!, from, words[r + R_LEN]!, to, words[r + R_OP_FLAGS]!),
  )
}

export function mkdiratPrep(tctx: Tctx, _ctx: IoRingCtx, req: number, r: number): number {
  const { words } = tctx.wq.mem
  const res = check(words, r, words[r + R_OFF]! | words[r + R_OFF + 1]! | words[r + R_OP_FLAGS]!)
  return res < 0 ? res : holdPath(tctx, req, r)
}

export function mkdiratIssue(env: WorkEnv, r: number): number {
  const { words } = env
  return uninterrupted(env, () => libc('mkdirat')(words[r + R_FD]!, u64(words, r + R_ADDR), words[r + R_LEN]!))
}

export function symlinkatPrep(tctx: Tctx, _ctx: IoRingCtx, req: number, r: number): number {
  const { words } = tctx.wq.mem
  const res = check(words, r, words[r + R_LEN]! | words[r + R_OP_FLAGS]!)
  return res < 0 ? res : holdPaths(tctx, req, r)
}

export function symlinkatIssue(env: WorkEnv, r: number): number {
  const { words } = env
  const [target, path] = [u64(words, r + R_ADDR), u64(words, r + R_OFF)]
  return uninterrupted(env, () => libc('symlinkat')(target, words[r + R_FD]!, path))
}

export function linkatPrep(tctx: Tctx, _ctx: IoRingCtx, req: number, r: number): number {
  const { words } = tctx.wq.mem
  const res = check(words, r, 0)
  return res < 0 ? res : holdPaths(tctx, req, r, (words[r + R_OP_FLAGS]! & AT_EMPTY_PATH) !== 0)
}

export function linkatIssue(env: WorkEnv, r: number): number {
  const { words } = env
  const [from, to] = [u64(words, r + R_ADDR), u64(words, r + R_OFF)]
  return uninterrupted(env, () => libc('linkat')(words[r + R_FD]!, from, words[r + R_LEN]!, to, words[r + R_OP_FLAGS]!))
}
