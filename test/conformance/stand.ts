/**
 * What a body is given: rings, files, pipes and buffers, all put away afterwards. Main thread of a test file.
 *
 * Rings close first, then descriptors, then the folder. Memory handed to a ring lives as long as the process, since the
 * kernel's teardown goes on after close().
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EFD_NONBLOCK, F_DUPFD_CLOEXEC } from '../../src/abi/calls.js'
import {
  AT_FDCWD,
  IORING_REGISTER_IOWQ_MAX_WORKERS,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_NO_MMAP,
} from '../../src/abi/constants.js'
import { PARAMS } from '../../src/abi/params.js'
import { S_IFIFO } from '../../src/abi/posix.js'
import type { Syscalls } from '../../src/abi/syscalls.js'
import { OwnMemory } from '../../src/ring/own-memory.js'
import { type QueueInitOptions, queueInit, Ring } from '../../src/ring/ring.js'
import { libc } from '../../src/sys/libc.js'
import { addressOf } from '../../src/sys/memory.js'
import type { Backend, BackendName } from './backends.js'
import { ok } from './cqes.js'

/** A ring with its bare words: for bodies that do what Ring does not offer. */
export interface BareRing {
  readonly ring: Ring
  /** The SQ and CQ rings' memory. */
  readonly words: Int32Array
  /** A u32 of params. */
  param(name: keyof typeof PARAMS.at): number
  /** The word of the rings at the offset that params states. */
  at(name: keyof typeof PARAMS.at): number
}

export interface SetupTrial {
  flags?: number
  cqEntries?: number
  /** Writes further fields. */
  edit?: (params: DataView) => void
}

const HIGH_FD = 900
const MKNODAT = process.arch === 'arm64' ? 33 : 259

/** Views whose memory a ring may still be writing to. */
const kept: ArrayBufferView[] = []

export class Stand {
  readonly backend: BackendName
  readonly syscalls: Syscalls
  readonly opcodes: ReadonlySet<number>
  readonly #cleanups: (() => void)[] = []
  readonly #rings: Ring[] = []
  readonly #fds = new Set<number>()
  #dir: string | undefined
  #nrFifos = 0

  constructor({ name, syscalls, opcodes }: Backend) {
    if (syscalls === undefined) throw new Error(`backend ${name} is missing`)
    this.backend = name
    this.syscalls = syscalls
    this.opcodes = opcodes
  }

  openRing(entries = 8, options: QueueInitOptions = {}): Ring {
    const ring = queueInit(this.syscalls, entries, options)
    this.#rings.push(ring)
    return ring
  }

  openBareRing(entries: number, trial: SetupTrial = {}): BareRing {
    const { res, params, ring } = this.trySetup(entries, trial)
    ok(res, 'io_uring_setup')
    const param = (name: keyof typeof PARAMS.at) => params.getUint32(PARAMS.at[name], true)
    const words = new Int32Array(this.syscalls.memory(res).rings)
    return { ring: ring!, words, param, at: (name) => param(name) >> 2 }
  }

  /** io_uring_setup as it is: the fd (closed afterwards) or -errno, and params as they came back. */
  trySetup(entries: number, { flags = 0, cqEntries, edit }: SetupTrial = {}) {
    const bytes = new Uint8Array(PARAMS.size)
    const params = new DataView(bytes.buffer)
    params.setUint32(PARAMS.at.flags, cqEntries === undefined ? flags : flags | IORING_SETUP_CQSIZE, true)
    params.setUint32(PARAMS.at.cq_entries, cqEntries ?? 0, true)
    const own = flags & IORING_SETUP_NO_MMAP ? new OwnMemory(entries, cqEntries, flags) : undefined
    own?.tell(params)
    edit?.(params)
    const res = this.syscalls.setup(entries, bytes)
    if (res < 0) own?.unmap()
    const ring = res < 0 ? undefined : new Ring(this.syscalls, res, params, own)
    if (ring !== undefined) this.#rings.push(ring)
    return { res, params, ring }
  }

  /** Caps the workers of this thread until the body ends; 0 leaves a cap as it is. */
  setMaxWorkers(ring: Ring, bounded: number, unbounded: number): void {
    const pair = new Uint32Array([bounded, unbounded])
    ok(ring.register(IORING_REGISTER_IOWQ_MAX_WORKERS, pair, 2), 'IOWQ_MAX_WORKERS')
    // Now it holds the previous pair.
    this.defer(() => ring.isOpen && ring.register(IORING_REGISTER_IOWQ_MAX_WORKERS, pair, 2))
  }

  /** A fresh folder. */
  dir(): string {
    this.#dir ??= mkdtempSync(join(tmpdir(), 'uring-conformance-'))
    return this.#dir
  }

  /** The path of a file of the fresh folder, made with these contents unless they are left out. */
  path(name: string, contents?: string | Uint8Array): string {
    const path = join(this.dir(), name)
    if (contents !== undefined) writeFileSync(path, contents)
    return path
  }

  /** An open descriptor of a file of the fresh folder, closed afterwards. */
  file(name: string, contents: string | Uint8Array, flags: string | number = 'r+'): number {
    return this.open(this.path(name, contents), flags)
  }

  open(path: string, flags: string | number): number {
    return this.own(openSync(path, flags))
  }

  /** Has an fd closed afterwards. */
  own(fd: number): number {
    this.#fds.add(fd)
    return fd
  }

  /** Writes to an fd of the process, outside of any ring. */
  write(fd: number, text: string): void {
    writeSync(fd, text)
  }

  closeFd(fd: number): void {
    this.#fds.delete(fd)
    closeSync(fd)
  }

  /** The body, or the ring, has closed this fd. */
  disown(fd: number): void {
    this.#fds.delete(fd)
  }

  /**
   * A duplicate with a number that nobody else gets: once it is closed, no thread's next open takes it. `exactly` that
   * number if it is given and free. Closed afterwards.
   */
  highFd(fd: number, exactly = HIGH_FD): number {
    return this.own(ok(libc('fcntl')(fd, F_DUPFD_CLOEXEC, exactly), 'fcntl'))
  }

  pipe(flags = 0): { readEnd: number; writeEnd: number } {
    const fds = new Int32Array(2)
    ok(libc('pipe2')(addressOf(fds), flags), 'pipe2')
    return { readEnd: this.own(fds[0]!), writeEnd: this.own(fds[1]!) }
  }

  /** The path of a FIFO without a writer: what opens it in a worker stays there. */
  fifo(): string {
    const path = this.path(`fifo${this.#nrFifos++}`)
    ok(libc('syscall')(MKNODAT, AT_FDCWD, this.cstr(path), S_IFIFO | 0o600, 0, 0, 0), 'mknodat')
    return path
  }

  eventfd(): number {
    return this.own(ok(libc('eventfd')(0, EFD_NONBLOCK), 'eventfd'))
  }

  /** A descriptor number that is not open. One just closed would be taken by the next open, whoever makes it. */
  closedFd(): number {
    return 999_999
  }

  alloc(contents: number | string | Uint8Array): Uint8Array {
    // A store of its own: a small Buffer shares one with others.
    const bytes =
      typeof contents === 'number'
        ? new Uint8Array(contents)
        : new Uint8Array(typeof contents === 'string' ? Buffer.from(contents) : contents)
    kept.push(bytes)
    return bytes
  }

  /** The address of a NUL-terminated copy. */
  cstr(text: string): number {
    return addressOf(this.alloc(Buffer.from(`${text}\0`)))
  }

  /** The address of a timespec of so many milliseconds. */
  timespec(ms: number): number {
    const seconds = Math.floor(ms / 1000)
    const words = new BigInt64Array([BigInt(seconds), BigInt(Math.round((ms - seconds * 1000) * 1e6))])
    kept.push(words)
    return addressOf(words)
  }

  /** iovecs over these views. */
  iovecs(views: readonly Uint8Array[]): BigUint64Array {
    const vecs = new BigUint64Array(2 * Math.max(1, views.length))
    views.forEach((view, i) => {
      vecs[2 * i] = BigInt(addressOf(view))
      vecs[2 * i + 1] = BigInt(view.byteLength)
    })
    kept.push(vecs, ...views)
    return vecs
  }

  /** Runs before the rings are closed, last come first. */
  defer(cleanup: () => void): void {
    this.#cleanups.push(cleanup)
  }

  /** Runs what was deferred, now. */
  release(): void {
    for (const cleanup of this.#cleanups.splice(0).reverse()) cleanup()
  }

  close(): void {
    this.release()
    for (const ring of this.#rings) ring.queueExit()
    for (const fd of this.#fds) libc('close')(fd)
    if (this.#dir !== undefined) rmSync(this.#dir, { recursive: true, force: true })
  }
}
