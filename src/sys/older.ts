/**
 * Older calls in place of newer ones, if an old seccomp profile refuses the newer with EPERM, the C library has no name
 * for it, or the kernel does not know it. Any thread; node:fs makes the old calls alone, or falls back too.
 *
 * A refusal is not cached: EPERM may concern the file, and then the older call returns it again. Counterpart: libuv's
 * fallback for statx, and glibc's on ENOSYS.
 */
import {
  AT_EMPTY_PATH,
  AT_NO_AUTOMOUNT,
  AT_STATX_SYNC_TYPE,
  AT_SYMLINK_NOFOLLOW,
  STATX_BASIC_STATS,
} from '../abi/posix.js'
import { EFAULT, EINVAL, ENOSYS, EOPNOTSUPP, EPERM } from '../lib/errno.js'
import { process } from '../lib/globals.js'
import type { CFunction } from './c-function.js'
import { ffi } from './ffi.js'

/** syscall(2): a number, and six arguments. */
type Syscall = CFunction
type StandIn = (syscall: Syscall, a: number, b: number, c: number, d: number, e: number) => number
type Older = 'preadv' | 'pwritev' | 'readv' | 'writev' | 'renameat' | 'newfstatat'

const NR: Readonly<Record<string, Readonly<Record<Older, number>>>> = {
  x64: { preadv: 295, pwritev: 296, readv: 19, writev: 20, renameat: 264, newfstatat: 262 },
  arm64: { preadv: 69, pwritev: 70, readv: 65, writev: 66, renameat: 38, newfstatat: 79 },
}
const nr = NR[process.arch]

/** By the newer call's name; called with its arguments. */
const STAND_INS: Readonly<Record<string, StandIn>> = {
  preadv2: (syscall, fd, vecs, nrVecs, at, flags) =>
    transfer(syscall, 'preadv', 'readv', [fd, vecs, nrVecs, at, flags]),
  pwritev2: (syscall, fd, vecs, nrVecs, at, flags) =>
    transfer(syscall, 'pwritev', 'writev', [fd, vecs, nrVecs, at, flags]),
  renameat2(syscall, oldDir, oldPath, newDir, newPath, flags) {
    if (nr === undefined) return -ENOSYS
    return flags === 0 ? syscall(nr.renameat, oldDir, oldPath, newDir, newPath, 0, 0) : -EINVAL
  },
  statx,
}

/** A call that the C library may lack; if it is refused, its stand-in is tried. */
export function orOlder(name: string, newer: CFunction | undefined, syscall: () => Syscall): CFunction {
  const older = STAND_INS[name]
  if (older === undefined) return newer ?? (() => -ENOSYS)
  return (a, b, c, d, e) => {
    const res = newer === undefined ? -ENOSYS : newer(a!, b!, c!, d!, e!)
    return res === -EPERM || res === -ENOSYS ? older(syscall(), a!, b!, c!, d!, e!) : res
  }
}

/** The older calls do not know RWF_*: a transfer that must not wait fails, as for a file that does not support it. */
function transfer(
  syscall: Syscall,
  positioned: Older,
  plain: Older,
  [fd, vecs, nrVecs, at, flags]: [fd: number, vecs: number, nrVecs: number, at: number, flags: number],
): number {
  if (nr === undefined) return -ENOSYS
  if (flags !== 0) return -EOPNOTSUPP
  return at === -1 ? syscall(nr[plain], fd, vecs, nrVecs, 0, 0, 0) : syscall(nr[positioned], fd, vecs, nrVecs, at, 0, 0)
}

/** struct stat: the fields whose offsets differ by architecture, and the others. */
const STAT =
  process.arch === 'arm64' ? { mode: 16, nlink: 20, uid: 24, rdev: 32 } : { nlink: 16, mode: 24, uid: 28, rdev: 40 }
const ST = { dev: 0, ino: 8, size: 48, blksize: 56, blocks: 64, atime: 72, mtime: 88, ctime: 104, bytes: 144 }
/** struct statx. */
const STX = { mask: 0, blksize: 4, nlink: 16, uid: 20, mode: 28, ino: 32, size: 40, blocks: 48, atime: 64, ctime: 96 }
const STX_END = { mtime: 112, rdev: 128, dev: 136, bytes: 256 }
const AT_KNOWN = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH

const stat = new Int32Array(ST.bytes >> 2)
const filled = new Int32Array(STX_END.bytes >> 2)

/** newfstatat(2), written as struct statx, without what only statx knows, such as the time of creation. */
function statx(syscall: Syscall, fd: number, path: number, flags: number, _mask: number, to: number): number {
  if (nr === undefined) return -ENOSYS
  if ((flags & ~(AT_KNOWN | AT_STATX_SYNC_TYPE)) !== 0) return -EINVAL
  const res = syscall(nr.newfstatat, fd, path, here().stat, flags & AT_KNOWN, 0, 0)
  if (res < 0) return res
  filled.fill(0)
  filled[STX.mask >> 2] = STATX_BASIC_STATS
  copy(STX.blksize, ST.blksize, 1)
  copy(STX.nlink, STAT.nlink, 1)
  copy(STX.uid, STAT.uid, 2)
  copy(STX.mode, STAT.mode, 1)
  for (const [to, from] of [
    [STX.ino, ST.ino],
    [STX.size, ST.size],
    [STX.blocks, ST.blocks],
  ] as const) {
    copy(to, from, 2)
  }
  copy(STX.atime, ST.atime, 3)
  copy(STX.ctime, ST.ctime, 3)
  copy(STX_END.mtime, ST.mtime, 3)
  putDevice(STX_END.rdev, STAT.rdev)
  putDevice(STX_END.dev, ST.dev)
  return store(to)
}

function copy(to: number, from: number, nrWords: number): void {
  for (let i = 0; i < nrWords; i++) filled[(to >> 2) + i] = stat[(from >> 2) + i]!
}

/** Writes the major and minor number of stat's device, a word each, as gnu_dev_major does. */
function putDevice(to: number, from: number): void {
  const low = stat[from >> 2]!
  const high = stat[(from >> 2) + 1]!
  filled[to >> 2] = ((low >>> 8) & 0xfff) | (high & ~0xfff)
  filled[(to >> 2) + 1] = (low & 0xff) | (((low >>> 12) | (high << 20)) & ~0xff)
}

/** Copies the result to statx's buffer. As in copyIn(), nothing can tell a good address from a bad one here. */
function store(to: number): number {
  const from = here().filled
  if (to === 0) return -EFAULT
  here().memcpy(to, from, STX_END.bytes)
  return 0
}

let bound: { readonly stat: number; readonly filled: number; readonly memcpy: CFunction } | undefined

/** Addresses of this thread's memory, and the function that copies from it. */
function here() {
  if (bound === undefined) {
    const { address, func } = ffi()
    const memcpy = func('memcpy', 'long', ['long', 'long', 'size'])!
    bound = { stat: address(new Uint8Array(stat.buffer)), filled: address(new Uint8Array(filled.buffer)), memcpy }
  }
  return bound
}
