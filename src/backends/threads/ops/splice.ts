/**
 * SPLICE, TEE. Prepared on the owner thread, always run on a worker, which uses the source fd by number. Counterpart:
 * io_uring/splice.c.
 */
import { F_GETFD, F_GETFL } from '../../../abi/calls.js'
import {
  O_ACCMODE,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  POLLIN,
  POLLOUT,
  SPLICE_F_FD_IN_FIXED,
  SPLICE_F_GIFT,
  SPLICE_F_MORE,
  SPLICE_F_MOVE,
  SPLICE_F_NONBLOCK,
} from '../../../abi/constants.js'
import { EAGAIN, EBADF, ECANCELED, EINTR, EINVAL, ESPIPE } from '../../../lib/errno.js'
import { libc } from '../../../sys/libc.js'
import { addressOf } from '../../../sys/memory.js'
import type { IoRingCtx } from '../state/ctx.js'
import type { WorkEnv } from '../state/op.js'
import { R_ADDR, R_FILE_INDEX, R_HELD_FD, R_LEN, R_OFF, R_OP_FLAGS, R_TOTAL } from '../state/req.js'
import type { Tctx } from '../state/tctx.js'
import { isReadySoon } from '../wait/worker-wait.js'

const SPLICE_F_ALL = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT

/** Two offsets of this thread's own, filled for each call. */
const offsets = new Int32Array(4)

export function splicePrep(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  const { words } = tctx.wq.mem
  words[r + R_TOTAL] = words[r + R_LEN]!
  return (words[r + R_OP_FLAGS]! & ~(SPLICE_F_ALL | SPLICE_F_FD_IN_FIXED)) !== 0 ? -EINVAL : 0
}

export function teePrep(tctx: Tctx, ctx: IoRingCtx, req: number, r: number): number {
  const { words } = tctx.wq.mem
  const unused = words[r + R_OFF]! | words[r + R_OFF + 1]! | words[r + R_ADDR]! | words[r + R_ADDR + 1]!
  return unused !== 0 ? -EINVAL : splicePrep(tctx, ctx, req, r)
}

export function spliceIssue(env: WorkEnv, r: number): number {
  const splice = libc('splice')
  return move(env, r, (from, to, length, flags) => {
    const fromOff = offset(env.words, r + R_ADDR, 0)
    return splice(from, fromOff, to, offset(env.words, r + R_OFF, 2), length, flags)
  })
}

/** The address of a copy of an offset, because the call moves it; 0 for -1, the position of the file itself. */
function offset(words: Int32Array, field: number, at: number): number {
  offsets[at] = words[field]!
  offsets[at + 1] = words[field + 1]!
  return (offsets[at]! & offsets[at + 1]!) === -1 ? 0 : addressOf(offsets) + at * offsets.BYTES_PER_ELEMENT
}

export function teeIssue(env: WorkEnv, r: number): number {
  return move(env, r, libc('tee'))
}

/**
 * Calls without blocking in a pipe, and waits in poll(2) while one is empty or full. DIFFERS: a splice to a socket
 * without room for all is short, where the kernel waits for room.
 */
function move(
  env: WorkEnv,
  r: number,
  call: (from: number, to: number, length: number, flags: number) => number,
): number {
  const { words } = env
  const flags = words[r + R_OP_FLAGS]!
  const [from, to, length] = [words[r + R_FILE_INDEX]!, words[r + R_HELD_FD]!, words[r + R_LEN]! >>> 0]
  // Files cannot be registered here, so a slot is always empty.
  if ((flags & SPLICE_F_FD_IN_FIXED) !== 0) return -EBADF
  if (length === 0) return libc('fcntl')(from, F_GETFD, 0) < 0 ? -EBADF : 0
  for (;;) {
    if (env.cancelled()) return -ECANCELED
    env.sleeping()
    const res = call(from, to, length, flags | SPLICE_F_NONBLOCK)
    const isBlocked = res === -EAGAIN && (flags & SPLICE_F_NONBLOCK) === 0 && !isNonblocking(from) && !isNonblocking(to)
    if (isBlocked && isReadySoon(from, POLLIN)) isReadySoon(to, POLLOUT)
    env.running()
    // The call checks offsets first, the kernel's ring checks how the files are open.
    if (res === -ESPIPE && (!isOpenForMore(from, O_WRONLY) || !isOpenForMore(to, O_RDONLY))) return -EBADF
    if (!isBlocked && (res !== -EINTR || env.cancelled())) return res
  }
}

/** Whether a file is open for more than `notOnly`: O_RDONLY or O_WRONLY. */
function isOpenForMore(fd: number, notOnly: number): boolean {
  return (libc('fcntl')(fd, F_GETFL, 0) & O_ACCMODE) !== notOnly
}

function isNonblocking(fd: number): boolean {
  return (libc('fcntl')(fd, F_GETFL, 0) & O_NONBLOCK) !== 0
}
