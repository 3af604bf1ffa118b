/**
 * What a generated program is made of: data alone, the same for every backend. Any thread; no state.
 *
 * A program is steps. A step puts a chain of SQEs on the queue (a single request is a chain of one), or calls the ring.
 * `drain` waits until all that was submitted has ended: results are compared there, and nothing is in flight after.
 * `close` ends a program in the middle: what is in flight then tells of nothing any more, but lets go of its files.
 */
import {
  IORING_ASYNC_CANCEL_ANY,
  IORING_ASYNC_CANCEL_FD,
  IORING_ASYNC_CANCEL_OP,
  IORING_FSYNC_DATASYNC,
  IORING_NOP_INJECT_RESULT,
  IORING_NOP_TW,
  IORING_TIMEOUT_ETIME_SUCCESS,
  IOSQE_BUFFER_SELECT,
  IOSQE_FIXED_FILE,
  IOSQE_IO_DRAIN,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
} from '../../src/abi/constants.js'
import { ECANCELED, EMFILE, EOWNERDEAD, ETIME } from '../../src/lib/errno.js'
import { BLOCK_BYTES } from './contended.js'
import { countsThough, isMoreRefused, isNoPath, type MoreOp, neverFails } from './more-ops.js'

/** Each data file of a run begins with this many bytes. */
export const FILE_BYTES = 4096
export const NR_FILES = 5
/** Descriptors that a program may close, spread over the files. */
export const NR_SPARES = 8
/** Pipes of two pages that nothing waits for: they are O_NONBLOCK, and transfers are RWF_NOWAIT. */
export const NR_PIPES = 4

export type FdRef =
  /** Open all the time, each with a position of its own. */
  | { readonly kind: 'file'; readonly file: number; readonly mode: 'rw' | 'ro' | 'wo' | 'append' }
  /** Open to read and write until the program closes it. */
  | { readonly kind: 'spare'; readonly index: number }
  /** What an earlier openat opened. */
  | { readonly kind: 'opened'; readonly by: number }
  | { readonly kind: 'dir' }
  | { readonly kind: 'pipe'; readonly index: number; readonly end: 'read' | 'write' }
  /** A file that nobody writes to. */
  | { readonly kind: 'constant' }
  /** /dev/full: reads give zeroes, and writes find no space. */
  | { readonly kind: 'full' }
  | { readonly kind: 'bad'; readonly fd: number }
  /** The registered file of that number: what `file` with mode `rw` is, position and all. */
  | { readonly kind: 'fixed'; readonly file: number }
  /** A slot that holds no file, or that there is not. */
  | { readonly kind: 'empty slot'; readonly slot: number }

/** Slots of registered files: the data files, an empty one, and one that is no program's. */
export const NR_SLOTS = NR_FILES + 2

export type PathRef =
  | { readonly kind: 'file'; readonly file: number }
  /** A name of its own, which nothing else uses. */
  | { readonly kind: 'new'; readonly name: string }
  /** A name below a top folder of the tree, from where `via` says. */
  | {
      readonly kind: 'tree'
      readonly base: number
      readonly name: string
      readonly via: 'cwd' | 'folder' | 'no folder'
    }
  | { readonly kind: 'missing' | 'below file' | 'dir' | 'bad address' | 'empty' | 'too long' }

export type Op =
  | { readonly op: 'nop'; readonly nopFlags: number; readonly len: number }
  | { readonly op: 'bad opcode'; readonly opcode: number }
  | {
      readonly op: 'read' | 'write'
      readonly fd: FdRef
      readonly off: number
      readonly len: number
      readonly memory: 'good' | 'null' | 'low'
    }
  | {
      readonly op: 'readv' | 'writev'
      readonly fd: FdRef
      readonly off: number
      readonly parts: readonly number[]
      readonly memory: 'good' | 'null iovecs' | 'low iovecs' | 'too many' | 'bad part'
    }
  | { readonly op: 'openat'; readonly path: PathRef; readonly flags: number }
  | { readonly op: 'close'; readonly fd: FdRef }
  | { readonly op: 'statx'; readonly path: PathRef; readonly memory: 'good' | 'null' }
  | { readonly op: 'fsync'; readonly fd: FdRef; readonly fsyncFlags: number }
  /** A read of an empty pipe of its own: it waits until cancelled, or until the drain writes. */
  | { readonly op: 'wait'; readonly len: number }
  | { readonly op: 'cancel'; readonly target: number; readonly flags: number; readonly opcode?: number }
  /** `ms` FAR: it waits until its count is met or it is cancelled; the drain does that for those that are left. */
  | { readonly op: 'timeout'; readonly ms: number; readonly count: number; readonly timeoutFlags: number }
  /** A limit for the member before it. */
  | { readonly op: 'link timeout'; readonly ms: number }
  /** A poll of an empty pipe of its own: it waits as `wait` does. Multishot: until it is cancelled. */
  | { readonly op: 'poll'; readonly multishot: boolean }
  /** TIMEOUT_REMOVE or POLL_REMOVE. */
  | { readonly op: 'remove'; readonly what: 'timeout' | 'poll'; readonly target: number }
  | MoreOp

/** Milliseconds that no run lasts. */
export const FAR = 3_600_000

export interface Member {
  readonly userData: number
  /** IOSQE_* bits. */
  readonly flags: number
  readonly op: Op
}

export type Step =
  /** `splitAfter`: a submit comes in between, after that many members. */
  | { readonly step: 'chain'; readonly members: readonly Member[]; readonly splitAfter?: number }
  | { readonly step: 'submit' | 'get events' | 'take' | 'drain' | 'close' }
  /** Takes no more than so many completions: what overflowed is flushed in part. */
  | { readonly step: 'take some'; readonly nr: number }
  /** IORING_REGISTER_SYNC_CANCEL. */
  | { readonly step: 'sync cancel'; readonly target: number }
  /** Ends one of the backend's own threads, where it has some; `looks`: how much later. */
  | { readonly step: 'kill'; readonly nth: number; readonly looks: number }
  | { readonly step: 'submit and wait'; readonly nr: number }

export interface Program {
  readonly seed: number
  readonly setupFlags: number
  readonly entries: number
  readonly cqEntries: number
  readonly steps: readonly Step[]
  /** RLIMIT_FSIZE while it runs. */
  readonly fileLimit?: number
  /** How many descriptors can be opened while a call is made. */
  readonly fdsLeft?: number
  /** Runs beside it on a ring of its own, step by step, on files of its own. */
  readonly companion?: Program
}

/** Whether a request stays in flight until it is cancelled or let go. */
export function isWaiter(op: Op): boolean {
  return op.op === 'wait' || op.op === 'poll' || (op.op === 'timeout' && op.ms === FAR)
}

/** Whether a cancel may end requests that it does not name. */
export function isBroad(op: Op): boolean {
  return op.op === 'cancel' && (op.flags & (IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_OP)) !== 0
}

/**
 * Whether every result follows from the program: then two runs can be compared. Times, polls, cancels that sweep, and
 * waiting before a drain, which may or may not be found, leave more than one right outcome; rules hold for those too.
 */
export function isCertain(program: Program): boolean {
  if (program.companion !== undefined && !isCertain(program.companion)) return false
  if (program.steps.some(({ step }) => step === 'sync cancel' || step === 'kill')) return false
  // Where a backend needs one of its own its requests fail too.
  if (program.fdsLeft !== undefined) return false
  const ops = membersOf(program).map(({ op }) => op)
  if (ops.some((op) => UNCERTAIN.has(op.op) || isBroad(op))) return false
  return !hasDrains(program) || ops.every(({ op }) => op !== 'wait')
}

const UNCERTAIN: ReadonlySet<Op['op']> = new Set(['timeout', 'link timeout', 'poll', 'remove'])

export function hasDrains(program: Program): boolean {
  return membersOf(program).some(({ flags }) => (flags & IOSQE_IO_DRAIN) !== 0)
}

function membersOf({ steps }: Program): Member[] {
  return steps.flatMap((step) => (step.step === 'chain' ? step.members : []))
}

function isOnFixed(op: Op): boolean {
  return 'fd' in op && (op.fd.kind === 'fixed' || op.fd.kind === 'empty slot')
}

/** What is written to the SQE's flags: the member's, and whether its file is a registered one. */
export function sqeFlags({ flags, op }: Member): number {
  return isOnFixed(op) ? flags | IOSQE_FIXED_FILE : flags
}

/** Whether files must be registered before. */
export function usesFixed(program: Program): boolean {
  return membersOf(program).some(({ op }) => isOnFixed(op))
}

export const LINKS = IOSQE_IO_LINK | IOSQE_IO_HARDLINK
const NOP_FLAGS = IORING_NOP_INJECT_RESULT | IORING_NOP_TW

/** Whether a request is refused before it counts as drained: by its opcode or its flags. */
export function isRefusedByFlags({ flags, op }: Member): boolean {
  const selects = (flags & IOSQE_BUFFER_SELECT) !== 0
  return (flags & 0x80) !== 0 || op.op === 'bad opcode' || (selects && op.op !== 'read' && op.op !== 'readv')
}

/** Whether a member of a chain is refused when it is submitted: then none of its chain starts. */
export function isRefused(member: Member, before: Member | undefined): boolean {
  const { op } = member
  if (isRefusedByFlags(member)) return true
  switch (op.op) {
    case 'nop':
      return (op.nopFlags & ~NOP_FLAGS) !== 0
    case 'readv':
    case 'writev':
      return op.memory === 'null iovecs' || op.memory === 'low iovecs' || op.memory === 'too many'
    case 'openat':
    case 'statx':
      return isNoPath(op.path)
    case 'fsync':
      return (op.fsyncFlags & ~IORING_FSYNC_DATASYNC) !== 0
    case 'cancel': {
      const byAny = (op.flags & IORING_ASYNC_CANCEL_ANY) !== 0
      const byMore = (op.flags & (IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP)) !== 0
      return (op.flags & ~0x3f) !== 0 || (byAny && byMore)
    }
    case 'link timeout':
      return before === undefined || before.op.op === 'link timeout'
    case 'bad opcode':
      return true
    case 'read':
    case 'write':
    case 'close':
    case 'wait':
    case 'timeout':
    case 'poll':
    case 'remove':
      return false
    default:
      return isMoreRefused(op)
  }
}

/** Whether a chain, as it was taken, has a member that is refused. */
export function isSpoiled(chain: readonly Member[]): boolean {
  return chain.some((member, i) => isRefused(member, chain[i - 1]))
}

/** Bytes that a transfer asks for; undefined for what is no transfer. Fewer than that break a link. */
export function bytesAsked(op: Op): number | undefined {
  switch (op.op) {
    case 'read':
    case 'write':
    case 'wait':
    case 'splice':
    case 'tee':
      return op.len
    case 'contend':
      return BLOCK_BYTES
    case 'readv':
    case 'writev':
      return op.parts.reduce((sum, part) => sum + part, 0)
    default:
      return undefined
  }
}

/** Whether a result counts as failure for the requests linked behind, and for CQE_SKIP_SUCCESS. */
export function isFailure({ op }: Member, res: number): boolean {
  // It has not run, or nobody knows whether it has: for want of a descriptor, or because its thread died.
  if (res === -EMFILE || res === -EOWNERDEAD) return true
  // The kernel marks no statx as failed (io_statx sets its result and no more), but one that is cancelled before it ran.
  if (op.op === 'statx') return res === -ECANCELED
  if (neverFails(op.op)) return countsThough(op, res)
  // A limit decides nothing by itself: if it was reached, the request before it says so.
  if (op.op === 'link timeout') return false
  if (op.op === 'timeout') {
    return res === -ECANCELED || (res === -ETIME && (op.timeoutFlags & IORING_TIMEOUT_ETIME_SUCCESS) === 0)
  }
  const asked = bytesAsked(op)
  return res < 0 || (asked !== undefined && res !== asked)
}

/** The program in words, a step a line. */
export function describe(program: Program): string {
  const { seed, setupFlags, entries, cqEntries, steps, fileLimit, fdsLeft, companion } = program
  const bytes = fileLimit === undefined ? '' : `, files of at most ${fileLimit} bytes`
  const limit = bytes + (fdsLeft === undefined ? '' : `, ${fdsLeft} descriptors left`)
  const lines = [`seed ${seed}: a ring of ${entries}/${cqEntries}, setup flags 0x${setupFlags.toString(16)}${limit}`]
  for (const step of steps) {
    if (step.step === 'chain') {
      step.members.forEach((member, i) => {
        lines.push(`  ${i === 0 ? 'put ' : '    '}${describeMember(member)}`)
        if (i + 1 === step.splitAfter) lines.push('  (submit)')
      })
    } else
      lines.push(`  ${step.step}${'nr' in step ? ` ${step.nr}` : 'nth' in step ? ` ${step.nth} ${step.looks}` : ''}`)
  }
  if (companion !== undefined) lines.push(`beside it ${describe(companion)}`)
  return lines.join('\n')
}

const FLAG_NAMES = ['FIXED_FILE', 'DRAIN', 'LINK', 'HARDLINK', 'ASYNC', 'BUFFER_SELECT', 'SKIP', 'bit 7']

export function describeMember({ userData, flags, op }: Member): string {
  const { op: name, ...fields } = op
  const args = Object.entries(fields).map(([key, value]) => `${key} ${describeValue(value)}`)
  const names = FLAG_NAMES.filter((_, bit) => (flags & (1 << bit)) !== 0)
  return `${userData}: ${name} ${args.join(', ')}${names.length > 0 ? ` [${names.join(' ')}]` : ''}`
}

function describeValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.join(' ')}]`
  if (typeof value === 'object' && value !== null) return Object.values(value).join(' ')
  return String(value)
}
