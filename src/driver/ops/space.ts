/**
 * A file's space and what is kept of it in memory: fallocate, ftruncate, fadvise, sync_file_range. Runs on the thread that
 * made the ring.
 *
 * Those that change the file follow what was issued before them at its own position. Counterpart: io_uring/sync.c,
 * io_uring/truncate.c, io_uring/advise.c.
 */
import type { Given } from '../../lib/options.js'
import { prepFadvise, prepFallocate, prepFtruncate, prepSyncFileRange } from '../../ring/prep.js'
import { checkFd, checkUint32 } from '../args.js'
import { checkInteger } from '../errors.js'
import { FOLLOWS } from '../lanes.js'
import { OP_OPTIONS, type OpOptions } from '../options.js'
import type { Supplies } from '../supplies.js'
import { Call } from './call.js'

type Prep = (words: Int32Array, at: number, fd: number, offset: number, length: number, bits: number) => void

function checkBytes(value: number, name: string): void {
  checkInteger(value, name, 0, Number.MAX_SAFE_INTEGER)
}

/** An operation on a range of an open file. */
abstract class OfRange extends Call<number> {
  static readonly options = OP_OPTIONS
  readonly #fd: number
  readonly #offset: number
  readonly #length: number
  readonly #bits: number

  /** `name`: what `bits` are called. */
  constructor(fd: number, offset: number, length: number, bits: number, name: string) {
    super()
    checkFd(fd)
    checkBytes(offset, 'offset')
    checkBytes(length, 'length')
    checkUint32(bits, name)
    this.#fd = fd
    this.#offset = offset
    this.#length = length
    this.#bits = bits
  }

  abstract get fill(): Prep

  prep(words: Int32Array, at: number): void {
    this.fill(words, at, this.#fd, this.#offset, this.#length, this.#bits)
  }

  result(res: number): number {
    return res
  }
}

export class Fallocate extends OfRange {
  constructor(
    _supplies: Supplies,
    _options: Given<OpOptions> | undefined,
    fd: number,
    mode: number,
    offset: number,
    length: number,
  ) {
    super(fd, offset, length, mode, 'mode')
  }

  override get uses(): number {
    return FOLLOWS
  }

  get syscall(): string {
    return 'fallocate'
  }

  get fill(): Prep {
    return (words, at, fd, offset, length, mode) => prepFallocate(words, at, fd, mode, offset, length)
  }
}

export class SyncFileRange extends OfRange {
  constructor(
    _supplies: Supplies,
    _options: Given<OpOptions> | undefined,
    fd: number,
    offset: number,
    length: number,
    flags: number,
  ) {
    super(fd, offset, length, flags, 'flags')
    checkUint32(length, 'length')
  }

  override get uses(): number {
    return FOLLOWS
  }

  get syscall(): string {
    return 'sync_file_range'
  }

  get fill(): Prep {
    return (words, at, fd, offset, length, flags) => prepSyncFileRange(words, at, fd, length, offset, flags)
  }
}

export class Fadvise extends OfRange {
  constructor(
    _supplies: Supplies,
    _options: Given<OpOptions> | undefined,
    fd: number,
    offset: number,
    length: number,
    advice: number,
  ) {
    super(fd, offset, length, advice, 'advice')
  }

  get syscall(): string {
    return 'fadvise64'
  }

  get fill(): Prep {
    return prepFadvise
  }
}

export class Ftruncate extends Call<number> {
  static readonly options = OP_OPTIONS
  readonly #fd: number
  readonly #length: number

  constructor(_supplies: Supplies, _options: Given<OpOptions> | undefined, fd: number, length: number) {
    super()
    checkFd(fd)
    checkBytes(length, 'length')
    this.#fd = fd
    this.#length = length
  }

  override get uses(): number {
    return FOLLOWS
  }

  get syscall(): string {
    return 'ftruncate'
  }

  prep(words: Int32Array, at: number): void {
    prepFtruncate(words, at, this.#fd, this.#length)
  }

  result(res: number): number {
    return res
  }
}
