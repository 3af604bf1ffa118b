/**
 * Operations on files by their names, and on descriptors as such. Runs on the thread that made the ring.
 *
 * In a Worker what is opened becomes node:fs's, and is closed by it, so that it ends with the thread. Counterpart:
 * io_uring/openclose.c, io_uring/statx.c.
 */
import { AT_EMPTY_PATH, AT_FDCWD, IORING_OP_NOP, STATX_BASIC_STATS, STATX_BTIME } from '../../abi/constants.js'
import { errnoError } from '../../lib/errno.js'
import { Buffer } from '../../lib/globals.js'
import { type Given, OptionTable } from '../../lib/options.js'
import { prepClose, prepOpenat, prepRw, prepStatx } from '../../ring/prep.js'
import { addressOf } from '../../sys/memory.js'
import { adoptFile, adoptsFiles, closeFile } from '../../sys/thread-fd.js'
import { checkDirfd, checkFd, checkOpenFlags, checkPath, checkUint32, type Path, pathBytes } from '../args.js'
import { CLOSES } from '../lanes.js'
import { NO_OPTIONS, OP_OPTIONS, type OpOptions } from '../options.js'
import type { Piece } from '../pieces.js'
import { STATX_BYTES, Statx } from '../statx.js'
import type { Supplies } from '../supplies.js'
import { Call } from './call.js'

export interface OpenatOptions extends OpOptions {
  /** The open directory that a relative path starts from. Default: the working directory. */
  dirfd?: number | undefined
}

export interface StatxOptions extends OpOptions {
  /** AT_* bits: AT_SYMLINK_NOFOLLOW for the link itself. Default 0. */
  flags?: number | undefined
  /** STATX_* bits: the fields wanted. Default: the basic ones and the time of creation. */
  mask?: number | undefined
  /** The open directory that a relative path starts from. Default: the working directory. */
  dirfd?: number | undefined
}

const STAT = { flags: undefined, mask: undefined, dirfd: undefined }
const NO_PATH = Buffer.from('\0')
const DEFAULT_MASK = STATX_BASIC_STATS | STATX_BTIME

export class Openat extends Call<number> {
  static readonly options = new OptionTable<OpenatOptions>('openat', () => ({ ...NO_OPTIONS, dirfd: undefined }))
  readonly #dirfd: number
  readonly #path: string | Buffer
  readonly #bytes: Buffer
  readonly #flags: number
  readonly #mode: number

  constructor(
    _supplies: Supplies,
    options: Given<OpenatOptions> | undefined,
    path: Path,
    flags: string | number,
    mode: number,
  ) {
    super()
    this.#path = checkPath(path)
    this.#flags = checkOpenFlags(flags)
    checkUint32(mode, 'mode')
    this.#mode = mode
    this.#dirfd = options?.dirfd ?? AT_FDCWD
    checkDirfd(this.#dirfd)
    this.#bytes = pathBytes(this.#path)
  }

  get syscall(): string {
    return 'openat'
  }

  override get path(): string | Buffer {
    return this.#path
  }

  prep(words: Int32Array, at: number): void {
    prepOpenat(words, at, this.#dirfd, addressOf(this.#bytes), this.#flags, this.#mode)
  }

  /** In a Worker: the file that was opened ends with the thread, as those of node:fs do. */
  result(fd: number): number {
    if (!adoptsFiles()) return fd
    const own = adoptFile(fd)
    if (own < 0) throw errnoError(own, 'openat')
    return own
  }
}

export class Close extends Call<number> {
  static readonly options = OP_OPTIONS
  readonly #fd: number

  constructor(_supplies: Supplies, _options: Given<OpOptions> | undefined, fd: number) {
    super()
    checkFd(fd)
    this.#fd = fd
  }

  override get uses(): number {
    return CLOSES
  }

  get syscall(): string {
    return 'close'
  }

  prep(words: Int32Array, at: number): void {
    // It keeps its turn, and node:fs closes it: a number that it opened it would close again when the Worker ends.
    if (adoptsFiles()) prepRw(words, at, IORING_OP_NOP, this.#fd, 0, 0, 0)
    else prepClose(words, at, this.#fd)
  }

  result(res: number): number {
    if (!adoptsFiles()) return res
    const closed = closeFile(this.#fd)
    if (closed < 0) throw errnoError(closed, 'close')
    return closed
  }
}

export class StatxCall extends Call<Statx> {
  static readonly options = new OptionTable<StatxOptions>('statx', () => ({ ...NO_OPTIONS, ...STAT }))
  readonly #supplies: Supplies
  readonly #dirfd: number
  /** Undefined for a descriptor. */
  readonly #path: string | Buffer | undefined
  readonly #bytes: Buffer
  readonly #flags: number
  readonly #mask: number
  #piece: Piece | undefined = undefined

  constructor(supplies: Supplies, options: Given<StatxOptions> | undefined, target: Path | number) {
    super()
    this.#supplies = supplies
    const path = typeof target === 'number' ? undefined : checkPath(target)
    if (typeof target === 'number') checkFd(target)
    this.#path = path
    this.#dirfd = typeof target === 'number' ? target : (options?.dirfd ?? AT_FDCWD)
    if (path !== undefined) checkDirfd(this.#dirfd)
    const flags = options?.flags ?? 0
    checkUint32(flags, 'options.flags')
    this.#flags = flags | (path === undefined ? AT_EMPTY_PATH : 0)
    this.#mask = options?.mask ?? DEFAULT_MASK
    checkUint32(this.#mask, 'options.mask')
    this.#bytes = path === undefined ? NO_PATH : pathBytes(path)
  }

  get syscall(): string {
    return 'statx'
  }

  override get path(): string | Buffer | undefined {
    return this.#path
  }

  prep(words: Int32Array, at: number): void {
    const address = this.#path === undefined && this.#supplies.takesNullPath ? 0 : addressOf(this.#bytes)
    this.#piece = this.#supplies.pieces.take(STATX_BYTES)
    prepStatx(words, at, this.#dirfd, address, this.#flags, this.#mask, this.#piece.address)
  }

  result(): Statx {
    return new Statx(this.#piece!.words)
  }

  override release(): void {
    this.#supplies.pieces.giveBack(this.#piece!)
  }
}
