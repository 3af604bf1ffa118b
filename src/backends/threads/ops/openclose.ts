/**
 * OPENAT, OPENAT2, CLOSE, PIPE. Prepared and tried on the owner thread; a worker finishes an open that must read the
 * disk.
 *
 * The inline attempt is openat2 with RESOLVE_CACHED and O_NONBLOCK, as in the kernel: it walks cached path components
 * at once, and a FIFO without a writer does not block. Counterpart: io_uring/openclose.c.
 */
import {
  IOSQE_FIXED_FILE,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECT,
  O_EXCL,
  O_NONBLOCK,
  O_PATH,
  O_TMPFILE,
  O_TRUNC,
  RESOLVE_CACHED,
} from '../../../abi/constants.js'
import { OPEN_HOW } from '../../../abi/structs.js'
import { E2BIG, EAGAIN, EBADF, EFAULT, EINTR, EINVAL, ENOSYS, ENXIO, EPERM } from '../../../lib/errno.js'
import { setStatusFlags } from '../../../sys/file.js'
import { libc, openat2 } from '../../../sys/libc.js'
import { addressOf, copyIn } from '../../../sys/memory.js'
import { prepPath } from '../request/alloc.js'
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
  u64,
} from '../state/req.js'
import type { Tctx } from '../state/tctx.js'
import { S_ADDR3 } from '../state/words.js'

const CHUNK_BYTES = 65536

const how = new Int32Array(OPEN_HOW.size >> 2)

export function openatPrep(tctx: Tctx, ctx: IoRingCtx, req: number, r: number): number {
  const { words } = tctx.wq.mem
  if (bufIndex(words, r) !== 0) return -EINVAL
  if ((words[r + R_SQE_FLAGS]! & IOSQE_FIXED_FILE) !== 0) return -EBADF
  const res = prepPath(tctx, ctx, req, r)
  if (res < 0) return res
  return words[r + R_FILE_INDEX] !== 0 && (words[r + R_OP_FLAGS]! & O_CLOEXEC) !== 0 ? -EINVAL : 0
}

/**
 * Reads the struct open_how at addr2, `len` bytes. After that the request is like an OPENAT's: O_* are its flags, `len`
 * is the mode, `off` is RESOLVE_*, and the word behind it has the bits that fit no field.
 */
export function openat2Prep(tctx: Tctx, ctx: IoRingCtx, req: number, r: number): number {
  const { words } = tctx.wq.mem
  const sizeBytes = words[r + R_LEN]! >>> 0
  if (sizeBytes < OPEN_HOW.size) return -EINVAL
  const address = u64(words, r + R_OFF)
  const given = new Int32Array(OPEN_HOW.size >> 2)
  // The fields of a later version of the structure must be 0, however many there are; they are checked first.
  const rest = checkUnset(address + OPEN_HOW.size, sizeBytes - OPEN_HOW.size)
  if (rest < 0) return rest
  if (copyIn(address, new Uint8Array(given.buffer)) !== OPEN_HOW.size) return -EFAULT
  words[r + R_OP_FLAGS] = given[OPEN_HOW.at.flags >> 2]!
  words[r + R_LEN] = given[OPEN_HOW.at.mode >> 2]!
  words[r + R_OFF] = given[OPEN_HOW.at.resolve >> 2]!
  words[r + R_OFF + 1] =
    given[(OPEN_HOW.at.flags >> 2) + 1]! | given[(OPEN_HOW.at.mode >> 2) + 1]! | given[(OPEN_HOW.at.resolve >> 2) + 1]!
  return openatPrep(tctx, ctx, req, r)
}

/** 0 if so many bytes at an address are 0; -E2BIG, -EFAULT. */
function checkUnset(address: number, nrBytes: number): number {
  const chunk = new Uint8Array(Math.min(nrBytes, CHUNK_BYTES))
  for (let done = 0; done < nrBytes; done += CHUNK_BYTES) {
    const partBytes = Math.min(nrBytes - done, CHUNK_BYTES)
    const copied = copyIn(address + done, chunk.subarray(0, partBytes))
    if (chunk.subarray(0, Math.max(0, copied)).some((byte) => byte !== 0)) return -E2BIG
    if (copied !== partBytes) return -EFAULT
  }
  return 0
}

export function openatTryIssue(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  return openCached(tctx.wq.mem.words, r, 0, 0)
}

export function openat2TryIssue(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  const { words } = tctx.wq.mem
  if (words[r + R_OFF + 1] !== 0) return -EINVAL
  return openCached(words, r, words[r + R_LEN]!, words[r + R_OFF]!)
}

function openCached(words: Int32Array, r: number, mode: number, resolve: number): number {
  // A direct descriptor requires a registered table, and there is none.
  if (words[r + R_FILE_INDEX] !== 0) return -ENXIO
  const flags = words[r + R_OP_FLAGS]!
  // O_CREAT and O_TRUNC may wait for the disk, whatever is cached.
  if ((flags & (O_CREAT | O_TRUNC | O_TMPFILE | O_PATH)) !== 0) return PUNT
  fillHow(flags | O_NONBLOCK, mode, resolve | RESOLVE_CACHED)
  const fd = openat2(words[r + R_FD]!, u64(words, r + R_ADDR), addressOf(how), OPEN_HOW.size)
  if (fd === -EAGAIN) return (resolve & RESOLVE_CACHED) !== 0 ? -EAGAIN : PUNT
  // EINVAL: openat2 is stricter about flags than openat is. ENOSYS, EPERM: a kernel or a filter does not know it. The
  // plain call has the true result.
  if (fd === -EINVAL || fd === -ENOSYS || fd === -EPERM) return PUNT
  if (fd >= 0 && (flags & O_NONBLOCK) === 0) setStatusFlags(fd, flags)
  return fd
}

function fillHow(flags: number, mode: number, resolve: number): void {
  how[OPEN_HOW.at.flags >> 2] = flags
  how[OPEN_HOW.at.mode >> 2] = mode
  how[OPEN_HOW.at.resolve >> 2] = resolve
}

export function openatIssue(env: WorkEnv, r: number): number {
  const { words } = env
  if (words[r + R_FILE_INDEX] !== 0) return -ENXIO
  const path = u64(words, r + R_ADDR)
  for (;;) {
    const res = libc('openat')(dirFd(words, r), path, words[r + R_OP_FLAGS]!, words[r + R_LEN]!)
    if (res !== -EINTR || env.cancelled()) return res
  }
}

export function openat2Issue(env: WorkEnv, r: number): number {
  const { words } = env
  if (words[r + R_FILE_INDEX] !== 0) return -ENXIO
  if (words[r + R_OFF + 1] !== 0) return -EINVAL
  for (;;) {
    fillHow(words[r + R_OP_FLAGS]!, words[r + R_LEN]!, words[r + R_OFF]!)
    const res = openat2(dirFd(words, r), u64(words, r + R_ADDR), addressOf(how), OPEN_HOW.size)
    if (res !== -EINTR || env.cancelled()) return res
  }
}

/** pipe2's flags; O_EXCL is O_NOTIFICATION_PIPE. */
const PIPE_FLAGS = O_CLOEXEC | O_NONBLOCK | O_DIRECT | O_EXCL

export function pipePrep(tctx: Tctx, ctx: IoRingCtx, _req: number, r: number, sqe: number): number {
  const { words } = tctx.wq.mem
  const unused =
    words[r + R_FD]! |
    words[r + R_OFF]! |
    words[r + R_OFF + 1]! |
    ctx.sqes[sqe + S_ADDR3]! |
    ctx.sqes[sqe + S_ADDR3 + 1]!
  return unused !== 0 || (words[r + R_OP_FLAGS]! & ~PIPE_FLAGS) !== 0 ? -EINVAL : 0
}

export function pipeTryIssue(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  return pipe(tctx.wq.mem.words, r)
}

export function pipeIssue(env: WorkEnv, r: number): number {
  return pipe(env.words, r)
}

function pipe(words: Int32Array, r: number): number {
  if (words[r + R_FILE_INDEX] !== 0) return -ENXIO
  return libc('pipe2')(u64(words, r + R_ADDR), words[r + R_OP_FLAGS]!)
}

export function closePrep(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  const { words } = tctx.wq.mem
  const unused = words[r + R_OFF]! | words[r + R_OFF + 1]! | words[r + R_ADDR]! | words[r + R_ADDR + 1]!
  if ((unused | words[r + R_LEN]! | words[r + R_OP_FLAGS]! | bufIndex(words, r)) !== 0) return -EINVAL
  if ((words[r + R_SQE_FLAGS]! & IOSQE_FIXED_FILE) !== 0) return -EBADF
  return words[r + R_FILE_INDEX] !== 0 && words[r + R_FD] !== 0 ? -EINVAL : 0
}

/** DIFFERS: it always runs on the owner; the kernel sends a file with a flush method to io-wq. */
export function closeTryIssue(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  const { words } = tctx.wq.mem
  if (words[r + R_FILE_INDEX] !== 0) return -ENXIO
  const fd = words[r + R_FD]!
  // A ring is not closed through a ring.
  return tctx.rings.has(fd) ? -EBADF : libc('close')(fd)
}
