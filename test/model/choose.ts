/**
 * Single requests of a generated program, chosen so that their outcome is certain. Any thread; no shared state.
 */
import * as abi from '../../src/abi/constants.js'
import {
  type Choice,
  CONTENDING,
  chooseMore,
  openInTree,
  ownPipe,
  PIPE_OPS,
  SIZE_OPS,
  TREE_OPS,
  treePath,
} from './choose-more.js'
import { Claims } from './claims.js'
import type { Prng } from './prng.js'
import {
  FAR,
  type FdRef,
  FILE_BYTES,
  isWaiter,
  type Member,
  NR_FILES,
  NR_SLOTS,
  NR_SPARES,
  type Op,
  type PathRef,
} from './program.js'

/** What a program may have besides: not every backend has it, and not all of it has one right outcome. */
export const FEATURES = [
  'sizes',
  'tree',
  'pipes',
  'contended',
  'crowd',
  'limit',
  'few fds',
  'deaths',
  'beside',
  'drain',
  'fixed',
  'times',
  'polls',
  'sweeps',
  'sync',
  'layouts',
] as const
export type Feature = (typeof FEATURES)[number]

/** How often each kind of request comes; with a feature, more. */
const WEIGHTS = {
  nop: 14,
  'bad opcode': 1,
  read: 12,
  write: 14,
  readv: 6,
  writev: 7,
  openat: 7,
  close: 3,
  statx: 6,
  fsync: 4,
  wait: 3,
  cancel: 6,
} as const
const MORE_WEIGHTS = {
  times: { timeout: 12, 'link timeout': 12 },
  polls: { poll: 10 },
  sizes: SIZE_OPS,
  tree: TREE_OPS,
  pipes: PIPE_OPS,
  contended: CONTENDING,
} as const
const NO_MORE = Object.fromEntries(
  [...Object.values(MORE_WEIGHTS).flatMap(Object.keys), 'remove'].map((op) => [op, 0]),
) as Record<Exclude<Op['op'], keyof typeof WEIGHTS>, number>

interface OpenedFd {
  readonly by: number
  readonly file: number
}

export class Chooser {
  readonly #random: Prng
  readonly #features: ReadonlySet<Feature>
  readonly #weights: Readonly<Record<Op['op'], number>>
  readonly #openSpares = new Set(Array.from({ length: NR_SPARES }, (_, i) => i))
  #opened: OpenedFd[] = []
  /** Opened since the last drain: known to be there only after the next. */
  #opening: OpenedFd[] = []
  /** Waiting requests that no cancel is aimed at yet. */
  #waiting: Member[] = []
  #claims = new Claims()
  /** Of the requests after the last drain. */
  #firstUserData = 1
  #isCut = false
  #chain = 0

  constructor(random: Prng, features: ReadonlySet<Feature>) {
    this.#random = random
    this.#features = features
    const more = Object.entries(MORE_WEIGHTS).filter(([feature]) => features.has(feature as Feature))
    this.#weights = {
      ...WEIGHTS,
      ...NO_MORE,
      ...Object.assign({}, ...more.map(([, weights]) => weights)),
      remove: features.has('times') || features.has('polls') ? WEIGHTS.cancel : 0,
      // With a drain before or behind it, a request that waits has more than one outcome: half of the time none does.
      ...(features.has('drain') && random.oneIn(2) ? { wait: 0 } : {}),
    }
  }

  /**
   * What is chosen from here on comes after a drain; user_data goes on from `firstUserData`. `isCut`: the ring is closed
   * at its end.
   */
  beginEpoch(firstUserData: number, isCut: boolean): void {
    this.#firstUserData = firstUserData
    this.#isCut = isCut
    this.#opened.push(...this.#opening)
    this.#opening = []
    this.#waiting = []
    this.#claims = new Claims()
    // A file that was cut grows by writes within its first size: it is never shared.
    const areCut = this.#features.has('sizes')
    for (let file = 0; file < NR_FILES; file++) if (areCut || this.#random.oneIn(2)) this.#claims.offer(file)
  }

  /** What is chosen from here on belongs to another chain. */
  beginChain(): void {
    this.#chain++
  }

  /** The chosen member is in the program. */
  took({ userData, op }: Member): void {
    if (op.op === 'openat' && op.path.kind === 'file' && (op.flags & abi.O_WRONLY) === 0) {
      this.#opening.push({ by: userData, file: op.path.file })
    }
  }

  /** The chain of this waiting request is in the program and will be issued: a cancel may be aimed at it. */
  waits(member: Member): void {
    this.#waiting.push(member)
  }

  /** A waiting request for a sync cancel to aim at; undefined without one. */
  takeWaiting(): number | undefined {
    return this.#waiting.shift()?.userData
  }

  /** A request that touches nothing of its own. */
  idleOp(): Op {
    const random = this.#random
    if (random.oneIn(4)) return { op: 'fsync', fd: this.#badFd(), fsyncFlags: 0 }
    if (random.oneIn(4)) return { op: 'statx', path: { kind: 'missing' }, memory: 'good' }
    return this.#nop()
  }

  #nop(): Op {
    const random = this.#random
    const nopFlags = random.weighted({ plain: 6, inject: 4, tw: 2, bad: 1 })
    if (nopFlags === 'inject') {
      const len = random.pick([0, 7, 123456, -1, -22, -125])
      return { op: 'nop', nopFlags: abi.IORING_NOP_INJECT_RESULT, len }
    }
    return { op: 'nop', nopFlags: nopFlags === 'bad' ? 0x40 : nopFlags === 'tw' ? abi.IORING_NOP_TW : 0, len: 0 }
  }

  /** Member number `before.length` of a chain; `skips`: some of it skip their completions. `userData` is to be its own. */
  op(before: readonly Member[], skips: boolean, userData: number): Op {
    const random = this.#random
    // Nobody would learn which descriptors there are, when a ring is closed in the middle of these.
    const weights = this.#isCut ? { ...this.#weights, openat: 0, openat2: 0, pipe: 0, close: 0 } : this.#weights
    const kind = random.weighted(weights)
    const mayWait = before.length === 0 && !skips
    switch (kind) {
      case 'nop':
        return this.#nop()
      case 'bad opcode':
        return { op: kind, opcode: 100 + random.int(156) }
      case 'read':
      case 'write':
        return this.#transfer(kind)
      case 'readv':
      case 'writev':
        return this.#vectored(kind)
      case 'openat':
        return this.#openat(userData)
      case 'close':
        return this.#close()
      case 'statx':
        return { op: kind, path: this.#statPath(), memory: random.oneIn(12) ? 'null' : 'good' }
      case 'fsync':
        return { op: kind, fd: this.#anyFd(), fsyncFlags: random.oneIn(12) ? 4 : random.int(2) }
      case 'wait':
        return mayWait ? { op: kind, len: 1 + random.int(16) } : this.#nop()
      case 'poll':
        return mayWait ? { op: kind, multishot: random.oneIn(2) } : this.#nop()
      case 'timeout': {
        const timeoutFlags = random.oneIn(3) ? abi.IORING_TIMEOUT_ETIME_SUCCESS : 0
        const ms = mayWait && random.oneIn(2) ? FAR : random.int(3)
        return skips ? this.#nop() : { op: kind, ms, count: random.oneIn(2) ? 0 : 1 + random.int(4), timeoutFlags }
      }
      case 'link timeout':
        // At the head of a chain, and behind another, it is refused.
        return skips || (before.length === 0 && !random.oneIn(8))
          ? this.#nop()
          : { op: kind, ms: random.oneIn(2) ? FAR : random.int(3) }
      case 'remove':
        return this.#remove()
      case 'cancel':
        return this.#cancel(before[0] !== undefined && isWaiter(before[0].op))
      default:
        return chooseMore(kind, this.#choice()) ?? this.#nop()
    }
  }

  #choice(): Choice {
    return { random: this.#random, claims: this.#claims, chain: this.#chain }
  }

  #badFd(): FdRef {
    return { kind: 'bad', fd: this.#random.pick([999_999, -1, -7]) }
  }

  /** A descriptor for what needs none of a file's bytes. */
  #anyFd(): FdRef {
    const random = this.#random
    if (this.#features.has('fixed') && random.oneIn(3)) return this.#fixed(random.int(NR_FILES))
    if (random.oneIn(5)) return this.#badFd()
    return { kind: 'file', file: random.int(NR_FILES), mode: random.pick(['rw', 'ro', 'wo'] as const) }
  }

  #fixed(file: number): FdRef {
    if (!this.#random.oneIn(8)) return { kind: 'fixed', file }
    return { kind: 'empty slot', slot: this.#random.pick([NR_FILES, NR_SLOTS, 1000]) }
  }

  #statPath(): PathRef {
    const random = this.#random
    if (this.#features.has('tree') && random.oneIn(2)) return treePath(this.#choice()) ?? { kind: 'missing' }
    const file = random.int(NR_FILES)
    const kind = random.weighted({ file: 6, missing: 2, 'below file': 1, dir: 1, 'bad address': 1 })
    if (kind !== 'file') return { kind }
    return this.#claims.isShared(file) || this.#claims.own(file, this.#chain) ? { kind, file } : { kind: 'missing' }
  }

  /** A descriptor of the file; one that may be closed is this chain's alone until the drain. */
  #fdOf(file: number, isOwned: boolean): FdRef {
    const random = this.#random
    const spare = random.int(NR_SPARES)
    if (
      random.oneIn(4) &&
      spare % NR_FILES === file &&
      this.#openSpares.has(spare) &&
      this.#claims.claimFd(`spare ${spare}`, this.#chain)
    ) {
      return { kind: 'spare', index: spare }
    }
    const opened = this.#opened.find((fd) => fd.file === file)
    if (opened !== undefined && random.oneIn(3) && this.#claims.claimFd(`opened ${opened.by}`, this.#chain)) {
      return { kind: 'opened', by: opened.by }
    }
    if (this.#features.has('fixed') && random.oneIn(2)) return this.#fixed(file)
    const append = isOwned && this.#features.has('sizes') ? 4 : 0
    return { kind: 'file', file, mode: random.weighted({ rw: 10, ro: 1, wo: 1, append }) }
  }

  /** A descriptor and a range that this chain may use; undefined where all is taken. */
  #place(len: number, writes: boolean): { fd: FdRef; off: number } | undefined {
    const random = this.#random
    if (random.oneIn(8)) {
      return { fd: random.pick([this.#badFd(), { kind: 'dir' }, { kind: 'full' }] as const), off: random.int(100) }
    }
    const file = random.int(NR_FILES)
    if (!this.#claims.isShared(file)) {
      if (!this.#claims.own(file, this.#chain)) return undefined
      // A short write at the file's own position does not move it in the kernel; nobody should have to imitate that.
      const mayMove = !(writes && this.#features.has('limit'))
      return { fd: this.#fdOf(file, true), off: mayMove && random.oneIn(3) ? -1 : random.int(FILE_BYTES + 1000) }
    }
    // Shared: it must not grow. A read may go past its end.
    const off = random.int(writes ? FILE_BYTES - len + 1 : FILE_BYTES + 200)
    return this.#claims.claimRange(file, off, len, writes, this.#chain)
      ? { fd: this.#fdOf(file, false), off }
      : undefined
  }

  #transfer(op: 'read' | 'write'): Op {
    const random = this.#random
    if (this.#features.has('pipes') && random.oneIn(3)) {
      const fd = ownPipe(this.#choice(), op)
      const long = random.oneIn(3) ? 9000 : 700
      if (fd !== undefined) return { op, fd, off: -1, len: 1 + random.int(long), memory: 'good' }
    }
    const len = random.oneIn(15) ? 0 : 1 + random.int(600)
    const place = this.#place(len, op === 'write')
    if (place === undefined) return this.#nop()
    const isBad = random.oneIn(15) && (op === 'read' || (place.off <= FILE_BYTES && !this.#features.has('sizes')))
    return { op, ...place, len, memory: isBad ? random.pick(['null', 'low'] as const) : 'good' }
  }

  #vectored(op: 'readv' | 'writev'): Op {
    const random = this.#random
    const memory = random.weighted({ good: 20, 'null iovecs': 1, 'low iovecs': 1, 'too many': 1, 'bad part': 1 })
    const nrParts = memory === 'bad part' ? 2 : random.int(5)
    const parts = Array.from({ length: nrParts }, () => (random.oneIn(6) ? 0 : 1 + random.int(200)))
    const total = parts.reduce((sum, part) => sum + part, 0)
    const place = this.#place(total, op === 'writev')
    if (place === undefined) return this.#nop()
    // At the file position the kernel forgets to move it by the part that was transferred (kiocb_done looks at the
    // last error alone); nobody should have to imitate that.
    if (memory === 'bad part' && (place.off < 0 || place.off > FILE_BYTES || this.#features.has('sizes')))
      return this.#nop()
    return { op, ...place, parts, memory }
  }

  #openat(userData: number): Op {
    const random = this.#random
    if (this.#features.has('tree') && random.oneIn(2)) return openInTree(this.#choice()) ?? this.#nop()
    const kind = random.weighted({
      file: 6,
      new: 3,
      missing: 2,
      'below file': 1,
      dir: 1,
      exclusive: 1,
      'bad address': 1,
    })
    const modes = [abi.O_RDONLY, abi.O_RDWR, abi.O_WRONLY]
    switch (kind) {
      case 'file':
        return { op: 'openat', path: { kind, file: random.int(NR_FILES) }, flags: random.pick(modes) }
      case 'exclusive': {
        const path: PathRef = { kind: 'file', file: random.int(NR_FILES) }
        return { op: 'openat', path, flags: abi.O_CREAT | abi.O_EXCL | abi.O_WRONLY }
      }
      case 'new': {
        const path: PathRef = { kind, name: `new-${userData}` }
        return { op: 'openat', path, flags: abi.O_CREAT | abi.O_EXCL | abi.O_WRONLY }
      }
      default:
        return { op: 'openat', path: { kind }, flags: random.pick(modes) }
    }
  }

  #close(): Op {
    const random = this.#random
    if (random.oneIn(4)) return { op: 'close', fd: this.#badFd() }
    const index = random.int(NR_SPARES)
    if (this.#openSpares.has(index) && this.#claims.claimFd(`spare ${index}`, this.#chain)) {
      this.#openSpares.delete(index)
      return { op: 'close', fd: { kind: 'spare', index } }
    }
    const opened = random.pick(this.#opened)
    if (opened === undefined || !this.#claims.claimFd(`opened ${opened.by}`, this.#chain)) return this.#nop()
    this.#opened = this.#opened.filter((fd) => fd !== opened)
    return { op: 'close', fd: { kind: 'opened', by: opened.by } }
  }

  /** POLL_REMOVE and TIMEOUT_REMOVE, whose target may be of the other kind. */
  #remove(): Op {
    const what = this.#random.pick(['poll', 'timeout'] as const)
    const target = this.#random.oneIn(3) ? undefined : this.#waiting.shift()
    return { op: 'remove', what, target: target?.userData ?? 500_000 }
  }

  /** A cancel behind a waiting request comes too late for others: the drain ends them all at once. */
  #cancel(isLate: boolean): Op {
    const random = this.#random
    if (random.oneIn(12)) return { op: 'cancel', target: 1, flags: 0x100 }
    const { IORING_ASYNC_CANCEL_ALL: ALL, IORING_ASYNC_CANCEL_FD: FD, IORING_ASYNC_CANCEL_USERDATA: USERDATA } = abi
    if (this.#features.has('sweeps') && random.oneIn(2)) return this.#sweep()
    const waiting = isLate ? undefined : this.#waiting.shift()
    if (waiting !== undefined) {
      // A time has no file.
      const byFile = waiting.op.op === 'timeout' ? [] : [FD, FD | ALL, FD | USERDATA]
      return { op: 'cancel', target: waiting.userData, flags: random.pick([0, 0, ALL, USERDATA, ...byFile]) }
    }
    // What ended before the last drain, or never was.
    const isOld = this.#firstUserData > 1 && random.oneIn(2)
    const target = isOld ? 1 + random.int(this.#firstUserData - 1) : 500_000 + random.int(100)
    return { op: 'cancel', target, flags: random.pick([0, 0, ALL, USERDATA]) }
  }
  /** A cancel of all there is, or of all of a kind; or one that is refused, for it cannot be both. */
  #sweep(): Op {
    const random = this.#random
    const { IORING_ASYNC_CANCEL_ALL: ALL, IORING_ASYNC_CANCEL_ANY: ANY, IORING_ASYNC_CANCEL_OP: OP } = abi
    const flags = random.pick([ANY, ANY | ALL, OP, OP | ALL, OP | ALL, ANY | OP])
    const opcode = random.pick([abi.IORING_OP_READ, abi.IORING_OP_TIMEOUT, abi.IORING_OP_POLL_ADD, abi.IORING_OP_WRITE])
    return { op: 'cancel', target: 0, flags, opcode }
  }
}
