/**
 * STATX. Prepared on the owner thread and run on a worker, because a lookup may wait for the disk. The owner runs it if
 * the attributes are at hand: of an open file, and allowed to be old. Counterpart: io_uring/statx.c.
 */
import {
  AT_EMPTY_PATH,
  AT_NO_AUTOMOUNT,
  AT_STATX_SYNC_TYPE,
  AT_SYMLINK_NOFOLLOW,
  IOSQE_FIXED_FILE,
} from '../../../abi/constants.js'
import { EBADF, EINVAL } from '../../../lib/errno.js'
import { libc } from '../../../sys/libc.js'
import { addressOf } from '../../../sys/memory.js'
import { statFileAtHand, statPathAtHand } from '../../../sys/stat-at-hand.js'
import { holdPath, prepPath } from '../request/alloc.js'
import type { IoRingCtx } from '../state/ctx.js'
import { PUNT, type WorkEnv } from '../state/op.js'
import {
  bufIndex,
  dirFd,
  R_ADDR,
  R_FD,
  R_FILE_INDEX,
  R_LEN,
  R_OFF,
  R_OP_FLAGS,
  R_SQE_FLAGS,
  setAddr,
  u64,
} from '../state/req.js'
import type { Tctx } from '../state/tctx.js'

const EMPTY_PATH = new Uint8Array(8)
/** The NUL alone, as a held path. */
const NO_PATH = EMPTY_PATH.subarray(0, 1)
const KNOWN = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE

export function statxPrep(tctx: Tctx, ctx: IoRingCtx, req: number, r: number): number {
  const { words } = tctx.wq.mem
  if (bufIndex(words, r) !== 0 || words[r + R_FILE_INDEX] !== 0) return -EINVAL
  if ((words[r + R_SQE_FLAGS]! & IOSQE_FIXED_FILE) !== 0) return -EBADF
  if (words[r + R_ADDR] === 0 && words[r + R_ADDR + 1] === 0 && (words[r + R_OP_FLAGS]! & AT_EMPTY_PATH) !== 0) {
    setAddr(words, r, addressOf(EMPTY_PATH))
    tctx.held[req] = NO_PATH
    return 0
  }
  // With AT_EMPTY_PATH the path may be empty.
  const mayBeEmpty = (words[r + R_OP_FLAGS]! & AT_EMPTY_PATH) !== 0
  return mayBeEmpty ? holdPath(tctx, req, r, true) : prepPath(tctx, ctx, req, r)
}

/**
 * DIFFERS: the kernel sends each STATX to io-wq. Here it is answered inline if it requires neither a lookup on disk nor
 * a server: with AT_STATX_DONT_SYNC or on a local file system, for an open file or a path whose components are all
 * cached.
 */
export function statxTryIssue(tctx: Tctx, _ctx: IoRingCtx, req: number, r: number): number {
  const { words } = tctx.wq.mem
  const flags = words[r + R_OP_FLAGS]!
  if ((flags & ~KNOWN) !== 0) return PUNT
  // A held path has at least one byte, and an empty one has no more. Without a path the call is about the fd alone.
  const isEmpty = (flags & AT_EMPTY_PATH) !== 0 && (tctx.held[req]?.length ?? 0) <= 1
  if (isEmpty) return statFileAtHand(words[r + R_FD]!, flags, words[r + R_LEN]!, u64(words, r + R_OFF)) ?? PUNT
  const path = u64(words, r + R_ADDR)
  return statPathAtHand(words[r + R_FD]!, path, flags, words[r + R_LEN]!, u64(words, r + R_OFF)) ?? PUNT
}

export function statxIssue(env: WorkEnv, r: number): number {
  return statx(env.words, r, dirFd(env.words, r))
}

function statx(words: Int32Array, r: number, fd: number): number {
  const path = u64(words, r + R_ADDR)
  const statxbuf = u64(words, r + R_OFF)
  return libc('statx')(fd, path, words[r + R_OP_FLAGS]!, words[r + R_LEN]!, statxbuf)
}
