/**
 * What the operations of more-ops.ts work on: a tree of names, pipes, memory to give advice on; and SQEs filled with them.
 * Main thread of a test process.
 */
import {
  closeSync,
  constants,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { F_SETPIPE_SZ } from '../../src/abi/calls.js'
import { AT_FDCWD, O_NONBLOCK } from '../../src/abi/constants.js'
import { SQE } from '../../src/abi/sqe.js'
import { OPEN_HOW } from '../../src/abi/structs.js'
import * as prep from '../../src/ring/prep.js'
import { libc } from '../../src/sys/libc.js'
import { addressOf, Mapping } from '../../src/sys/memory.js'
import { BLOCK_BYTES, NR_BLOCKS } from './contended.js'
import type { MoreOp, XattrName } from './more-ops.js'
import { FILLER, writtenByte } from './observation.js'
import { type FdRef, NR_PIPES, type PathRef } from './program.js'

/** Top folders of the tree. */
export const NR_BASES = 4
export const CONSTANT_BYTES = 10_000
const PAGE = 4096
const LOW_ADDRESS = 4096
/** Of a generated pipe: two pages. */
const PIPE_BYTES = 2 * PAGE
const S_LEN = SQE.at.len >> 2

/** What the file is that nobody writes to. */
export function constantContents(): Uint8Array {
  return Uint8Array.from({ length: CONSTANT_BYTES }, (_, i) => (i * 13 + (i >> 7)) & 0xff)
}

/** What MoreMaterials needs of the others. */
export interface Surroundings {
  fd(ref: FdRef): number
  readsInto(userData: number, bytes: Uint8Array): void
}

export class MoreMaterials {
  readonly #tree: string
  readonly #contended: string
  readonly #around: Surroundings
  readonly #fds = new Map<string, number>()
  readonly #kept: (ArrayBufferView | Mapping)[] = []
  readonly #newPipes = new Map<number, Int32Array>()

  constructor(dir: string, around: Surroundings) {
    this.#around = around
    this.#tree = join(dir, 'tree')
    mkdirSync(this.#tree)
    for (let base = 0; base < NR_BASES; base++) {
      const path = join(this.#tree, `base-${base}`)
      mkdirSync(path)
      this.#fds.set(`base ${base}`, openSync(path, constants.O_RDONLY | constants.O_DIRECTORY))
    }
    const constant = join(dir, 'constant')
    writeFileSync(constant, constantContents())
    this.#fds.set('constant', openSync(constant, 'r'))
    this.#contended = join(dir, 'contended')
    writeFileSync(this.#contended, new Uint8Array(NR_BLOCKS * BLOCK_BYTES))
    this.#fds.set('contended', openSync(this.#contended, 'r+'))
    for (let index = 0; index < NR_PIPES; index++) {
      const fds = new Int32Array(2)
      libc('pipe2')(addressOf(fds), O_NONBLOCK)
      libc('fcntl')(fds[1]!, F_SETPIPE_SZ, PIPE_BYTES)
      this.#fds.set(`pipe ${index} read`, fds[0]!)
      this.#fds.set(`pipe ${index} write`, fds[1]!)
    }
  }

  fd(key: string): number | undefined {
    return this.#fds.get(key)
  }

  #keep(bytes: ArrayBufferView): number {
    this.#kept.push(bytes)
    return addressOf(bytes)
  }

  #cstr(text: string): number {
    return this.#keep(new Uint8Array(Buffer.from(`${text}\0`)))
  }

  /** The folder that a path of the tree begins in. */
  dirFd(ref: PathRef): number {
    if (ref.kind !== 'tree' || ref.via === 'cwd') return AT_FDCWD
    return ref.via === 'folder' ? this.#fds.get(`base ${ref.base}`)! : 999_999
  }

  /** The address of a path of these kinds; undefined for those that Materials knows. */
  path(ref: PathRef): number | undefined {
    switch (ref.kind) {
      case 'empty':
        return this.#cstr('')
      case 'too long':
        return this.#cstr(`/${'x/'.repeat(3000)}`)
      case 'tree': {
        const top = join(this.#tree, `base-${ref.base}`)
        return this.#cstr(ref.via === 'cwd' ? `${top}/${ref.name}` : ref.name)
      }
      default:
        return undefined
    }
  }

  #name(name: XattrName): number {
    if (name === 'null') return 0
    return this.#cstr(name === 'too long' ? `user.${'x'.repeat(300)}` : name)
  }

  #value(userData: number, op: { readonly len: number; readonly memory: 'good' | 'null' }, reads: boolean): number {
    const bytes = new Uint8Array(Math.max(1, op.len)).fill(FILLER)
    if (reads) this.#around.readsInto(userData, bytes)
    else for (let i = 0; i < op.len; i++) bytes[i] = writtenByte(userData, i)
    const address = this.#keep(bytes)
    return op.memory === 'good' ? address : 0
  }

  fill(userData: number, op: MoreOp, words: Int32Array, at: number, path: (ref: PathRef) => number): void {
    const { fd } = this.#around
    switch (op.op) {
      case 'sync range':
        prep.prepSyncFileRange(words, at, fd(op.fd), op.len, op.off, op.rangeFlags)
        break
      case 'fallocate':
        prep.prepFallocate(words, at, fd(op.fd), op.mode, op.off, op.len)
        break
      case 'ftruncate':
        prep.prepFtruncate(words, at, fd(op.fd), op.len)
        break
      case 'fadvise':
        prep.prepFadvise(words, at, fd(op.fd), op.off, op.len, op.advice)
        break
      case 'madvise':
        prep.prepMadvise(words, at, this.#advised(op.at), op.len, op.advice)
        break
      case 'openat2':
        prep.prepOpenat2(words, at, this.dirFd(op.path), path(op.path), this.#how(op))
        words[at + S_LEN] = HOW_BYTES[op.how]
        break
      case 'unlinkat':
        prep.prepUnlinkat(words, at, this.dirFd(op.path), path(op.path), op.flags)
        break
      case 'renameat': {
        const [from, to] = [path(op.path), path(op.to)]
        prep.prepRenameat(words, at, this.dirFd(op.path), from, this.dirFd(op.to), to, op.flags)
        break
      }
      case 'mkdirat':
        prep.prepMkdirat(words, at, this.dirFd(op.path), path(op.path), 0o755)
        break
      case 'symlinkat':
        prep.prepSymlinkat(words, at, this.#cstr(op.target), this.dirFd(op.path), path(op.path))
        break
      case 'linkat': {
        const [from, to] = [path(op.path), path(op.to)]
        prep.prepLinkat(words, at, this.dirFd(op.path), from, this.dirFd(op.to), to, op.flags)
        break
      }
      case 'setxattr':
      case 'fsetxattr':
      case 'getxattr':
      case 'fgetxattr':
        this.#fillXattr(userData, op, words, at, path)
        break
      case 'splice':
        prep.prepSplice(words, at, fd(op.from), op.fromOff, fd(op.fd), op.off, op.len, op.spliceFlags)
        break
      case 'tee':
        prep.prepTee(words, at, fd(op.from), fd(op.fd), op.len, op.spliceFlags)
        break
      case 'contend': {
        const bytes = new Uint8Array(BLOCK_BYTES).fill(FILLER)
        if (op.writes) for (let i = 0; i < BLOCK_BYTES; i++) bytes[i] = writtenByte(userData, i)
        else this.#around.readsInto(userData, bytes)
        const fill = op.writes ? prep.prepWrite : prep.prepRead
        fill(words, at, this.#fds.get('contended')!, this.#keep(bytes), BLOCK_BYTES, op.block * BLOCK_BYTES)
        break
      }
      case 'pipe': {
        const fds = new Int32Array([-1, -1])
        this.#newPipes.set(userData, fds)
        prep.prepPipe(words, at, op.memory === 'good' ? addressOf(fds) : 0, op.pipeFlags)
        break
      }
    }
  }

  #fillXattr(
    userData: number,
    op: Extract<MoreOp, { name: XattrName }>,
    words: Int32Array,
    at: number,
    path: (ref: PathRef) => number,
  ): void {
    const { fd } = this.#around
    const value = this.#value(userData, op, op.op === 'getxattr' || op.op === 'fgetxattr')
    const name = this.#name(op.name)
    if (op.op === 'setxattr') prep.prepSetxattr(words, at, name, value, path(op.path), op.xattrFlags, op.len)
    else if (op.op === 'fsetxattr') prep.prepFsetxattr(words, at, fd(op.fd), name, value, op.xattrFlags, op.len)
    else if (op.op === 'getxattr') prep.prepGetxattr(words, at, name, value, path(op.path), op.len)
    else prep.prepFgetxattr(words, at, fd(op.fd), name, value, op.len)
  }

  #advised(at: 'page' | 'odd' | 'low'): number {
    if (at === 'low') return LOW_ADDRESS
    const memory = new Mapping(4 * PAGE)
    this.#kept.push(memory)
    return at === 'odd' ? memory.address + 1 : memory.address
  }

  #how({ flags, resolve, how }: Extract<MoreOp, { op: 'openat2' }>): number {
    const words = new Int32Array(2 * PAGE)
    words[OPEN_HOW.at.flags >> 2] = flags
    words[OPEN_HOW.at.mode >> 2] = (flags & constants.O_CREAT) !== 0 ? 0o644 : 0
    words[OPEN_HOW.at.resolve >> 2] = resolve
    if (how === 'unknown end') words[OPEN_HOW.size >> 2] = 1
    const address = this.#keep(words)
    return how === 'null' ? 0 : address
  }

  contended(): Uint8Array {
    return new Uint8Array(readFileSync(this.#contended))
  }

  /** The tree in words: each name with what it is. */
  tree(): string[] {
    const lines: string[] = []
    const walk = (path: string, name: string) => {
      const stat = lstatSync(path)
      if (stat.isSymbolicLink()) lines.push(`${name} -> ${readlinkSync(path)}`)
      else if (stat.isDirectory()) {
        lines.push(`${name}/`)
        for (const entry of readdirSync(path).sort()) walk(join(path, entry), `${name}/${entry}`)
      } else lines.push(`${name}: ${stat.nlink} links, ${readFileSync(path).toString('base64')}`)
    }
    walk(this.#tree, 'tree')
    return lines
  }

  close(): void {
    for (const fd of [...this.#fds.values(), ...[...this.#newPipes.values()].flatMap((fds) => [...fds])]) {
      if (fd >= 0) closeSync(fd)
    }
    for (const kept of this.#kept) if (kept instanceof Mapping) kept.unmap()
  }
}

const HOW_BYTES: Readonly<Record<Extract<MoreOp, { op: 'openat2' }>['how'], number>> = {
  good: OPEN_HOW.size,
  short: OPEN_HOW.size - 4,
  longer: OPEN_HOW.size + 16,
  'unknown end': OPEN_HOW.size + 16,
  'beyond a page': PAGE + 8,
  null: OPEN_HOW.size,
}
