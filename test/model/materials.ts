/**
 * The files, pipes, descriptors and buffers of one run, and SQEs filled with them. Main thread of a test process.
 */
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { AT_FDCWD, IORING_ASYNC_CANCEL_FD, STATX_BASIC_STATS } from '../../src/abi/constants.js'
import { STATX } from '../../src/abi/structs.js'
import * as prep from '../../src/ring/prep.js'
import { libc } from '../../src/sys/libc.js'
import { addressOf } from '../../src/sys/memory.js'
import { FILLER, type SeenEpoch, writtenByte } from './observation.js'
import { type FdRef, FILE_BYTES, type Member, NR_FILES, NR_SPARES, type PathRef } from './program.js'

const NOT_OPEN = 999_999
const LOW_ADDRESS = 4096
const PIPE_BYTES = 2

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
    }
    for (let index = 0; index < NR_SPARES; index++) {
      this.#fds.set(`spare ${index}`, openSync(join(this.#dir, `file-${index % NR_FILES}`), 'r+'))
    }
    this.#fds.set('dir', openSync(this.#dir, 'r'))
  }

  #fd(ref: FdRef): number {
    switch (ref.kind) {
      case 'bad':
        return ref.fd
      case 'opened':
        return this.#opened.get(ref.by) ?? NOT_OPEN
      default:
        return this.#fds.get(fdKey(ref)) ?? NOT_OPEN
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
        prep.prepOpenat(words, at, AT_FDCWD, this.#path(op.path), op.flags, 0o644)
        break
      case 'close':
        prep.prepClose(words, at, this.#fd(op.fd))
        break
      case 'statx': {
        const bytes = new Uint8Array(STATX.size)
        this.#statx.set(userData, bytes)
        const address = op.memory === 'good' ? addressOf(bytes) : 0
        prep.prepStatx(words, at, AT_FDCWD, this.#path(op.path), 0, STATX_BASIC_STATS, address)
        break
      }
      case 'fsync':
        prep.prepFsync(words, at, this.#fd(op.fd), op.fsyncFlags)
        break
      case 'wait': {
        const fds = new Int32Array(PIPE_BYTES)
        libc('pipe2')(addressOf(fds), 0)
        this.#pipes.set(userData, { readEnd: fds[0]!, writeEnd: fds[1]! })
        prep.prepRead(words, at, fds[0]!, addressOf(this.#buffer(userData, op.len, true)), op.len, -1)
        break
      }
      case 'cancel':
        prep.prepCancel64(words, at, op.target, 0, op.flags)
        if ((op.flags & IORING_ASYNC_CANCEL_FD) !== 0) words[at + 1] = this.#pipes.get(op.target)?.readEnd ?? NOT_OPEN
        break
    }
  }

  /** Takes note of what a request did to descriptors. */
  completed({ userData, op }: Member, res: number): void {
    if (op.op === 'openat' && res >= 0) this.#opened.set(userData, res)
    if (op.op !== 'close' || res !== 0) return
    if (op.fd.kind === 'opened') this.#opened.delete(op.fd.by)
    else this.#fds.delete(fdKey(op.fd))
  }

  /** Lets a waiting request have all it asked for. */
  release({ userData, op }: Member): void {
    const pipe = this.#pipes.get(userData)
    if (op.op !== 'wait' || pipe === undefined) return
    writeSync(
      pipe.writeEnd,
      Uint8Array.from({ length: op.len }, (_, i) => writtenByte(userData, i)),
    )
    closeSync(pipe.writeEnd)
    closeSync(pipe.readEnd)
    this.#pipes.delete(userData)
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

  files(): Map<string, Uint8Array> {
    return new Map(
      readdirSync(this.#dir)
        .sort()
        .map((name) => [name, new Uint8Array(readFileSync(join(this.#dir, name)))]),
    )
  }

  close(): void {
    const ends = [...this.#pipes.values()].flatMap(({ readEnd, writeEnd }) => [readEnd, writeEnd])
    for (const fd of [...this.#fds.values(), ...this.#opened.values(), ...ends]) closeSync(fd)
  }
}

/** The name of an open file description: what has a position of its own. */
export function fdKey(ref: FdRef): string {
  return Object.values(ref).join(' ')
}

function sum(parts: readonly number[]): number {
  return parts.reduce((total, part) => total + part, 0)
}
