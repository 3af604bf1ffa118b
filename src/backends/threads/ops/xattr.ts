/**
 * SETXATTR, FSETXATTR, GETXATTR, FGETXATTR. Prepared on the owner thread, always run on a worker. Counterpart:
 * io_uring/xattr.c.
 */
import { XATTR_CREATE, XATTR_REPLACE } from '../../../abi/advice.js'
import { XATTR_NAME_MAX, XATTR_SIZE_MAX } from '../../../abi/calls.js'
import { IOSQE_FIXED_FILE } from '../../../abi/constants.js'
import { E2BIG, EBADF, EFAULT, EINVAL, ENAMETOOLONG, ENOENT, ERANGE } from '../../../lib/errno.js'
import { libc } from '../../../sys/libc.js'
import { copyIn } from '../../../sys/memory.js'
import { copyPath, hold } from '../request/alloc.js'
import type { IoRingCtx } from '../state/ctx.js'
import type { WorkEnv } from '../state/op.js'
import { R_ADDR, R_HELD_FD, R_LEN, R_OFF, R_OP_FLAGS, R_SQE_FLAGS, R_TOTAL, setAddr, u64 } from '../state/req.js'
import type { Tctx } from '../state/tctx.js'
import { S_ADDR3 } from '../state/words.js'

const NOTHING = new Uint8Array(0)

/** A copy of the name at `address`. -EFAULT; -ERANGE for one that is empty or too long. */
function copyName(address: number): Uint8Array | number {
  const name = copyPath(address)
  if (name === -ENOENT || name === -ENAMETOOLONG) return -ERANGE
  if (typeof name === 'number') return name
  return name.length - 1 > XATTR_NAME_MAX ? -ERANGE : name.slice()
}

/**
 * Holds name, value and path in one piece: `addr` is then the name, and `total` the offset of the path behind it. The
 * value to be set lies at the end, and `addr2` is its address.
 */
function holdAll(tctx: Tctx, req: number, r: number, name: Uint8Array, path: Uint8Array, value?: Uint8Array): number {
  const { words } = tctx.wq.mem
  const address = hold(tctx, req, name, path, value ?? NOTHING)
  setAddr(words, r, address)
  words[r + R_TOTAL] = name.length
  if (value !== undefined) setAddr(words, r, address + name.length + path.length, R_OFF)
  return 0
}

/** The path at addr3, read from the SQE: a request has no such field. */
function pathAt(ctx: IoRingCtx, sqe: number): Uint8Array | number {
  return copyPath(u64(ctx.sqes, sqe + S_ADDR3))
}

/** The value to be set. -E2BIG, -EFAULT. */
function copyValue(words: Int32Array, r: number): Uint8Array | number {
  const sizeBytes = words[r + R_LEN]! >>> 0
  if (sizeBytes > XATTR_SIZE_MAX) return -E2BIG
  const value = new Uint8Array(sizeBytes)
  return sizeBytes > 0 && copyIn(u64(words, r + R_OFF), value) !== sizeBytes ? -EFAULT : value
}

export function fsetxattrPrep(tctx: Tctx, _ctx: IoRingCtx, req: number, r: number): number {
  return prepSet(tctx, req, r, () => NOTHING)
}

export function setxattrPrep(tctx: Tctx, ctx: IoRingCtx, req: number, r: number, sqe: number): number {
  if ((tctx.wq.mem.words[r + R_SQE_FLAGS]! & IOSQE_FIXED_FILE) !== 0) return -EBADF
  return prepSet(tctx, req, r, () => pathAt(ctx, sqe))
}

function prepSet(tctx: Tctx, req: number, r: number, pathOf: () => Uint8Array | number): number {
  const { words } = tctx.wq.mem
  if ((words[r + R_OP_FLAGS]! & ~(XATTR_CREATE | XATTR_REPLACE)) !== 0) return -EINVAL
  const name = copyName(u64(words, r + R_ADDR))
  if (typeof name === 'number') return name
  const value = copyValue(words, r)
  if (typeof value === 'number') return value
  const path = pathOf()
  return typeof path === 'number' ? path : holdAll(tctx, req, r, name, path, value)
}

export function fgetxattrPrep(tctx: Tctx, _ctx: IoRingCtx, req: number, r: number): number {
  return prepGet(tctx, req, r, () => NOTHING)
}

export function getxattrPrep(tctx: Tctx, ctx: IoRingCtx, req: number, r: number, sqe: number): number {
  if ((tctx.wq.mem.words[r + R_SQE_FLAGS]! & IOSQE_FIXED_FILE) !== 0) return -EBADF
  return prepGet(tctx, req, r, () => pathAt(ctx, sqe))
}

function prepGet(tctx: Tctx, req: number, r: number, pathOf: () => Uint8Array | number): number {
  const { words } = tctx.wq.mem
  if (words[r + R_OP_FLAGS] !== 0) return -EINVAL
  const name = copyName(u64(words, r + R_ADDR))
  if (typeof name === 'number') return name
  const path = pathOf()
  return typeof path === 'number' ? path : holdAll(tctx, req, r, name, path)
}

export function setxattrIssue({ words }: WorkEnv, r: number): number {
  const name = u64(words, r + R_ADDR)
  const path = name + words[r + R_TOTAL]!
  return libc('setxattr')(path, name, u64(words, r + R_OFF), words[r + R_LEN]!, words[r + R_OP_FLAGS]!)
}

export function fsetxattrIssue({ words }: WorkEnv, r: number): number {
  const [name, value] = [u64(words, r + R_ADDR), u64(words, r + R_OFF)]
  return libc('fsetxattr')(words[r + R_HELD_FD]!, name, value, words[r + R_LEN]!, words[r + R_OP_FLAGS]!)
}

export function getxattrIssue({ words }: WorkEnv, r: number): number {
  const name = u64(words, r + R_ADDR)
  return libc('getxattr')(name + words[r + R_TOTAL]!, name, u64(words, r + R_OFF), words[r + R_LEN]! >>> 0)
}

export function fgetxattrIssue({ words }: WorkEnv, r: number): number {
  return libc('fgetxattr')(
    words[r + R_HELD_FD]!,
    u64(words, r + R_ADDR),
    u64(words, r + R_OFF),
    words[r + R_LEN]! >>> 0,
  )
}
