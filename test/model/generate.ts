/**
 * Programs from a seed: random, but with one right outcome. Any thread; pure.
 *
 * Requests that are not linked may run in any order, so between two drains they never touch the same bytes: a chain
 * claims what it uses. A file is either shared, and then keeps its size and is used by block, or owned by one chain,
 * which may do with it what it likes. A descriptor that is closed belongs to the chain that closes it and is not used
 * again: its number may be anyone's by then.
 */
import * as abi from '../../src/abi/constants.js'
import { DEFER } from '../conformance/modes.js'
import { Prng } from './prng.js'
import {
  type FdRef,
  FILE_BYTES,
  isRefused,
  type Member,
  NR_FILES,
  NR_SPARES,
  type Op,
  type PathRef,
  type Program,
  type Step,
} from './program.js'
import { SubmitModel } from './submit-model.js'

const BLOCK = 256
const NO_CHAIN = -1

/** How often each kind of request comes. */
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
} as const satisfies Record<Op['op'], number>

/** What the requests between two drains have claimed. */
interface Epoch {
  /** File to the chain that owns it; shared files are not in it. */
  readonly owners: Map<number, number>
  /** Blocks `file * 1000 + block`, to the chain that writes it, or NO_CHAIN where chains only read. */
  readonly blocks: Map<number, { writer: number; readers: Set<number> }>
  /** Descriptors that a chain has for itself, as text. */
  readonly fds: Map<string, number>
  /** Waiting requests that no cancel is aimed at yet. */
  readonly waiting: number[]
  hasWait: boolean
  hasSkip: boolean
}

interface OpenedFd {
  readonly by: number
  readonly file: number
}

export function generate(seed: number): Program {
  return new Generator(seed).program()
}

class Generator {
  readonly #random: Prng
  readonly #seed: number
  readonly #steps: Step[] = []
  readonly #openSpares = new Set(Array.from({ length: NR_SPARES }, (_, i) => i))
  #opened: OpenedFd[] = []
  /** Opened in this epoch: known to be there only after its drain. */
  #opening: OpenedFd[] = []
  #epoch = this.#newEpoch()
  #chain = 0
  #userData = 0

  constructor(seed: number) {
    this.#seed = seed
    this.#random = new Prng(seed)
  }

  #newEpoch(): Epoch {
    return { owners: new Map(), blocks: new Map(), fds: new Map(), waiting: [], hasWait: false, hasSkip: false }
  }

  program(): Program {
    const random = this.#random
    const entries = random.pick([4, 8, 16, 32])
    const cqEntries = entries * random.pick([1, 2, 4])
    let setupFlags = 0
    if (random.oneIn(2)) setupFlags |= abi.IORING_SETUP_SUBMIT_ALL
    if (random.oneIn(2)) setupFlags |= DEFER
    const model = new SubmitModel(setupFlags)
    const nrEpochs = 1 + random.int(4)
    for (let i = 0; i < nrEpochs; i++) {
      for (const file of this.#files()) if (random.oneIn(2)) this.#epoch.owners.set(file, NO_CHAIN)
      const nrChains = 1 + random.int(8)
      for (let chain = 0; chain < nrChains; chain++) {
        this.#addChain(entries, model)
        if (random.oneIn(3)) this.#addCall(model)
      }
      this.#add({ step: 'drain' })
      while (model.nrPending > 0) model.enter(model.nrPending)
      this.#opened.push(...this.#opening)
      this.#opening = []
      this.#epoch = this.#newEpoch()
    }
    return { seed: this.#seed, setupFlags, entries, cqEntries, steps: this.#steps }
  }

  #files(): number[] {
    return Array.from({ length: NR_FILES }, (_, i) => i)
  }

  #add(step: Step): void {
    this.#steps.push(step)
  }

  #addCall(model: SubmitModel): void {
    const random = this.#random
    const call = random.weighted({ submit: 4, 'submit and wait': 3, 'get events': 2, take: 2 })
    if (call === 'submit and wait') {
      // As many as are certain to come: a waiting request is not, nor is one that skips its completion.
      const sure = this.#epoch.hasWait || this.#epoch.hasSkip ? 0 : model.nrPending
      this.#add({ step: 'submit and wait', nr: random.int(sure + 1) })
    } else this.#add({ step: call })
    if (call === 'submit' || call === 'submit and wait') model.enter(model.nrPending)
  }

  #addChain(entries: number, model: SubmitModel): void {
    const random = this.#random
    this.#chain++
    const length = random.oneIn(2) ? 1 : Math.min(entries, 2 + random.int(5))
    const skips = length > 1 && random.oneIn(8)
    const splitAfter = !skips && length > 2 && random.oneIn(8) ? 1 + random.int(length - 1) : undefined
    const members: Member[] = []
    for (let i = 0; i < length; i++) {
      const linked = i < length - 1
      // What a submit splits runs side by side: only requests that touch nothing of their own may be in it.
      const op = splitAfter !== undefined ? this.#idleOp() : this.#op(members, skips)
      let flags = linked ? random.pick([abi.IOSQE_IO_LINK, abi.IOSQE_IO_LINK, abi.IOSQE_IO_HARDLINK, 12]) : 0
      if (op.op !== 'wait' && random.oneIn(4)) flags |= abi.IOSQE_ASYNC
      // Not what changes descriptors: nobody would know.
      const tells = op.op === 'openat' || op.op === 'close'
      if (skips && linked && !tells && random.oneIn(2)) flags |= abi.IOSQE_CQE_SKIP_SUCCESS
      // Found running or found waiting, success or not: that is the backend's affair, and must not matter to others.
      if (op.op === 'cancel' && linked && op.target >= this.#firstOfEpoch()) {
        flags = (flags & ~(abi.IOSQE_IO_LINK | abi.IOSQE_CQE_SKIP_SUCCESS)) | abi.IOSQE_IO_HARDLINK
      }
      if (!skips && random.oneIn(60)) flags |= 0x80
      if (!skips && op.op === 'nop' && random.oneIn(30)) flags |= abi.IOSQE_BUFFER_SELECT
      const member: Member = { userData: ++this.#userData, flags, op }
      members.push(member)
      if (op.op === 'wait') this.#epoch.waiting.push(member.userData)
      if (op.op === 'openat' && op.path.kind === 'file' && (op.flags & abi.O_WRONLY) === 0) {
        this.#opening.push({ by: member.userData, file: op.path.file })
      }
    }
    // A chain that is refused never waits, so a cancel would find nothing; and a skipping one must not be refused.
    if (skips && members.some(isRefused)) return
    const refused = members.some(isRefused)
    if (members[0]!.op.op === 'wait') {
      this.#epoch.hasWait = true
      if (refused) this.#epoch.waiting.pop()
    }
    if (skips) this.#epoch.hasSkip = true
    while (model.nrPending + length > entries) {
      this.#add({ step: 'submit' })
      model.enter(model.nrPending)
    }
    this.#add(splitAfter === undefined ? { step: 'chain', members } : { step: 'chain', members, splitAfter })
    members.forEach((member, i) => {
      model.put(member)
      if (i + 1 === splitAfter) model.enter(model.nrPending)
    })
  }

  #idleOp(): Op {
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

  #op(before: readonly Member[], skips: boolean): Op {
    const random = this.#random
    const kind = random.weighted(WEIGHTS)
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
        return this.#openat()
      case 'close':
        return this.#close()
      case 'statx':
        return { op: kind, path: this.#statPath(), memory: random.oneIn(12) ? 'null' : 'good' }
      case 'fsync':
        return { op: kind, fd: this.#anyFd(), fsyncFlags: random.oneIn(12) ? 4 : random.int(2) }
      case 'wait':
        return before.length === 0 && !skips ? { op: kind, len: 1 + random.int(16) } : this.#nop()
      case 'cancel':
        return this.#cancel(before[0]?.op.op === 'wait')
    }
  }

  #badFd(): FdRef {
    return { kind: 'bad', fd: this.#random.pick([999_999, -1, -7]) }
  }

  /** A descriptor for what needs none of a file's bytes. */
  #anyFd(): FdRef {
    const random = this.#random
    if (random.oneIn(5)) return this.#badFd()
    return { kind: 'file', file: random.int(NR_FILES), mode: random.pick(['rw', 'ro', 'wo'] as const) }
  }

  #statPath(): PathRef {
    const random = this.#random
    const file = random.int(NR_FILES)
    const kind = random.weighted({ file: 6, missing: 2, 'below file': 1, dir: 1, 'bad address': 1 })
    if (kind !== 'file') return { kind }
    return this.#own(file) || !this.#epoch.owners.has(file) ? { kind, file } : { kind: 'missing' }
  }

  /** Whether the file is this chain's alone, which it becomes if nobody has it. */
  #own(file: number): boolean {
    const { owners } = this.#epoch
    const owner = owners.get(file)
    if (owner === NO_CHAIN) owners.set(file, this.#chain)
    return owner === NO_CHAIN || owner === this.#chain
  }

  /** Claims the blocks of a range for this chain; false where another chain is in the way. */
  #claim(file: number, off: number, len: number, writes: boolean): boolean {
    const { blocks } = this.#epoch
    const keys: number[] = []
    for (let block = Math.floor(off / BLOCK); block * BLOCK < off + len; block++) keys.push(file * 1000 + block)
    const free = (key: number) => {
      const { writer, readers } = blocks.get(key) ?? { writer: NO_CHAIN, readers: new Set<number>() }
      if (writer !== NO_CHAIN && writer !== this.#chain) return false
      return !writes || [...readers].every((reader) => reader === this.#chain)
    }
    if (!keys.every(free)) return false
    for (const key of keys) {
      const claim = blocks.get(key) ?? { writer: NO_CHAIN, readers: new Set<number>() }
      if (writes) claim.writer = this.#chain
      claim.readers.add(this.#chain)
      blocks.set(key, claim)
    }
    return true
  }

  /** A descriptor of the file; one that may be closed is this chain's alone until the drain. */
  #fdOf(file: number): FdRef {
    const random = this.#random
    const spare = random.int(NR_SPARES)
    if (random.oneIn(4) && spare % NR_FILES === file && this.#openSpares.has(spare) && this.#claimFd(`spare ${spare}`)) {
      return { kind: 'spare', index: spare }
    }
    const opened = this.#opened.find((fd) => fd.file === file)
    if (opened !== undefined && random.oneIn(3) && this.#claimFd(`opened ${opened.by}`)) {
      return { kind: 'opened', by: opened.by }
    }
    return { kind: 'file', file, mode: random.weighted({ rw: 10, ro: 1, wo: 1 }) }
  }

  #claimFd(name: string): boolean {
    const { fds } = this.#epoch
    if (fds.get(name) === undefined) fds.set(name, this.#chain)
    return fds.get(name) === this.#chain
  }

  /** A descriptor and a range that this chain may use; undefined where all is taken. */
  #place(len: number, writes: boolean): { fd: FdRef; off: number } | undefined {
    const random = this.#random
    if (random.oneIn(10)) return { fd: random.oneIn(2) ? this.#badFd() : { kind: 'dir' }, off: random.int(100) }
    const file = random.int(NR_FILES)
    if (this.#epoch.owners.has(file)) {
      if (!this.#own(file)) return undefined
      return { fd: this.#fdOf(file), off: random.oneIn(3) ? -1 : random.int(FILE_BYTES + 1000) }
    }
    // Shared: it must not grow. A read may go past its end.
    const off = random.int(writes ? FILE_BYTES - len + 1 : FILE_BYTES + 200)
    return this.#claim(file, off, len, writes) ? { fd: this.#fdOf(file), off } : undefined
  }

  #transfer(op: 'read' | 'write'): Op {
    const random = this.#random
    const len = random.oneIn(15) ? 0 : 1 + random.int(600)
    const place = this.#place(len, op === 'write')
    if (place === undefined) return this.#nop()
    const isBad = random.oneIn(15) && (op === 'read' || place.off <= FILE_BYTES)
    return { op, ...place, len, memory: isBad ? random.pick(['null', 'low'] as const) : 'good' }
  }

  #vectored(op: 'readv' | 'writev'): Op {
    const random = this.#random
    const memory = random.weighted({ good: 20, 'null iovecs': 1, 'low iovecs': 1, 'too many': 1, 'bad part': 1 })
    const nrParts = memory === 'bad part' ? 2 : random.int(5)
    const parts = Array.from({ length: nrParts }, () => (random.oneIn(6) ? 0 : 1 + random.int(200)))
    const total = parts.reduce((sum, part) => sum + part, 0)
    const place = this.#place(total, op === 'writev')
    if (place === undefined || (memory === 'bad part' && place.off > FILE_BYTES)) return this.#nop()
    return { op, ...place, parts, memory }
  }

  #openat(): Op {
    const random = this.#random
    const kind = random.weighted({ file: 6, new: 3, missing: 2, 'below file': 1, dir: 1, exclusive: 1, 'bad address': 1 })
    const modes = [abi.O_RDONLY, abi.O_RDWR, abi.O_WRONLY]
    switch (kind) {
      case 'file':
        return { op: 'openat', path: { kind, file: random.int(NR_FILES) }, flags: random.pick(modes) }
      case 'exclusive': {
        const path: PathRef = { kind: 'file', file: random.int(NR_FILES) }
        return { op: 'openat', path, flags: abi.O_CREAT | abi.O_EXCL | abi.O_WRONLY }
      }
      case 'new': {
        const path: PathRef = { kind, name: `new-${this.#userData + 1}` }
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
    if (this.#openSpares.has(index) && this.#claimFd(`spare ${index}`)) {
      this.#openSpares.delete(index)
      return { op: 'close', fd: { kind: 'spare', index } }
    }
    const opened = random.pick(this.#opened)
    if (opened === undefined || !this.#claimFd(`opened ${opened.by}`)) return this.#nop()
    this.#opened = this.#opened.filter((fd) => fd !== opened)
    return { op: 'close', fd: { kind: 'opened', by: opened.by } }
  }

  /** A cancel behind a waiting request comes too late for others: the drain ends them all at once. */
  #cancel(isLate: boolean): Op {
    const random = this.#random
    if (random.oneIn(12)) return { op: 'cancel', target: 1, flags: 0x100 }
    const flags = random.pick([0, 0, abi.IORING_ASYNC_CANCEL_ALL, abi.IORING_ASYNC_CANCEL_USERDATA])
    const waiting = isLate ? undefined : this.#epoch.waiting.shift()
    if (waiting !== undefined) return { op: 'cancel', target: waiting, flags }
    // What ended before the last drain, or never was.
    const firstOfEpoch = this.#firstOfEpoch()
    const target = firstOfEpoch > 1 && random.oneIn(2) ? 1 + random.int(firstOfEpoch - 1) : 500_000 + random.int(100)
    return { op: 'cancel', target, flags }
  }

  #firstOfEpoch(): number {
    const drained = this.#steps.findLastIndex(({ step }) => step === 'drain')
    let first = 0
    for (const step of this.#steps.slice(0, drained + 1)) {
      if (step.step === 'chain') first = step.members.at(-1)!.userData
    }
    return first + 1
  }
}
