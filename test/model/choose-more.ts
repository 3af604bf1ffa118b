/**
 * Single requests of more-ops.ts, chosen so that their outcome is certain: what they change is their chain's alone until
 * the next drain. Any thread; no shared state.
 */
import * as advice from '../../src/abi/advice.js'
import * as abi from '../../src/abi/constants.js'
import { SPLICE_F_MORE, SPLICE_F_MOVE, SPLICE_F_NONBLOCK } from '../../src/abi/posix.js'
import type { Claims } from './claims.js'
import { NR_BLOCKS } from './contended.js'
import { CONSTANT_BYTES, NR_BASES } from './more-materials.js'
import { type MoreOp, PIPE_FLAGS, type XattrName } from './more-ops.js'
import type { Prng } from './prng.js'
import { type FdRef, FILE_BYTES, NR_FILES, NR_PIPES, type Op, type PathRef } from './program.js'

export const SIZE_OPS = {
  'sync range': 2,
  fallocate: 4,
  ftruncate: 4,
  fadvise: 3,
  madvise: 3,
  fsetxattr: 3,
  fgetxattr: 3,
} as const
export const TREE_OPS = {
  openat2: 6,
  unlinkat: 5,
  renameat: 5,
  mkdirat: 5,
  symlinkat: 4,
  linkat: 5,
  setxattr: 3,
  getxattr: 3,
} as const
export const CONTENDING = { contend: 20 } as const
export const PIPE_OPS = { splice: 10, tee: 6, pipe: 3 } as const

const NAMES = ['a', 'b', 'c', 'a/x', 'a/y', 'b/x', 'c/x', 'a/x/deep', '.', 'a/']
const TARGETS = ['a', 'b', 'x', 'a/x', '.', 'gone', '']

/** What the choice is made from: claims of this part of the program, for this chain. */
export interface Choice {
  readonly random: Prng
  readonly claims: Claims
  readonly chain: number
}

/** An operation of that kind, or undefined where all it could be done to is taken. */
export function chooseMore(kind: MoreOp['op'], choice: Choice): Op | undefined {
  const { random } = choice
  switch (kind) {
    case 'sync range':
      return {
        op: kind,
        fd: anyFd(choice),
        off: random.int(5000),
        len: random.int(5000),
        rangeFlags: random.pick([0, 1, 2, 7, 8]),
      }
    case 'fallocate':
    case 'ftruncate':
      return resize(kind, choice)
    case 'fadvise': {
      const known = random.int(6)
      return {
        op: kind,
        fd: anyFd(choice),
        off: random.int(5000),
        len: random.int(5000),
        advice: random.oneIn(8) ? 99 : known,
      }
    }
    case 'madvise': {
      const at = random.weighted({ page: 8, odd: 1, low: 1 })
      const how = random.pick([
        advice.MADV_NORMAL,
        advice.MADV_RANDOM,
        advice.MADV_WILLNEED,
        advice.MADV_DONTNEED,
        9999,
      ])
      return { op: kind, at, len: random.pick([0, 1, 4096, 16384]), advice: how }
    }
    case 'splice':
    case 'tee':
      return move(kind, choice)
    case 'contend':
      return { op: kind, writes: !random.oneIn(3), block: random.int(NR_BLOCKS) }
    case 'pipe': {
      const pipeFlags = random.oneIn(8) ? 1 : random.oneIn(2) ? 0 : PIPE_FLAGS & random.bits()
      return { op: kind, pipeFlags, memory: random.oneIn(8) ? 'null' : 'good' }
    }
    case 'fsetxattr':
    case 'fgetxattr': {
      const fd = ownFd(choice)
      return fd === undefined ? undefined : { ...xattr(kind, choice), fd }
    }
    default:
      return inTree(kind, choice)
  }
}

function badFd({ random }: Choice): FdRef {
  return { kind: 'bad', fd: random.pick([999_999, -1]) }
}

function anyFd(choice: Choice): FdRef {
  const { random } = choice
  if (random.oneIn(8)) return badFd(choice)
  if (random.oneIn(8))
    return { kind: 'pipe', index: random.int(NR_PIPES), end: random.pick(['read', 'write'] as const) }
  return { kind: 'file', file: random.int(NR_FILES), mode: random.pick(['rw', 'ro', 'append'] as const) }
}

/** A file that is this chain's alone, or none. */
function ownFd(choice: Choice): FdRef | undefined {
  const { random, claims, chain } = choice
  if (random.oneIn(10)) return badFd(choice)
  const file = random.int(NR_FILES)
  if (claims.isShared(file) || !claims.own(file, chain)) return undefined
  return { kind: 'file', file, mode: random.weighted({ rw: 8, ro: 1, wo: 2, append: 2 }) }
}

function resize(kind: 'fallocate' | 'ftruncate', choice: Choice): Op | undefined {
  const { random } = choice
  const fd = ownFd(choice)
  if (fd === undefined) return undefined
  const off = random.oneIn(12) ? -1 : random.int(FILE_BYTES + 2000)
  if (kind === 'ftruncate') return { op: kind, fd, len: off }
  const { FALLOC_FL_KEEP_SIZE: KEEP, FALLOC_FL_PUNCH_HOLE: PUNCH, FALLOC_FL_ZERO_RANGE: ZERO } = advice
  const mode = random.pick([0, 0, KEEP, PUNCH | KEEP, PUNCH, ZERO, ZERO | KEEP, 0x4000])
  return { op: kind, fd, mode, off, len: random.oneIn(12) ? 0 : 1 + random.int(3000) }
}

/** A pipe's end, the whole pipe being this chain's. */
export function ownPipe(choice: Choice, end: 'read' | 'write'): FdRef | undefined {
  const index = choice.random.int(NR_PIPES)
  return choice.claims.claimFd(`pipe ${index}`, choice.chain) ? { kind: 'pipe', index, end } : undefined
}

function move(kind: 'splice' | 'tee', choice: Choice): Op | undefined {
  const { random, claims, chain } = choice
  const spliceFlags = random.oneIn(12) ? 0x10 : (SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE) & random.bits()
  const len = random.oneIn(10) ? 0 : 1 + random.int(random.oneIn(3) ? 12_000 : 800)
  // Now and then an end that is wrong.
  const from = random.oneIn(12) ? badFd(choice) : ownPipe(choice, random.oneIn(12) ? 'write' : 'read')
  const to = random.oneIn(12) ? badFd(choice) : ownPipe(choice, random.oneIn(12) ? 'read' : 'write')
  if (kind === 'tee') return from && to && { op: kind, from, fd: to, len, spliceFlags }
  const pipeOff = random.oneIn(15) ? 3 : -1
  if (random.oneIn(3)) {
    const fromOff = random.oneIn(2) && claims.claimFd('constant', chain) ? -1 : random.int(CONSTANT_BYTES + 200)
    return to && { op: kind, from: { kind: 'constant' }, fromOff, fd: to, off: pipeOff, len, spliceFlags }
  }
  if (random.oneIn(2)) {
    const fd = ownFd(choice)
    const off = random.oneIn(3) ? -1 : random.int(FILE_BYTES + 500)
    return from && fd && { op: kind, from, fromOff: pipeOff, fd, off, len, spliceFlags }
  }
  return from && to && { op: kind, from, fromOff: pipeOff, fd: to, off: -1, len, spliceFlags }
}

/** A path below a folder of the tree that is this chain's, or a bad one. */
export function treePath({ random, claims, chain }: Choice): PathRef | undefined {
  const wrong = random.weighted({ none: 40, 'bad address': 1, empty: 1, 'too long': 1 })
  if (wrong !== 'none') return { kind: wrong }
  const base = random.int(NR_BASES)
  if (!claims.claimFd(`base ${base}`, chain)) return undefined
  const via = random.weighted({ cwd: 6, folder: 6, 'no folder': 1 })
  return { kind: 'tree', base, name: random.pick(NAMES), via }
}

const OPEN_MODES = [
  abi.O_RDONLY,
  abi.O_RDWR,
  abi.O_RDWR | abi.O_CREAT,
  abi.O_WRONLY | abi.O_CREAT | abi.O_EXCL,
  abi.O_WRONLY | abi.O_CREAT | abi.O_TRUNC,
  abi.O_WRONLY | abi.O_TRUNC,
  abi.O_RDONLY | abi.O_DIRECTORY,
  abi.O_RDONLY | abi.O_NOFOLLOW,
  abi.O_PATH,
  abi.O_RDWR | abi.O_APPEND | abi.O_CLOEXEC,
]

/** Opens a name of the tree, or makes it. */
export function openInTree(choice: Choice): Op | undefined {
  const path = treePath(choice)
  return path && { op: 'openat', path, flags: choice.random.pick(OPEN_MODES) }
}

function inTree(kind: keyof typeof TREE_OPS, choice: Choice): Op | undefined {
  const { random } = choice
  const path = treePath(choice)
  if (path === undefined) return undefined
  switch (kind) {
    case 'openat2': {
      const how = random.weighted({ good: 20, short: 1, longer: 2, 'unknown end': 1, 'beyond a page': 1, null: 1 })
      const resolve = random.pick([
        0,
        0,
        0,
        abi.RESOLVE_NO_SYMLINKS,
        abi.RESOLVE_BENEATH,
        abi.RESOLVE_IN_ROOT,
        abi.RESOLVE_NO_XDEV,
        0x80,
      ])
      const flags = random.oneIn(20) ? 0x4000_0000 : random.pick(OPEN_MODES)
      return { op: kind, path, flags, resolve, how }
    }
    case 'unlinkat':
      return { op: kind, path, flags: random.pick([0, 0, 0, abi.AT_REMOVEDIR, abi.AT_REMOVEDIR, 1]) }
    case 'mkdirat':
      return { op: kind, path }
    case 'symlinkat':
      return { op: kind, path, target: random.pick(TARGETS) }
    case 'renameat':
    case 'linkat': {
      const to = treePath(choice)
      const flags =
        kind === 'linkat'
          ? [0, 0, abi.AT_SYMLINK_FOLLOW, 1]
          : [0, 0, abi.RENAME_NOREPLACE, abi.RENAME_EXCHANGE, 3, 0x80]
      return to && { op: kind, path, to, flags: random.pick(flags) }
    }
    case 'setxattr':
    case 'getxattr': {
      const isHere = path.kind !== 'tree' || path.via === 'cwd'
      return { ...xattr(kind, choice), path: isHere ? path : { ...path, via: 'cwd' } }
    }
  }
}

function xattr<K extends 'setxattr' | 'fsetxattr' | 'getxattr' | 'fgetxattr'>(op: K, { random }: Choice) {
  const wrong: readonly XattrName[] = ['nobody', '', 'too long', 'null']
  const name: XattrName = random.oneIn(10) ? random.pick(wrong) : random.pick(['user.a', 'user.b'] as const)
  const len = random.oneIn(20) ? 70_000 : random.oneIn(6) ? 0 : 1 + random.int(60)
  const xattrFlags = random.pick([0, 0, 0, advice.XATTR_CREATE, advice.XATTR_REPLACE, 3, 8])
  const memory = random.oneIn(12) ? ('null' as const) : ('good' as const)
  return { op, name, len, memory, xattrFlags }
}
