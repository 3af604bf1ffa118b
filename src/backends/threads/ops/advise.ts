/**
 * FADVISE, MADVISE. Prepared on the owner thread. Advice that only sets how a file will be read runs there too, all
 * else on a worker. Counterpart: io_uring/advise.c.
 */
import { POSIX_FADV_NORMAL, POSIX_FADV_RANDOM, POSIX_FADV_SEQUENTIAL } from '../../../abi/advice.js'
import { EINVAL } from '../../../lib/errno.js'
import { libc } from '../../../sys/libc.js'
import type { IoRingCtx } from '../state/ctx.js'
import { PUNT, type WorkEnv } from '../state/op.js'
import { bufIndex, R_ADDR, R_FD, R_FILE_INDEX, R_HELD_FD, R_LEN, R_OFF, R_OP_FLAGS, s64, u64 } from '../state/req.js'
import type { Tctx } from '../state/tctx.js'

const AT_ONCE: ReadonlySet<number> = new Set([POSIX_FADV_NORMAL, POSIX_FADV_RANDOM, POSIX_FADV_SEQUENTIAL])

export function advisePrep(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  const { words } = tctx.wq.mem
  return (bufIndex(words, r) | words[r + R_FILE_INDEX]!) !== 0 ? -EINVAL : 0
}

/** posix_fadvise returns the errno instead of setting it. The length is 64 bits wide, or 32 if those are 0. */
function fadvise(words: Int32Array, r: number, fd: number): number {
  const length = s64(words, r + R_ADDR)
  const len = length !== 0 ? length : words[r + R_LEN]! >>> 0
  return -libc('posix_fadvise')(fd, s64(words, r + R_OFF), len, words[r + R_OP_FLAGS]!)
}

export function fadviseTryIssue(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  const { words } = tctx.wq.mem
  return AT_ONCE.has(words[r + R_OP_FLAGS]!) ? fadvise(words, r, words[r + R_FD]!) : PUNT
}

export function fadviseIssue(env: WorkEnv, r: number): number {
  return fadvise(env.words, r, env.words[r + R_HELD_FD]!)
}

export function madviseIssue(env: WorkEnv, r: number): number {
  const { words } = env
  const length = u64(words, r + R_OFF)
  const len = length !== 0 ? length : words[r + R_LEN]! >>> 0
  env.sleeping()
  const res = libc('madvise')(u64(words, r + R_ADDR), len, words[r + R_OP_FLAGS]!)
  env.running()
  return res
}
