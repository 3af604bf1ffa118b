/**
 * READ, WRITE, READV, WRITEV. Prepared and tried on the owner thread, finished on a worker if they would block.
 *
 * The inline attempt is preadv2 or pwritev2 with RWF_NOWAIT: cached data is copied at once, as the kernel does inside
 * enter. Offset -1 is the file's own position. Counterpart: io_uring/rw.c.
 */
import { F_GETFL, F_GETPIPE_SZ, UIO_MAXIOV } from '../../../abi/calls.js'
import {
  IORING_OP_READ,
  IORING_OP_READV,
  IORING_OP_WRITEV,
  IOSQE_BUFFER_SELECT,
  O_NONBLOCK,
  POLLIN,
  POLLOUT,
  RWF_NOWAIT,
} from '../../../abi/constants.js'
import { MAX_RW_COUNT } from '../../../abi/limits.js'
import { EAGAIN, ECANCELED, EFAULT, EINTR, EINVAL, ENOBUFS, EOPNOTSUPP, ESPIPE } from '../../../lib/errno.js'
import { dataViewOf } from '../../../lib/views.js'
import { fileKind } from '../../../sys/file.js'
import { checkIovecs, libc } from '../../../sys/libc.js'
import { addressOf, copyIn } from '../../../sys/memory.js'
import type { IoRingCtx } from '../state/ctx.js'
import { REQ_F_ISREG } from '../state/layout.js'
import { PUNT, type WorkEnv } from '../state/op.js'
import {
  R_ADDR,
  R_DONE,
  R_FD,
  R_HELD_FD,
  R_LEN,
  R_OFF,
  R_OP_FLAGS,
  R_OPCODE,
  R_REQ_FLAGS,
  R_SQE_FLAGS,
  R_TOTAL,
  s64,
  setAddr,
  u64,
} from '../state/req.js'
import type { Tctx } from '../state/tctx.js'
import { arm, isArmed, waitForFile } from '../wait/worker-wait.js'

const IOV_BYTES = 16

/** One iovec of this thread's own, filled for each call. */
const iov = new Int32Array(4)

export function rwPrep(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  const { words } = tctx.wq.mem
  words[r + R_TOTAL] = Math.min(words[r + R_LEN]! >>> 0, MAX_RW_COUNT)
  return 0
}

/** Copies the iovec array; the data stays in place. */
export function rwvPrep(tctx: Tctx, ctx: IoRingCtx, req: number, r: number): number {
  const { words } = tctx.wq.mem
  const nrVecs = words[r + R_LEN]! >>> 0
  if ((words[r + R_SQE_FLAGS]! & IOSQE_BUFFER_SELECT) !== 0) return nrVecs > 1 ? -EINVAL : rwPrep(tctx, ctx, req, r)
  if (nrVecs > UIO_MAXIOV) return -EINVAL
  if (nrVecs === 0) return 0
  const vecs = new Uint8Array(nrVecs * IOV_BYTES)
  if (copyIn(u64(words, r + R_ADDR), vecs) !== vecs.length) return -EFAULT
  const view = new DataView(vecs.buffer)
  let total = 0
  let hasLong = false
  for (let i = 0; i < nrVecs; i++) {
    const high = view.getInt32(i * IOV_BYTES + 12, true)
    // A length that is negative as a signed 64-bit number is refused, as in the kernel.
    if (high < 0) return -EINVAL
    total += high * 2 ** 32 + view.getUint32(i * IOV_BYTES + 8, true)
    hasLong ||= high !== 0
  }
  if (total > MAX_RW_COUNT) {
    const res = hasLong ? checkIovecs(addressOf(vecs), nrVecs) : 0
    if (res === -EFAULT) return res
    total = cutOff(view, nrVecs)
  }
  words[r + R_TOTAL] = total
  tctx.held[req] = vecs
  setAddr(words, r, addressOf(vecs))
  return 0
}

/** Cuts the lengths to what one call moves, so that 32 bits hold every length and their sum. Returns the sum. */
function cutOff(view: DataView, nrVecs: number): number {
  let total = 0
  for (let i = 0; i < nrVecs; i++) {
    const at = i * IOV_BYTES + 8
    const asked = view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true)
    const lengthBytes = Math.min(asked, MAX_RW_COUNT - total)
    view.setUint32(at, lengthBytes, true)
    view.setUint32(at + 4, 0, true)
    total += lengthBytes
  }
  return total
}

function isVectored(words: Int32Array, r: number): boolean {
  const opcode = words[r + R_OPCODE]!
  return opcode === IORING_OP_READV || opcode === IORING_OP_WRITEV
}

/** One preadv2 or pwritev2, `done` bytes into the transfer; repeated without a position for a file that has none. */
function transfer(name: 'preadv2' | 'pwritev2', words: Int32Array, r: number, fd: number, flags: number): number {
  let vecs: number
  let nrVecs = 1
  if (isVectored(words, r)) {
    vecs = u64(words, r + R_ADDR)
    nrVecs = words[r + R_LEN]!
  } else {
    iov[0] = words[r + R_ADDR]!
    iov[1] = words[r + R_ADDR + 1]!
    iov[2] = words[r + R_LEN]!
    vecs = addressOf(iov)
  }
  const done = words[r + R_DONE]!
  if (done > 0) [vecs, nrVecs] = skipBytes(vecs, nrVecs, done)
  // -1 is the file's own position; the kernel refuses smaller numbers.
  const off = s64(words, r + R_OFF)
  const at = off >= 0 ? off + done : off
  const call = libc(name)
  if (at < -1) return -EINVAL
  const res = call(fd, vecs, nrVecs, at, flags)
  return res === -ESPIPE && at >= 0 ? call(fd, vecs, nrVecs, -1, flags) : res
}

let rest = new Uint8Array(IOV_BYTES)

/** The iovecs without their first `done` bytes, in memory of this thread's own. */
function skipBytes(vecs: number, nrVecs: number, done: number): [vecs: number, nrVecs: number] {
  if (rest.length < nrVecs * IOV_BYTES) rest = new Uint8Array(nrVecs * IOV_BYTES)
  libc('memcpy')(addressOf(rest), vecs, nrVecs * IOV_BYTES)
  const view = dataViewOf(rest)
  let i = 0
  let left = done
  while (i < nrVecs && left >= view.getUint32(i * IOV_BYTES + 8, true)) {
    left -= view.getUint32(i * IOV_BYTES + 8, true)
    i++
  }
  if (left > 0) {
    view.setBigUint64(i * IOV_BYTES, view.getBigUint64(i * IOV_BYTES, true) + BigInt(left), true)
    view.setUint32(i * IOV_BYTES + 8, view.getUint32(i * IOV_BYTES + 8, true) - left, true)
  }
  return [addressOf(rest) + i * IOV_BYTES, nrVecs - i]
}

function tryTransfer(name: 'preadv2' | 'pwritev2', words: Int32Array, r: number): number {
  // Buffers cannot be provided here, so a group is always empty.
  if ((words[r + R_SQE_FLAGS]! & IOSQE_BUFFER_SELECT) !== 0) return -ENOBUFS
  const flags = words[r + R_OP_FLAGS]!
  const fd = words[r + R_FD]!
  const res = transfer(name, words, r, fd, flags | RWF_NOWAIT)
  const total = words[r + R_TOTAL]!
  if (res > 0 && res < total && (flags & RWF_NOWAIT) === 0) return short(words, r, fd, res)
  if (res === -EAGAIN) return (flags & RWF_NOWAIT) !== 0 ? -EAGAIN : PUNT
  // The file does not support RWF_NOWAIT, or a flag is wrong: the plain call has the true result.
  if (res === -EOPNOTSUPP) return (flags & RWF_NOWAIT) !== 0 ? withoutNowait(name, words, r, fd) : PUNT
  return res
}

/** Part of the data was there. A worker transfers the rest of a regular file, unless the file ends there. */
function short(words: Int32Array, r: number, fd: number, done: number): number {
  const kind = fileKind(fd)
  if (typeof kind === 'number' || !kind.regular) return done
  const off = s64(words, r + R_OFF)
  const isRead = words[r + R_OPCODE] === IORING_OP_READ || words[r + R_OPCODE] === IORING_OP_READV
  if (isRead && off >= 0 && off + done === kind.sizeBytes) return done
  words[r + R_DONE] = done
  return PUNT
}

/**
 * A transfer with RWF_NOWAIT on a file that refuses the flag. DIFFERS: after splice(2) a pipe refuses it for good,
 * where the kernel's ring does not; an O_NONBLOCK pipe is used without the flag, and any other stays refused.
 */
function withoutNowait(name: 'preadv2' | 'pwritev2', words: Int32Array, r: number, fd: number): number {
  const isPipe = libc('fcntl')(fd, F_GETPIPE_SZ, 0) >= 0
  if (!isPipe || (libc('fcntl')(fd, F_GETFL, 0) & O_NONBLOCK) === 0) return -EOPNOTSUPP
  return transfer(name, words, r, fd, words[r + R_OP_FLAGS]! & ~RWF_NOWAIT)
}

export function readTryIssue(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  return tryTransfer('preadv2', tctx.wq.mem.words, r)
}

export function writeTryIssue(tctx: Tctx, _ctx: IoRingCtx, _req: number, r: number): number {
  return tryTransfer('pwritev2', tctx.wq.mem.words, r)
}

export function readIssue(env: WorkEnv, r: number): number {
  return blockingTransfer('preadv2', env, r, POLLIN)
}

export function writeIssue(env: WorkEnv, r: number): number {
  return blockingTransfer('pwritev2', env, r, POLLOUT)
}

/** Tries without blocking, waits in poll(2) if the file supports it, and otherwise blocks in the call itself. */
function blockingTransfer(name: 'preadv2' | 'pwritev2', env: WorkEnv, r: number, events: number): number {
  const { words } = env
  const fd = words[r + R_HELD_FD]!
  const flags = words[r + R_OP_FLAGS]!
  const done = words[r + R_DONE]!
  let nowait = (words[r + R_REQ_FLAGS]! & REQ_F_ISREG) === 0 ? RWF_NOWAIT : 0
  let waits = isArmed(words, r)
  for (;;) {
    if (waits ? !waitForFile(env, r, fd, events) : env.cancelled()) return done > 0 ? done : -ECANCELED
    waits = false
    // Without RWF_NOWAIT it waits for the disk.
    if (nowait === 0) env.sleeping()
    const res = transfer(name, words, r, fd, flags | nowait)
    if (nowait === 0) env.running()
    if (res === -EOPNOTSUPP && nowait !== 0 && (flags & RWF_NOWAIT) === 0) nowait = 0
    else if (res === -EAGAIN && (flags & RWF_NOWAIT) === 0) {
      arm(words, r)
      waits = true
    } else if (res === -EINTR && !env.cancelled()) continue
    else if (res === -EOPNOTSUPP && (flags & RWF_NOWAIT) !== 0) return withoutNowait(name, words, r, fd)
    else if (res < 0) return done > 0 ? done : res
    else return done + res
  }
}
