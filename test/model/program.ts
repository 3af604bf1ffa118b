/**
 * What a generated program is made of: data alone, the same for every backend. Any thread; no state.
 *
 * A program is steps. A step puts a chain of SQEs on the queue (a single request is a chain of one), or calls the ring.
 * `drain` waits until all that was submitted has ended: results are compared there, and nothing is in flight after.
 */
import {
  IORING_FSYNC_DATASYNC,
  IORING_NOP_INJECT_RESULT,
  IORING_NOP_TW,
  IOSQE_BUFFER_SELECT,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
} from '../../src/abi/constants.js'

/** Each data file of a run begins with this many bytes. */
export const FILE_BYTES = 4096
export const NR_FILES = 5
/** Descriptors that a program may close, spread over the files. */
export const NR_SPARES = 8

export type FdRef =
  /** Open all the time, each with a position of its own. */
  | { readonly kind: 'file'; readonly file: number; readonly mode: 'rw' | 'ro' | 'wo' }
  /** Open to read and write until the program closes it. */
  | { readonly kind: 'spare'; readonly index: number }
  /** What an earlier openat opened. */
  | { readonly kind: 'opened'; readonly by: number }
  | { readonly kind: 'dir' }
  | { readonly kind: 'bad'; readonly fd: number }

export type PathRef =
  | { readonly kind: 'file'; readonly file: number }
  /** A name of its own, which nothing else uses. */
  | { readonly kind: 'new'; readonly name: string }
  | { readonly kind: 'missing' | 'below file' | 'dir' | 'bad address' }

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
  | { readonly op: 'cancel'; readonly target: number; readonly flags: number }

export interface Member {
  readonly userData: number
  /** IOSQE_* bits. */
  readonly flags: number
  readonly op: Op
}

export type Step =
  /** `splitAfter`: a submit comes in between, after that many members. */
  | { readonly step: 'chain'; readonly members: readonly Member[]; readonly splitAfter?: number }
  | { readonly step: 'submit' | 'get events' | 'take' | 'drain' }
  | { readonly step: 'submit and wait'; readonly nr: number }

export interface Program {
  readonly seed: number
  readonly setupFlags: number
  readonly entries: number
  readonly cqEntries: number
  readonly steps: readonly Step[]
}

export const LINKS = IOSQE_IO_LINK | IOSQE_IO_HARDLINK
const NOP_FLAGS = IORING_NOP_INJECT_RESULT | IORING_NOP_TW

/** Whether a request is refused when it is submitted, by the sheet: then its whole chain never starts. */
export function isRefused({ flags, op }: Member): boolean {
  if ((flags & 0x80) !== 0) return true
  const selects = (flags & IOSQE_BUFFER_SELECT) !== 0
  switch (op.op) {
    case 'bad opcode':
      return true
    case 'nop':
      return selects || (op.nopFlags & ~NOP_FLAGS) !== 0
    case 'readv':
    case 'writev':
      return op.memory === 'null iovecs' || op.memory === 'low iovecs' || op.memory === 'too many'
    case 'openat':
    case 'statx':
      return selects || op.path.kind === 'bad address'
    case 'fsync':
      return selects || (op.fsyncFlags & ~IORING_FSYNC_DATASYNC) !== 0
    case 'cancel':
      return selects || (op.flags & ~0x3f) !== 0
    case 'close':
      return selects
    default:
      return false
  }
}

/** Bytes that a transfer asks for; undefined for what is no transfer. Fewer than that break a link. */
export function bytesAsked(op: Op): number | undefined {
  switch (op.op) {
    case 'read':
    case 'write':
    case 'wait':
      return op.len
    case 'readv':
    case 'writev':
      return op.parts.reduce((sum, part) => sum + part, 0)
    default:
      return undefined
  }
}

/** Whether a result counts as failure for the requests linked behind, and for CQE_SKIP_SUCCESS. */
export function isFailure({ op }: Member, res: number): boolean {
  // The kernel marks no statx as failed (io_statx sets its result and no more).
  if (op.op === 'statx') return false
  const asked = bytesAsked(op)
  return res < 0 || (asked !== undefined && res !== asked)
}

/** The program in words, a step a line. */
export function describe({ seed, setupFlags, entries, cqEntries, steps }: Program): string {
  const lines = [`seed ${seed}: a ring of ${entries}/${cqEntries}, setup flags 0x${setupFlags.toString(16)}`]
  for (const step of steps) {
    if (step.step === 'chain') {
      step.members.forEach((member, i) => {
        lines.push(`  ${i === 0 ? 'put ' : '    '}${describeMember(member)}`)
        if (i + 1 === step.splitAfter) lines.push('  (submit)')
      })
    } else lines.push(`  ${step.step}${step.step === 'submit and wait' ? ` ${step.nr}` : ''}`)
  }
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
