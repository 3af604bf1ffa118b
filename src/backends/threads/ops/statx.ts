/**
 * STATX. Prepared on the owner thread and run on a worker, for a lookup may wait for the disk; but of an open file whose
 * attributes may be old they are at hand, and are taken on the owner. Counterpart: io_uring/statx.c.
 */
import {
  AT_EMPTY_PATH,
  AT_NO_AUTOMOUNT,
  AT_STATX_DONT_SYNC,
  AT_STATX_SYNC_AS_STAT,
  AT_STATX_SYNC_TYPE,
  AT_SYMLINK_NOFOLLOW,
  IOSQE_FIXED_FILE,
  O_CLOEXEC,
  O_NOFOLLOW,
  O_PATH,
  RESOLVE_CACHED,
} from '../../../abi/constants.js'
import { OPEN_HOW } from '../../../abi/structs.js'
import { EBADF, EINVAL } from '../../../lib/errno.js'
import { hasLocalAttributes } from '../../../sys/file.js'
import { libc, openat2 } from '../../../sys/libc.js'
import { addressOf } from '../../../sys/memory.js'
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
/** Its end alone, as a path that is held. */
const NO_PATH = EMPTY_PATH.subarray(0, 1)
const KNOWN = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_SYNC_TYPE
const how = new Int32Array(OPEN_HOW.size >> 2)

export function statxPrep(tctx: Tctx, ctx: IoRingCtx, req: number, r: number): number {
  const { words } = tctx.wq.mem
  if (bufIndex(words, r) !== 0 || words[r + R_FILE_INDEX] !== 0) return -EINVAL
  if ((words[r + R_SQE_FLAGS]! & IOSQE_FIXED_FILE) !== 0) return -EBADF
  if (words[r + R_ADDR] === 0 && words[r + R_ADDR + 1] === 0 && (words[r + R_OP_FLAGS]! & AT_EMPTY_PATH) !== 0) {
    setAddr(words, r, addressOf(EMPTY_PATH))
    tctx.held[req] = NO_PATH
    return 0
  }
  // With AT_EMPTY_PATH it depends on the path whether there is one.
  const mayBeEmpty = (words[r + R_OP_FLAGS]! & AT_EMPTY_PATH) !== 0
  return mayBeEmpty ? holdPath(tctx, req, r, true) : prepPath(tctx, ctx, req, r)
}

/**
 * DIFFERS: the kernel sends each STATX to io-wq. What no lookup on disk and no server is asked for is answered inline here:
 * with AT_STATX_DONT_SYNC or on a local file system, of an open file or of a path whose components are all cached.
 */
export function statxTryIssue(tctx: Tctx, _ctx: IoRingCtx, req: number, r: number): number {
  const { words } = tctx.wq.mem
  const flags = words[r + R_OP_FLAGS]!
  if ((flags & ~KNOWN) !== 0) return PUNT
  // A path that is held has at least one byte, and an empty one no more. Without one the fd alone is asked.
  const isEmpty = (flags & AT_EMPTY_PATH) !== 0 && (tctx.held[req]?.length ?? 0) <= 1
  if (isEmpty) return statxOpen(words, r, words[r + R_FD]!)
  how[OPEN_HOW.at.flags >> 2] = O_PATH | O_CLOEXEC | ((flags & AT_SYMLINK_NOFOLLOW) === 0 ? 0 : O_NOFOLLOW)
  how[OPEN_HOW.at.resolve >> 2] = RESOLVE_CACHED
  const path = u64(words, r + R_ADDR)
  const fd = openat2(words[r + R_FD]!, path, addressOf(how), OPEN_HOW.size)
  // Not cached, or an error that statx may not give: the plain call tells.
  if (fd < 0) return PUNT
  const [low, high] = [words[r + R_ADDR]!, words[r + R_ADDR + 1]!]
  setAddr(words, r, addressOf(EMPTY_PATH))
  words[r + R_OP_FLAGS] = flags | AT_EMPTY_PATH
  const res = statxOpen(words, r, fd)
  words[r + R_OP_FLAGS] = flags
  words[r + R_ADDR] = low
  words[r + R_ADDR + 1] = high
  libc('close')(fd)
  return res
}

function statxOpen(words: Int32Array, r: number, fd: number): number {
  const sync = words[r + R_OP_FLAGS]! & AT_STATX_SYNC_TYPE
  const isAtHand = sync === AT_STATX_DONT_SYNC || (sync === AT_STATX_SYNC_AS_STAT && hasLocalAttributes(fd))
  return isAtHand ? statx(words, r, fd) : PUNT
}

export function statxIssue(env: WorkEnv, r: number): number {
  return statx(env.words, r, dirFd(env.words, r))
}

function statx(words: Int32Array, r: number, fd: number): number {
  const path = u64(words, r + R_ADDR)
  const statxbuf = u64(words, r + R_OFF)
  return libc('statx')(fd, path, words[r + R_OP_FLAGS]!, words[r + R_LEN]!, statxbuf)
}
