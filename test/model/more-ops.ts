/**
 * Operations of a generated program beyond program.ts's own: on files, names, attributes and pipes. Data and rules. Any
 * thread; no state.
 */
import { XATTR_CREATE, XATTR_REPLACE } from '../../src/abi/advice.js'
import { AT_REMOVEDIR } from '../../src/abi/constants.js'
import {
  O_CLOEXEC,
  O_DIRECT,
  O_NONBLOCK,
  SPLICE_F_GIFT,
  SPLICE_F_MORE,
  SPLICE_F_MOVE,
  SPLICE_F_NONBLOCK,
} from '../../src/abi/posix.js'
import { EBADF, ECANCELED } from '../../src/lib/errno.js'
import type { FdRef, PathRef } from './program.js'

export type XattrName = 'user.a' | 'user.b' | 'nobody' | '' | 'too long' | 'null'

interface Xattr {
  readonly name: XattrName
  readonly len: number
  readonly memory: 'good' | 'null'
}

export type MoreOp =
  | {
      readonly op: 'sync range'
      readonly fd: FdRef
      readonly off: number
      readonly len: number
      readonly rangeFlags: number
    }
  | { readonly op: 'fallocate'; readonly fd: FdRef; readonly mode: number; readonly off: number; readonly len: number }
  | { readonly op: 'ftruncate'; readonly fd: FdRef; readonly len: number }
  | { readonly op: 'fadvise'; readonly fd: FdRef; readonly off: number; readonly len: number; readonly advice: number }
  | { readonly op: 'madvise'; readonly at: 'page' | 'odd' | 'low'; readonly len: number; readonly advice: number }
  | {
      readonly op: 'openat2'
      readonly path: PathRef
      readonly flags: number
      readonly resolve: number
      readonly how: 'good' | 'short' | 'longer' | 'unknown end' | 'beyond a page' | 'null'
    }
  | { readonly op: 'unlinkat'; readonly path: PathRef; readonly flags: number }
  | { readonly op: 'renameat'; readonly path: PathRef; readonly to: PathRef; readonly flags: number }
  | { readonly op: 'mkdirat'; readonly path: PathRef }
  | { readonly op: 'symlinkat'; readonly path: PathRef; readonly target: string }
  | { readonly op: 'linkat'; readonly path: PathRef; readonly to: PathRef; readonly flags: number }
  | ({ readonly op: 'setxattr'; readonly path: PathRef; readonly xattrFlags: number } & Xattr)
  | ({ readonly op: 'fsetxattr'; readonly fd: FdRef; readonly xattrFlags: number } & Xattr)
  | ({ readonly op: 'getxattr'; readonly path: PathRef } & Xattr)
  | ({ readonly op: 'fgetxattr'; readonly fd: FdRef } & Xattr)
  | {
      readonly op: 'splice'
      readonly from: FdRef
      readonly fromOff: number
      readonly fd: FdRef
      readonly off: number
      readonly len: number
      readonly spliceFlags: number
    }
  | { readonly op: 'tee'; readonly from: FdRef; readonly fd: FdRef; readonly len: number; readonly spliceFlags: number }
  /** A read or write of a block of a file that all may read and write at once. */
  | { readonly op: 'contend'; readonly writes: boolean; readonly block: number }
  | { readonly op: 'pipe'; readonly pipeFlags: number; readonly memory: 'good' | 'null' }

const SPLICE_F_ALL = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT
export const PIPE_FLAGS = O_CLOEXEC | O_NONBLOCK | O_DIRECT

/** Their own errors are results alone: the kernel marks none of these as failed. */
const NEVER_FAIL: ReadonlySet<string> = new Set<MoreOp['op']>([
  'sync range',
  'fallocate',
  'ftruncate',
  'madvise',
  'unlinkat',
  'renameat',
  'mkdirat',
  'symlinkat',
  'linkat',
  'setxattr',
  'fsetxattr',
  'getxattr',
  'fgetxattr',
])

export function neverFails(op: string): boolean {
  return NEVER_FAIL.has(op)
}

/** Whether a result of one that never fails by itself does count: it was cancelled, or had no file to begin with. */
export function countsThough(op: object, res: number): boolean {
  const { fd } = op as { readonly fd?: FdRef }
  return res === -ECANCELED || (res === -EBADF && (fd?.kind === 'bad' || fd?.kind === 'empty slot'))
}

/** A path that is refused when it is submitted. */
export function isNoPath({ kind }: PathRef): boolean {
  return kind === 'bad address' || kind === 'empty' || kind === 'too long'
}

function isNoName(name: XattrName): boolean {
  return name === '' || name === 'too long' || name === 'null'
}

/** Whether the request is refused when it is submitted. */
export function isMoreRefused(op: MoreOp): boolean {
  switch (op.op) {
    case 'openat2':
      return isNoPath(op.path) || op.how === 'short' || op.how === 'unknown end' || op.how === 'null'
    case 'unlinkat':
      return isNoPath(op.path) || (op.flags & ~AT_REMOVEDIR) !== 0
    case 'mkdirat':
      return isNoPath(op.path)
    case 'symlinkat':
      return isNoPath(op.path) || op.target === ''
    case 'renameat':
    case 'linkat':
      return isNoPath(op.path) || isNoPath(op.to)
    case 'setxattr':
    case 'fsetxattr': {
      const isNoValue = op.len > 65536 || (op.len > 0 && op.memory === 'null')
      const isNoFlag = (op.xattrFlags & ~(XATTR_CREATE | XATTR_REPLACE)) !== 0
      return isNoName(op.name) || isNoValue || isNoFlag || ('path' in op && isNoPath(op.path))
    }
    case 'getxattr':
      return isNoName(op.name) || isNoPath(op.path)
    case 'fgetxattr':
      return isNoName(op.name)
    case 'splice':
    case 'tee':
      return (op.spliceFlags & ~SPLICE_F_ALL) !== 0
    case 'pipe':
      return (op.pipeFlags & ~PIPE_FLAGS) !== 0
    default:
      return false
  }
}
