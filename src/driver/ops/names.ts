/**
 * Operations on names: unlinkat, renameat, mkdirat, symlinkat, linkat, and openat2. Runs on the thread that made the ring.
 *
 * A path is read as the SQE is submitted; the call holds its bytes until then. Counterpart: io_uring/fs.c,
 * io_uring/openclose.c.
 */
import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_TMPFILE } from '../../abi/constants.js'
import { OPEN_HOW } from '../../abi/structs.js'
import { errnoError } from '../../lib/errno.js'
import { type Given, OptionTable } from '../../lib/options.js'
import { prepLinkat, prepMkdirat, prepOpenat2, prepRenameat, prepSymlinkat, prepUnlinkat } from '../../ring/prep.js'
import { addressOf } from '../../sys/memory.js'
import { adoptFile, adoptsFiles } from '../../sys/thread-fd.js'
import { checkDirfd, checkOpenFlags, checkPath, checkUint32, type Path, pathBytes } from '../args.js'
import { NO_OPTIONS, type OpOptions } from '../options.js'
import type { Supplies } from '../supplies.js'
import { Call } from './call.js'
import type { OpenatOptions } from './fs.js'

export interface UnlinkatOptions extends OpenatOptions {
  /** AT_REMOVEDIR removes an empty directory. Default 0. */
  flags?: number | undefined
}

export interface TwoNamesOptions extends OpOptions {
  /** The open directory that a relative first path starts from. Default: the working directory. */
  oldDirfd?: number | undefined
  /** The open directory that a relative second path starts from. Default: the working directory. */
  newDirfd?: number | undefined
  /** RENAME_* or AT_SYMLINK_FOLLOW bits. Default 0. */
  flags?: number | undefined
}

export interface OpenHow {
  /** Node's ('r', 'w+', ...) or O_* bits; O_CLOEXEC is added. Default 'r'. */
  flags?: string | number | undefined
  /** Of a file that is made. Default 0o666 if `flags` make one, else 0, which openat2(2) requires. */
  mode?: number | undefined
  /** RESOLVE_* bits: how the path may lead. Default 0. */
  resolve?: number | undefined
}

const NO_DIR = { ...NO_OPTIONS, dirfd: undefined }
const NO_NAMES = { ...NO_OPTIONS, oldDirfd: undefined, newDirfd: undefined, flags: undefined }
/** Flags that a mode belongs to: of O_TMPFILE the bit that is not O_DIRECTORY's. */
const MAKES_FILE = O_CREAT | (O_TMPFILE & ~O_DIRECTORY)
const HOW = new OptionTable<OpenHow>('how of openat2', () => ({
  flags: undefined,
  mode: undefined,
  resolve: undefined,
}))

function dirOf(dirfd: number | undefined, name = 'options.dirfd'): number {
  const dir = dirfd ?? AT_FDCWD
  checkDirfd(dir, name)
  return dir
}

function bitsOf(flags: number | undefined): number {
  checkUint32(flags ?? 0, 'options.flags')
  return flags ?? 0
}

/** An operation on one name. */
abstract class OfName extends Call<number> {
  readonly dirfd: number
  readonly nameBytes: Buffer
  readonly #path: string | Buffer

  constructor(path: Path, dirfd: number | undefined) {
    super()
    this.#path = checkPath(path)
    this.dirfd = dirOf(dirfd)
    this.nameBytes = pathBytes(this.#path)
  }

  override get path(): string | Buffer {
    return this.#path
  }

  result(res: number): number {
    return res
  }
}

export class Unlinkat extends OfName {
  static readonly options = new OptionTable<UnlinkatOptions>('unlinkat', () => ({ ...NO_DIR, flags: undefined }))
  readonly #flags: number

  constructor(_supplies: Supplies, options: Given<UnlinkatOptions> | undefined, path: Path) {
    super(path, options?.dirfd)
    this.#flags = bitsOf(options?.flags)
  }

  get syscall(): string {
    return 'unlinkat'
  }

  prep(words: Int32Array, at: number): void {
    prepUnlinkat(words, at, this.dirfd, addressOf(this.nameBytes), this.#flags)
  }
}

export class Mkdirat extends OfName {
  static readonly options = new OptionTable<OpenatOptions>('mkdirat', () => ({ ...NO_DIR }))
  readonly #mode: number

  constructor(_supplies: Supplies, options: Given<OpenatOptions> | undefined, path: Path, mode: number) {
    super(path, options?.dirfd)
    checkUint32(mode, 'mode')
    this.#mode = mode
  }

  get syscall(): string {
    return 'mkdirat'
  }

  prep(words: Int32Array, at: number): void {
    prepMkdirat(words, at, this.dirfd, addressOf(this.nameBytes), this.#mode)
  }
}

export class Openat2 extends OfName {
  static readonly options = new OptionTable<OpenatOptions>('openat2', () => ({ ...NO_DIR }))
  readonly #how = new Int32Array(OPEN_HOW.size >> 2)

  constructor(_supplies: Supplies, options: Given<OpenatOptions> | undefined, path: Path, how: OpenHow) {
    super(path, options?.dirfd)
    const { flags = 'r', mode, resolve = 0 } = HOW.read(how, 'how')
    const bits = checkOpenFlags(flags)
    const rights = mode ?? ((bits & MAKES_FILE) !== 0 ? 0o666 : 0)
    checkUint32(rights, 'how.mode')
    checkUint32(resolve, 'how.resolve')
    this.#how[OPEN_HOW.at.flags >> 2] = bits | O_CLOEXEC
    this.#how[OPEN_HOW.at.mode >> 2] = rights
    this.#how[OPEN_HOW.at.resolve >> 2] = resolve
  }

  get syscall(): string {
    return 'openat2'
  }

  prep(words: Int32Array, at: number): void {
    prepOpenat2(words, at, this.dirfd, addressOf(this.nameBytes), addressOf(this.#how))
  }

  /** As Openat's. */
  override result(fd: number): number {
    if (!adoptsFiles()) return fd
    const own = adoptFile(fd)
    if (own < 0) throw errnoError(own, 'openat2')
    return own
  }
}

/** An operation on two names. */
abstract class OfTwoNames extends Call<number> {
  readonly oldDirfd: number
  readonly newDirfd: number
  readonly flags: number
  readonly oldBytes: Buffer
  readonly newBytes: Buffer
  readonly #old: string | Buffer
  readonly #new: string | Buffer

  constructor(options: Given<TwoNamesOptions> | undefined, old: Path, fresh: Path) {
    super()
    this.#old = checkPath(old, 'oldPath')
    this.#new = checkPath(fresh, 'newPath')
    this.oldDirfd = dirOf(options?.oldDirfd, 'options.oldDirfd')
    this.newDirfd = dirOf(options?.newDirfd, 'options.newDirfd')
    this.flags = bitsOf(options?.flags)
    this.oldBytes = pathBytes(this.#old)
    this.newBytes = pathBytes(this.#new)
  }

  override get path(): string | Buffer {
    return this.#old
  }

  override get dest(): string | Buffer {
    return this.#new
  }

  result(res: number): number {
    return res
  }
}

export class Renameat extends OfTwoNames {
  static readonly options = new OptionTable<TwoNamesOptions>('renameat', () => ({ ...NO_NAMES }))

  constructor(_supplies: Supplies, options: Given<TwoNamesOptions> | undefined, old: Path, fresh: Path) {
    super(options, old, fresh)
  }

  get syscall(): string {
    return 'renameat2'
  }

  prep(words: Int32Array, at: number): void {
    const { oldDirfd, newDirfd, flags } = this
    prepRenameat(words, at, oldDirfd, addressOf(this.oldBytes), newDirfd, addressOf(this.newBytes), flags)
  }
}

export class Linkat extends OfTwoNames {
  static readonly options = new OptionTable<TwoNamesOptions>('linkat', () => ({ ...NO_NAMES }))

  constructor(_supplies: Supplies, options: Given<TwoNamesOptions> | undefined, old: Path, fresh: Path) {
    super(options, old, fresh)
  }

  get syscall(): string {
    return 'linkat'
  }

  prep(words: Int32Array, at: number): void {
    const { oldDirfd, newDirfd, flags } = this
    prepLinkat(words, at, oldDirfd, addressOf(this.oldBytes), newDirfd, addressOf(this.newBytes), flags)
  }
}

export class Symlinkat extends Call<number> {
  static readonly options = new OptionTable<OpenatOptions>('symlinkat', () => ({ ...NO_DIR }))
  readonly #target: string | Buffer
  readonly #path: string | Buffer
  readonly #dirfd: number
  readonly #targetBytes: Buffer
  readonly #pathBytes: Buffer

  constructor(_supplies: Supplies, options: Given<OpenatOptions> | undefined, target: string | Buffer, path: Path) {
    super()
    this.#target = checkPath(target, 'target')
    this.#path = checkPath(path)
    this.#dirfd = dirOf(options?.dirfd)
    this.#targetBytes = pathBytes(this.#target)
    this.#pathBytes = pathBytes(this.#path)
  }

  get syscall(): string {
    return 'symlinkat'
  }

  override get path(): string | Buffer {
    return this.#target
  }

  override get dest(): string | Buffer {
    return this.#path
  }

  prep(words: Int32Array, at: number): void {
    prepSymlinkat(words, at, addressOf(this.#targetBytes), this.#dirfd, addressOf(this.#pathBytes))
  }

  result(res: number): number {
    return res
  }
}
