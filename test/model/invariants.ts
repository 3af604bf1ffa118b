/**
 * The pure model: what the results of a run must be, given each other. Any thread; pure.
 *
 * By ARCHITECTURE.md's invariants: each request ends once (1); nothing starts before its predecessor has ended nor
 * after a broken link, a refused chain starts nothing, a hard link shields its direct follower (6). And memory and
 * files hold what the successful requests put there, and nothing else.
 */
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE } from '../../src/abi/advice.js'
import { IOSQE_CQE_SKIP_SUCCESS, IOSQE_IO_HARDLINK, IOSQE_IO_LINK, O_CREAT } from '../../src/abi/constants.js'
import { ECANCELED, EOWNERDEAD, errnoName } from '../../src/lib/errno.js'
import { Contended } from './contended.js'
import { checkEndings, mayBeCancelled } from './endings.js'
import { fdKey, initialContents } from './materials.js'
import { constantContents } from './more-materials.js'
import { neverFails } from './more-ops.js'
import { FILLER, type Observation, type SeenChain, type SeenEpoch, writtenByte } from './observation.js'
import {
  bytesAsked,
  describeMember,
  type FdRef,
  isFailure,
  isRefused,
  isSpoiled,
  LINKS,
  type Member,
  NR_FILES,
  type Op,
} from './program.js'

/** Everything that is wrong with a run; empty if it keeps the rules. */
export function findBroken(seen: Observation): string[] {
  const broken = [...seen.broken]
  if (seen.companion !== undefined) broken.push(...findBroken(seen.companion).map((what) => `beside it: ${what}`))
  const files = new Files()
  const contended = new Contended()
  for (const epoch of seen.epochs) {
    const results = new Map<number, number>()
    for (const chain of epoch.chains) {
      checkOrder(chain, broken)
      for (const [userData, res] of checkChain(chain, epoch, broken)) results.set(userData, res)
      for (const member of chain.members) files.apply(member, results.get(member.userData), epoch, broken)
    }
    checkEndings(epoch, broken)
    contended.epoch(epoch, results, broken)
  }
  if (seen.contended !== undefined) contended.end(seen.contended, broken)
  if (broken.length === 0 && seen.files !== undefined) files.compare(seen.files, broken)
  return broken
}

function resultOf({ cqes }: SeenChain, { userData }: Member): number | undefined {
  return cqes.find((cqe) => cqe.userData === userData)?.res
}

/** Checks a chain by its rules. Returns all results, those that no completion told of by inference. */
function checkChain(chain: SeenChain, epoch: SeenEpoch, broken: string[]): Map<number, number> {
  const results = new Map<number, number>(chain.cqes.map(({ userData, res }) => [userData, res]))
  const isRefusedWhole = isSpoiled(chain.members)
  let isCancelled = false
  let isSilent = false
  let brokenAt = -1
  for (const [i, member] of chain.members.entries()) {
    const res = resultOf(chain, member)
    const skips = (member.flags & IOSQE_CQE_SKIP_SUCCESS) !== 0
    const complain = (what: string) => {
      broken.push(`${what}: ${describeMember(member)} -> ${nameOf(res)}`)
    }
    if (isRefusedWhole) {
      if (res === undefined) complain('no completion in a refused chain')
      else if (isRefused(member, chain.members[i - 1])) {
        if (res >= 0 || res === -ECANCELED) complain('a refused request has another error')
      } else if (res !== -ECANCELED) complain('started in a refused chain')
      continue
    }
    if (isCancelled) {
      // The limit that broke the chain by cancelling the member before it; endings.ts has its rules.
      if (member.op.op === 'link timeout' && i - 1 === brokenAt && res !== undefined) continue
      if (isSilent ? res !== undefined : res !== -ECANCELED) complain('behind a broken link')
      results.set(member.userData, -ECANCELED)
      continue
    }
    if (res === undefined) {
      if (!skips) complain('no completion')
      // A statx that skips is silent about failure too, since it never counts as failed.
      if (member.op.op !== 'statx' && !neverFails(member.op.op))
        results.set(member.userData, bytesAsked(member.op) ?? 0)
      continue
    }
    const isInjected = member.op.op === 'nop' && member.op.len === -ECANCELED
    if (res === -ECANCELED && !isInjected && !epoch.lacksThreads && !mayBeCancelled(chain, member, epoch))
      complain('cancelled though nothing failed before')
    if (skips && !isFailure(member, res)) complain('told of success')
    const isHard = (member.flags & IOSQE_IO_HARDLINK) !== 0
    if (isFailure(member, res) && (member.flags & IOSQE_IO_LINK) !== 0 && !isHard) {
      isCancelled = true
      brokenAt = i
      isSilent = skips
    }
  }
  return results
}

/** Completions of a chain come in its order, but for limits: one that was reached says so first. */
function checkOrder({ members, cqes }: SeenChain, broken: string[]): void {
  const limits = new Set(members.flatMap(({ op, userData }) => (op.op === 'link timeout' ? userData : [])))
  const inOrder = isSpoiled(members) ? cqes : cqes.filter(({ userData }) => !limits.has(userData))
  const order = inOrder.map(({ userData }) => members.findIndex((member) => member.userData === userData))
  if (order.some((place, i) => i > 0 && place <= order[i - 1]!)) {
    broken.push(`a chain completed out of order: ${cqes.map(({ userData }) => userData).join(' ')}`)
  }
  for (const { userData, flags } of cqes) if (flags !== 0) broken.push(`${userData} has CQE flags ${flags}`)
  const open = members.slice(0, -1).find((member) => (member.flags & LINKS) === 0)
  if (open !== undefined) broken.push(`the model made a chain of unlinked requests at ${open.userData}`)
}

function nameOf(res: number | undefined): string {
  if (res === undefined) return 'nothing'
  return res < 0 ? `-${errnoName(res)}` : `${res}`
}

/** The files and pipes as the results say they are. */
class Files {
  readonly #contents = new Map<string, Uint8Array>()
  readonly #positions = new Map<string, number>()
  /** user_data of an openat to the file it opened. */
  readonly #opened = new Map<number, string>()
  readonly #pipes = new PipeModel()
  /** Files and pipes, and what else has a position, of which nobody knows what a thread that died has done to them. */
  readonly #unknown = new Set<string>()

  constructor() {
    for (let file = 0; file < NR_FILES; file++) this.#contents.set(`file-${file}`, initialContents(file))
  }

  apply(member: Member, res: number | undefined, { buffers, sizes }: SeenEpoch, broken: string[]): void {
    const { op, userData } = member
    if (res === undefined) return
    const complain = (what: string) => {
      broken.push(`${what}: ${describeMember(member)} -> ${nameOf(res)}`)
    }
    const buffer = buffers.get(userData)
    if (buffer !== undefined && (res === -ECANCELED || res >= 0)) {
      const rest = buffer.subarray(res < 0 ? 0 : res)
      if (!rest.every((byte) => byte === FILLER)) complain('more of the buffer is written than was read')
    }
    if (res === -EOWNERDEAD) this.#forget(op)
    if (touched(op, this.#opened).some((name) => this.#unknown.has(name))) {
      this.#forget(op)
      return
    }
    // No byte transferred is right anywhere, even where there are none.
    if (res < 0 || (res === 0 && !TELLS_AT_ZERO.has(op.op))) return
    switch (op.op) {
      case 'read':
      case 'readv': {
        if (op.fd.kind === 'pipe') {
          if (!this.#pipes.take(op.fd.index, res).equals(buffer!.subarray(0, res))) complain('a pipe had other data')
          return
        }
        const place = this.#place(op.fd, op.off, res)
        if (place === undefined) complain('a read of no file')
        if (place === undefined) return
        const expected = place.contents.subarray(place.off, place.off + res)
        if (expected.length !== res || !Buffer.from(expected).equals(buffer!.subarray(0, res))) {
          complain('a read of what the file does not have')
        }
        return
      }
      case 'write':
      case 'writev': {
        const bytes = Uint8Array.from({ length: res }, (_, i) => writtenByte(userData, i))
        if (!this.#write(op.fd, op.off, bytes)) complain('a write to no file')
        return
      }
      case 'splice':
      case 'tee': {
        const fromPipe = op.from.kind === 'pipe' ? this.#pipes.look(op.from.index, res) : undefined
        const bytes = fromPipe ?? this.#constant(op.op === 'splice' ? op.fromOff : 0, res)
        if (bytes.length !== res) complain('moved more than there was')
        if (op.op === 'splice' && op.from.kind === 'pipe') this.#pipes.take(op.from.index, res)
        if (!this.#write(op.fd, op.op === 'splice' ? op.off : -1, bytes)) complain('moved to no file')
        return
      }
      case 'ftruncate':
      case 'fallocate':
        if (!this.#resize(op)) complain('resized no file')
        return
      case 'wait':
        if (buffer!.subarray(0, res).some((byte, i) => byte !== writtenByte(userData, i))) complain('other data')
        return
      case 'openat':
        if (op.path.kind === 'new' && (op.flags & O_CREAT) !== 0) this.#contents.set(op.path.name, new Uint8Array())
        if (op.path.kind === 'file') this.#opened.set(userData, `file-${op.path.file}`)
        return
      case 'statx':
        if (op.path.kind === 'file') {
          const { length } = this.#contents.get(`file-${op.path.file}`)!
          if (sizes.get(userData) !== length) complain(`statx says ${sizes.get(userData)} bytes, not ${length}`)
        }
        return
    }
  }

  /** Of what the operation touched nothing is known from here on. */
  #forget(op: Op): void {
    for (const name of touched(op, this.#opened)) this.#unknown.add(name)
  }

  /** Puts what was moved where it went: a pipe, or a file. False where there is none. */
  #write(fd: FdRef, off: number, bytes: Uint8Array): boolean {
    if (fd.kind === 'pipe') {
      this.#pipes.put(fd.index, bytes)
      return true
    }
    const place = this.#place(fd, off, bytes.length, true)
    if (place === undefined) return false
    this.#contents.set(place.name, grown(place.contents, bytes.length === 0 ? 0 : place.off + bytes.length))
    this.#contents.get(place.name)!.set(bytes, place.off)
    return true
  }

  #constant(off: number, count: number): Uint8Array {
    const at = off === -1 ? (this.#positions.get('constant') ?? 0) : off
    if (off === -1) this.#positions.set('constant', at + count)
    return constantContents().subarray(at, at + count)
  }

  #resize(op: Extract<Op, { op: 'ftruncate' | 'fallocate' }>): boolean {
    const place = this.#place(op.fd, 0, 0)
    if (place === undefined) return false
    const { name, contents } = place
    if (op.op === 'ftruncate') this.#contents.set(name, grown(contents.subarray(0, op.len), op.len))
    else {
      const end = op.off + op.len
      const next = (op.mode & FALLOC_FL_KEEP_SIZE) === 0 ? grown(contents, end) : contents.slice()
      if ((op.mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) !== 0) next.fill(0, op.off, end)
      this.#contents.set(name, next)
    }
    return true
  }

  /** Where a transfer of `count` bytes was; moves the position if it was there. */
  #place(fd: FdRef, off: number, count: number, writes = false) {
    const name = fd.kind === 'full' ? fd.kind : nameOfFd(fd, this.#opened)
    if (name === 'full') return { name, contents: new Uint8Array(off + count), off }
    const contents = name === undefined ? undefined : this.#contents.get(name)
    if (name === undefined || contents === undefined) return undefined
    const isAppended = writes && fd.kind === 'file' && fd.mode === 'append'
    if (isAppended) {
      if (off === -1) this.#positions.set(fdKey(fd), contents.length + count)
      return { name, contents, off: contents.length }
    }
    if (off !== -1) return { name, contents, off }
    const key = fdKey(fd)
    const position = this.#positions.get(key) ?? 0
    this.#positions.set(key, position + count)
    return { name, contents, off: position }
  }

  compare(found: ReadonlyMap<string, Uint8Array>, broken: string[]): void {
    const names = new Set([...this.#contents.keys(), ...found.keys()])
    for (const name of names) {
      const [expected, actual] = [this.#contents.get(name), found.get(name)]
      if (this.#unknown.has(name)) continue
      if (expected === undefined) broken.push(`${name} was made by a request that did not succeed`)
      else if (actual === undefined) broken.push(`${name} is missing`)
      else if (!Buffer.from(expected).equals(actual)) broken.push(`${name} does not hold what was written`)
    }
  }
}

/** Names of the files and pipes whose contents, size or position an operation may change or read. */
function touched(op: Op, opened: ReadonlyMap<number, string>): string[] {
  const names: (string | undefined)[] = []
  if ('fd' in op) names.push(nameOfFd(op.fd, opened))
  if ('from' in op) names.push(nameOfFd(op.from, opened))
  if ('path' in op && op.path.kind === 'new') names.push(op.path.name)
  if (op.op === 'statx' && op.path.kind === 'file') names.push(`file-${op.path.file}`)
  return names.filter((name) => name !== undefined)
}

/** The file behind a descriptor. */
function nameOfFd(fd: FdRef, opened: ReadonlyMap<number, string>): string | undefined {
  switch (fd.kind) {
    case 'file':
    case 'fixed':
      return `file-${fd.file}`
    case 'spare':
      return `file-${fd.index % NR_FILES}`
    case 'opened':
      return opened.get(fd.by)
    case 'pipe':
      return `pipe ${fd.index}`
    case 'constant':
      return fd.kind
    default:
      return undefined
  }
}

/** Of no bytes too they say something. */
const TELLS_AT_ZERO: ReadonlySet<Op['op']> = new Set(['openat', 'statx', 'ftruncate', 'fallocate'])

/** A copy of the bytes, with zeroes up to `length` if that is more. */
function grown(bytes: Uint8Array, length: number): Uint8Array {
  const next = new Uint8Array(Math.max(bytes.length, length))
  next.set(bytes)
  return next
}

/** What is in the pipes. */
class PipeModel {
  readonly #contents = new Map<number, Buffer>()

  put(index: number, bytes: Uint8Array): void {
    this.#contents.set(index, Buffer.concat([this.#contents.get(index) ?? Buffer.alloc(0), bytes]))
  }

  look(index: number, count: number): Buffer {
    return (this.#contents.get(index) ?? Buffer.alloc(0)).subarray(0, count)
  }

  take(index: number, count: number): Buffer {
    const taken = this.look(index, count)
    this.#contents.set(index, (this.#contents.get(index) ?? Buffer.alloc(0)).subarray(count))
    return taken
  }
}
