/**
 * OPENAT, CLOSE. Prepared and tried on the owner thread; an open that has to look on disk is finished on a worker.
 *
 * The inline attempt is openat2 with RESOLVE_CACHED and O_NONBLOCK, as in the kernel: path components that are cached
 * are walked at once, and a FIFO without a writer does not block. Counterpart: io_uring/openclose.c.
 */
import { constants as fsConstants } from 'node:fs'
import { RESOLVE_CACHED } from '../../../abi/constants.js'
import { OPEN_HOW } from '../../../abi/structs.js'
import { EAGAIN, EBADF, EINTR, EINVAL, ENOSYS, ENXIO } from '../../../lib/errno.js'
import { setStatusFlags } from '../../../sys/file.js'
import { libc, openat2 } from '../../../sys/libc.js'
import { addressOf, fromWords } from '../../../sys/memory.js'
import type { IoRingCtx, Tctx } from '../ctx.js'
import { PUNT, type WorkEnv } from '../op.js'
import {
  dirFd,
  prepPath,
  R_ADDR,
  R_BUF_INDEX,
  R_FD,
  R_FILE_INDEX,
  R_LEN,
  R_OFF,
  R_OP_FLAGS,
  R_SQE_FLAGS,
} from '../req.js'

const { O_CREAT, O_TRUNC, O_NONBLOCK } = fsConstants
const O_CLOEXEC = 0o2000000
const O_TMPFILE = 0o20000000
const O_PATH = 0o10000000
const IOSQE_FIXED_FILE = 1

const how = new Int32Array(OPEN_HOW.size >> 2)

export function openatPrep(tctx: Tctx, ctx: IoRingCtx, req: number, r: number): number {
  const { words } = tctx.wq.mem
  if ((words[r + R_BUF_INDEX]! & 0xffff) !== 0) return -EINVAL
  if ((words[r + R_SQE_FLAGS]! & IOSQE_FIXED_FILE) !== 0) return -EBADF
  const res = prepPath(tctx, ctx, req, r)
  if (res < 0) return res
  return words[r + R_FILE_INDEX] !== 0 && (words[r + R_OP_FLAGS]! & O_CLOEXEC) !== 0 ? -EINVAL : 0
}

export function openatTryIssue(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  const { words } = tctx.wq.mem
  // A direct descriptor needs a registered table, and there is none.
  if (words[r + R_FILE_INDEX] !== 0) return -ENXIO
  const flags = words[r + R_OP_FLAGS]!
  // Creating and truncating may wait for the disk whatever is cached.
  if ((flags & (O_CREAT | O_TRUNC | O_TMPFILE | O_PATH)) !== 0) return PUNT
  how[OPEN_HOW.at.flags >> 2] = flags | O_NONBLOCK
  how[OPEN_HOW.at.resolve >> 2] = RESOLVE_CACHED
  const path = fromWords(words[r + R_ADDR]!, words[r + R_ADDR + 1]!)
  const fd = openat2(words[r + R_FD]!, path, addressOf(how), OPEN_HOW.size)
  // EINVAL: openat2 is stricter about flags than openat is; ENOSYS: an old kernel. The plain call tells.
  if (fd === -EAGAIN || fd === -EINVAL || fd === -ENOSYS) return PUNT
  if (fd >= 0 && (flags & O_NONBLOCK) === 0) setStatusFlags(fd, flags)
  return fd
}

export function openatIssue(env: WorkEnv, r: number): number {
  const { words } = env
  if (words[r + R_FILE_INDEX] !== 0) return -ENXIO
  const path = fromWords(words[r + R_ADDR]!, words[r + R_ADDR + 1]!)
  for (;;) {
    const res = libc('openat')(dirFd(words, r), path, words[r + R_OP_FLAGS]!, words[r + R_LEN]!)
    if (res !== -EINTR || env.cancelled()) return res
  }
}

export function closePrep(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  const { words } = tctx.wq.mem
  const unused = words[r + R_OFF]! | words[r + R_OFF + 1]! | words[r + R_ADDR]! | words[r + R_ADDR + 1]!
  if ((unused | words[r + R_LEN]! | words[r + R_OP_FLAGS]! | (words[r + R_BUF_INDEX]! & 0xffff)) !== 0) return -EINVAL
  if ((words[r + R_SQE_FLAGS]! & IOSQE_FIXED_FILE) !== 0) return -EBADF
  return words[r + R_FILE_INDEX] !== 0 && words[r + R_FD] !== 0 ? -EINVAL : 0
}

/** DIFFERS: always on the owner; the kernel sends a file with a flush method to io-wq. */
export function closeTryIssue(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  const { words } = tctx.wq.mem
  if (words[r + R_FILE_INDEX] !== 0) return -ENXIO
  const fd = words[r + R_FD]!
  // A ring is not closed through a ring.
  return tctx.rings.has(fd) ? -EBADF : libc('close')(fd)
}
