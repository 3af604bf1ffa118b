/**
 * The files, pipes, descriptors and buffers of one run, and SQEs filled with them. Main thread of a test process.
 */
import { closeSync, constants, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import {
  IORING_ASYNC_CANCEL_FD,
  IORING_ASYNC_CANCEL_OP,
  POLLERR,
  POLLIN,
  RWF_NOWAIT,
  STATX_BASIC_STATS,
} from '../../src/abi/constants.js'
import { STATX } from '../../src/abi/structs.js'
import { EOWNERDEAD } from '../../src/lib/errno.js'
import * as prep from '../../src/ring/prep.js'
import { libc } from '../../src/sys/libc.js'
import { addressOf } from '../../src/sys/memory.js'
import { MoreMaterials } from './more-materials.js'
import { FILLER, type SeenEpoch, writtenByte } from './observation.js'
import { type FdRef, FILE_BYTES, type Member, NR_FILES, NR_SLOTS, NR_SPARES, type PathRef } from './program.js'

const NOT_OPEN = 999_999
const LOW_ADDRESS = 4096
const PIPE_BYTES = 2
/** user_data of nobody. */
const SENTINEL = -1

/** What data file `file` begins with. */
export function initialContents(file: number): Uint8Array {
  return Uint8Array.from({ length: FILE_BYTES }, (_, i) => (i * 7 + file * 61 + (i >> 8)) & 0xff)
}

export class Materials {
  /** Data files alone are in here, so that its listing is a result. */
  readonly #dir: string
  readonly #fds = new Map<string, number>()
  readonly #opened = new Map<number, number>()
  readonly #pipes = new Map<number, { readEnd: number; writeEnd: number }>()
  readonly #kept: ArrayBufferView[] = []
  readonly #more: MoreMaterials
  #buffers = new Map<number, Uint8Array>()
  #statx = new Map<number, Uint8Array>()

  constructor(dir: string) {
    this.#dir = join(dir, 'files')
    mkdirSync(this.#dir)
    for (let file = 0; file < NR_FILES; file++) {
      const path = join(this.#dir, `file-${file}`)
      writeFileSync(path, initialContents(file))
      this.#fds.set(`file ${file} rw`, openSync(path, 'r+'))
      this.#fds.set(`file ${file} ro`, openSync(path, 'r'))
      this.#fds.set(`file ${file} wo`, openSync(path, 1))
      this.#fds.set(`file ${file} append`, openSync(path, constants.O_RDWR | constants.O_APPEND))
    }
    for (let index = 0; index < NR_SPARES; index++) {
      this.#fds.set(`spare ${index}`, openSync(join(this.#dir, `file-${index % NR_FILES}`), 'r+'))
    }
    this.#fds.set('dir', openSync(this.#dir, 'r'))
    this.#fds.set('full', openSync('/dev/full', 'r+'))
    this.#more = new MoreMaterials(dir, {
      fd: (ref) => this.#fd(ref),
      readsInto: (userData, bytes) => this.#buffers.set(userData, bytes),
    })
  }

  /** What the slots of registered files hold, from 0 on; behind them a pipe, which the ring holds as long as it lives. */
  registered(): Int32Array {
    const slots = new Int32Array(NR_SLOTS).fill(-1)
    slots[NR_SLOTS - 1] = this.#pipe(SENTINEL)
    for (let file = 0; file < NR_FILES; file++) slots[file] = this.#fd({ kind: 'file', file, mode: 'rw' })
    return slots
  }

  #fd(ref: FdRef): number {
    switch (ref.kind) {
      case 'bad':
        return ref.fd
      case 'fixed':
        return ref.file
      case 'empty slot':
        return ref.slot
      case 'opened':
        return this.#opened.get(ref.by) ?? NOT_OPEN
      default:
        return this.#fds.get(fdKey(ref)) ?? this.#more.fd(fdKey(ref)) ?? NOT_OPEN
    }
  }

  #path(ref: PathRef): number {
    switch (ref.kind) {
      case 'bad address':
        return LOW_ADDRESS
      case 'file':
        return this.#cstr(`file-${ref.file}`)
      case 'new':
        return this.#cstr(ref.name)
      case 'dir':
        return this.#cstr('')
      case 'missing':
        return this.#cstr('missing')
      case 'below file':
        return this.#cstr('file-0/below')
      default:
        return this.#more.path(ref)!
    }
  }

  #cstr(name: string): number {
    const bytes = new Uint8Array(Buffer.from(`${join(this.#dir, name)}\0`))
    this.#kept.push(bytes)
    return addressOf(bytes)
  }

  /** A buffer to read into, whose contents are a result, or one with what the request writes. */
  #buffer(userData: number, len: number, reads: boolean): Uint8Array {
    const bytes = new Uint8Array(Math.max(1, len)).fill(FILLER)
    if (reads) this.#buffers.set(userData, bytes)
    else for (let i = 0; i < len; i++) bytes[i] = writtenByte(userData, i)
    this.#kept.push(bytes)
    return bytes
  }

  #iovecs(bytes: Uint8Array, parts: readonly number[], nr: number, badPart: boolean): number {
    const vecs = new BigUint64Array(2 * Math.max(1, nr))
    let at = addressOf(bytes)
    parts.forEach((part, i) => {
      vecs[2 * i] = BigInt(badPart && i === parts.length - 1 ? LOW_ADDRESS : at)
      vecs[2 * i + 1] = BigInt(part)
      at += part
    })
    this.#kept.push(vecs)
    return addressOf(vecs)
  }

  /** Writes the request's fields into the SQE at a word. */
  fill({ userData, op }: Member, words: Int32Array, at: number): void {
    switch (op.op) {
      case 'nop':
        prep.prepNop(words, at, op.nopFlags, op.len)
        break
      case 'bad opcode':
        prep.prepRw(words, at, op.opcode, -1, 0, 0, 0)
        break
      case 'read':
      case 'write': {
        const good = addressOf(this.#buffer(userData, op.len, op.op === 'read'))
        const address = op.memory === 'good' ? good : op.memory === 'null' ? 0 : LOW_ADDRESS
        const fill = op.op === 'read' ? prep.prepRead : prep.prepWrite
        fill(words, at, this.#fd(op.fd), address, op.len, op.off)
        // A ring waits for a pipe though that is O_NONBLOCK.
        if (op.fd.kind === 'pipe') prep.setOpFlags(words, at, RWF_NOWAIT)
        break
      }
      case 'readv':
      case 'writev': {
        const isGood = op.memory === 'good' || op.memory === 'bad part'
        const nr = op.memory === 'too many' ? 1025 : isGood ? op.parts.length : Math.max(1, op.parts.length)
        const bytes = this.#buffer(userData, sum(op.parts), op.op === 'readv')
        const good = this.#iovecs(bytes, op.parts, nr, op.memory === 'bad part')
        const address = op.memory === 'null iovecs' ? 0 : op.memory === 'low iovecs' ? LOW_ADDRESS : good
        const fill = op.op === 'readv' ? prep.prepReadv : prep.prepWritev
        fill(words, at, this.#fd(op.fd), address, nr, op.off)
        break
      }
      case 'openat':
        prep.prepOpenat(words, at, this.#more.dirFd(op.path), this.#path(op.path), op.flags, 0o644)
        break
      case 'close':
        prep.prepClose(words, at, this.#fd(op.fd))
        break
      case 'statx': {
        const bytes = new Uint8Array(STATX.size)
        this.#statx.set(userData, bytes)
        const address = op.memory === 'good' ? addressOf(bytes) : 0
        prep.prepStatx(words, at, this.#more.dirFd(op.path), this.#path(op.path), 0, STATX_BASIC_STATS, address)
        break
      }
      case 'fsync':
        prep.prepFsync(words, at, this.#fd(op.fd), op.fsyncFlags)
        break
      case 'wait':
        prep.prepRead(words, at, this.#pipe(userData), addressOf(this.#buffer(userData, op.len, true)), op.len, -1)
        break
      case 'cancel':
        if ((op.flags & IORING_ASYNC_CANCEL_OP) !== 0) prep.prepCancelOp(words, at, op.opcode ?? 0, op.flags)
        else prep.prepCancel64(words, at, op.target, 0, op.flags)
        if ((op.flags & IORING_ASYNC_CANCEL_FD) !== 0) words[at + 1] = this.#pipes.get(op.target)?.readEnd ?? NOT_OPEN
        break
      case 'timeout':
        prep.prepTimeout(words, at, this.#timespec(op.ms), op.count, op.timeoutFlags)
        break
      case 'link timeout':
        prep.prepLinkTimeout(words, at, this.#timespec(op.ms))
        break
      case 'poll': {
        const fill = op.multishot ? prep.prepPollMultishot : prep.prepPollAdd
        fill(words, at, this.#pipe(userData), POLLIN)
        break
      }
      case 'remove':
        if (op.what === 'poll') prep.prepPollRemove(words, at, op.target, 0)
        else prep.prepTimeoutRemove(words, at, op.target, 0)
        break
      default:
        this.#more.fill(userData, op, words, at, (ref) => this.#path(ref))
    }
  }

  /** Makes the pipe that a request waits for; returns its read end. */
  #pipe(userData: number): number {
    const fds = new Int32Array(PIPE_BYTES)
    libc('pipe2')(addressOf(fds), 0)
    this.#pipes.set(userData, { readEnd: fds[0]!, writeEnd: fds[1]! })
    return fds[0]!
  }

  #timespec(ms: number): number {
    const words = new BigInt64Array([BigInt(Math.floor(ms / 1000)), BigInt((ms % 1000) * 1e6)])
    this.#kept.push(words)
    return addressOf(words)
  }

  /** Takes note of what a request did to descriptors. */
  completed({ userData, op }: Member, res: number): void {
    const pipe = this.#pipes.get(userData)
    if (pipe !== undefined && pipe.writeEnd < 0) {
      closeSync(pipe.readEnd)
      this.#pipes.delete(userData)
    }
    if ((op.op === 'openat' || op.op === 'openat2') && res >= 0) this.#opened.set(userData, res)
    // Where its thread died a close may have been made.
    if (op.op !== 'close' || (res !== 0 && res !== -EOWNERDEAD)) return
    if (op.fd.kind === 'opened') this.#opened.delete(op.fd.by)
    else this.#fds.delete(fdKey(op.fd))
  }

  /** Lets a request that waits for a pipe have all it asked for, and makes its poll true. */
  release({ userData, op }: Member): void {
    const pipe = this.#pipes.get(userData)
    if (pipe === undefined || pipe.writeEnd < 0) return
    const len = op.op === 'wait' ? op.len : 1
    writeSync(
      pipe.writeEnd,
      Uint8Array.from({ length: len }, (_, i) => writtenByte(userData, i)),
    )
    closeSync(pipe.writeEnd)
    // The request may not have looked its file up yet.
    this.#pipes.set(userData, { ...pipe, writeEnd: -1 })
  }

  /** What requests since the last call have put into memory. */
  takeResults(): Pick<SeenEpoch, 'buffers' | 'sizes'> {
    const buffers = this.#buffers
    const sizes = new Map<number, number>()
    for (const [userData, bytes] of this.#statx) {
      sizes.set(userData, new DataView(bytes.buffer).getUint32(STATX.at.stx_size, true))
    }
    this.#buffers = new Map()
    this.#statx = new Map()
    return { buffers, sizes }
  }

  contended(): Uint8Array {
    return this.#more.contended()
  }

  tree(): string[] {
    return this.#more.tree()
  }

  files(): Map<string, Uint8Array> {
    return new Map(
      readdirSync(this.#dir)
        .sort()
        .map((name) => [name, new Uint8Array(readFileSync(join(this.#dir, name)))]),
    )
  }

  /** Whether nobody but this process's own descriptors holds a pipe that was waited for. Closes those. */
  arePipesFree(): boolean {
    for (const [userData, { readEnd, writeEnd }] of this.#pipes) {
      if (readEnd >= 0) closeSync(readEnd)
      this.#pipes.set(userData, { readEnd: -1, writeEnd })
      const POLLFD_BYTES = 8
      const pollfd = new Int32Array(POLLFD_BYTES >> 2)
      pollfd[0] = writeEnd
      libc('poll')(addressOf(pollfd), 1, 0)
      // revents, in the upper half: a pipe that nobody can read is in error.
      if (((pollfd[1]! >>> 16) & POLLERR) === 0) return false
      closeSync(writeEnd)
      this.#pipes.delete(userData)
    }
    return true
  }

  close(): void {
    this.#more.close()
    const ends = [...this.#pipes.values()].flatMap(({ readEnd, writeEnd }) => [readEnd, writeEnd])
    for (const fd of [...this.#fds.values(), ...this.#opened.values(), ...ends]) if (fd >= 0) closeSync(fd)
  }
}

/** The name of an open file description: what has a position of its own. */
export function fdKey(ref: FdRef): string {
  if (ref.kind === 'fixed') return fdKey({ kind: 'file', file: ref.file, mode: 'rw' })
  return Object.values(ref).join(' ')
}

function sum(parts: readonly number[]): number {
  return parts.reduce((total, part) => total + part, 0)
}
