/**
 * Reads and writes, of one buffer and of several. Runs on the thread that made the ring.
 *
 * The bytes are the caller's own, marked so that they stay where they are (hold.ts), or those of a loan (lend.ts).
 * Counterpart: io_uring/rw.c.
 */
import { type Given, OptionTable } from '../../lib/options.js'
import { lengthOf } from '../../lib/views.js'
import { prepRead, prepReadv, prepWrite, prepWritev } from '../../ring/prep.js'
import { addressOf } from '../../sys/memory.js'
import {
  checkBuffer,
  checkBuffers,
  checkFd,
  checkLength,
  checkOffset,
  checkPosition,
  iovecOf,
  iovecsOf,
  totalBytes,
} from '../args.js'
import { checkFixed, heldAddressOf } from '../hold.js'
import { READS, USES_NOTHING, WRITES } from '../lanes.js'
import type { Lender, Loan } from '../lend.js'
import { OP_OPTIONS, type OpOptions } from '../options.js'
import type { Supplies } from '../supplies.js'
import { Call } from './call.js'

export interface TransferOptions extends OpOptions {
  /** Where in the buffer to begin, in bytes. Default 0. */
  offset?: number | undefined
  /** How many bytes at most. Default: the rest of the buffer. */
  length?: number | null | undefined
  /**
   * Where in the file to begin, in bytes. Default null: at the file's own position, which then moves on. Operations at it
   * that are issued on one ring for one fd run one after another, in the order of issue: give positions to have them run
   * together. Of a pipe, a socket or a terminal, which have no position, reads wait for reads and writes for writes; a
   * position given is ignored there, and has them wait for nobody. Two rings, or two fds of one open file (dup), do not
   * know of each other.
   */
  position?: number | null | undefined
}

/** Spelled out, for it is made for each read and write. */
const noTransferOptions = () => ({
  signal: undefined,
  link: undefined,
  hardlink: undefined,
  async: undefined,
  offset: undefined,
  length: undefined,
  position: undefined,
})

/** One buffer, or part of it. */
abstract class Transfer extends Call<number> {
  static readonly options = new OptionTable<TransferOptions>('read and write', noTransferOptions)
  declare readonly fd: number
  declare readonly view: ArrayBufferView
  declare readonly offset: number
  declare readonly length: number
  /** -1 for the file's own. */
  declare readonly position: number
  /** Where the caller's bytes are; 0 for what is lent. */
  declare readonly address: number
  declare readonly lender: Lender | undefined
  declare loan: Loan | undefined

  constructor(supplies: Supplies, options: Given<TransferOptions> | undefined, fd: number, buffer: ArrayBufferView) {
    super()
    checkFd(fd)
    checkBuffer(buffer)
    const { lender } = supplies
    if (lender !== undefined) checkFixed(buffer)
    this.fd = fd
    this.view = buffer
    this.offset = checkOffset(options?.offset, lengthOf(buffer))
    this.length = checkLength(options?.length, lengthOf(buffer) - this.offset)
    this.position = checkPosition(options?.position)
    this.address = lender === undefined ? heldAddressOf(buffer) + this.offset : 0
    this.lender = lender
    this.loan = undefined
  }

  override get bytes(): number {
    return this.length
  }

  result(res: number): number {
    return this.loan === undefined ? res : this.loan.finish(res)
  }

  override release(): void {
    this.loan?.release()
  }
}

export class Read extends Transfer {
  get syscall(): string {
    return 'read'
  }

  override get uses(): number {
    return this.position < 0 ? READS : USES_NOTHING
  }

  prep(words: Int32Array, at: number): void {
    this.loan = this.lender?.toRead(this.view, this.offset, this.length)
    prepRead(words, at, this.fd, this.loan?.address ?? this.address, this.length, this.position)
  }
}

export class Write extends Transfer {
  get syscall(): string {
    return 'write'
  }

  override get uses(): number {
    return this.position < 0 ? WRITES : USES_NOTHING
  }

  prep(words: Int32Array, at: number): void {
    this.loan = this.lender?.toWrite(this.view, this.offset, this.length)
    prepWrite(words, at, this.fd, this.loan?.address ?? this.address, this.length, this.position)
  }
}

/** Several buffers, one after another. */
abstract class VectorTransfer extends Call<number> {
  static readonly options = OP_OPTIONS
  declare readonly fd: number
  declare readonly views: readonly ArrayBufferView[]
  declare readonly length: number
  /** -1 for the file's own. */
  declare readonly position: number
  declare readonly lender: Lender | undefined
  /** Where the caller's bytes are, or those of the loan. */
  declare iovecs: Int32Array | undefined
  declare loan: Loan | undefined

  constructor(
    supplies: Supplies,
    _options: Given<OpOptions> | undefined,
    fd: number,
    buffers: readonly ArrayBufferView[],
    position: number | null | undefined,
  ) {
    super()
    checkFd(fd)
    this.fd = fd
    this.views = checkBuffers(buffers)
    this.position = checkPosition(position)
    this.length = totalBytes(this.views)
    this.lender = supplies.lenderOf(this.views.length)
    this.iovecs = this.lender === undefined ? iovecsOf(this.views) : undefined
    this.loan = undefined
  }

  /** The struct iovecs; their number is in `nrIovecs`. */
  iovecsFor(loan: Loan | undefined): Int32Array {
    this.loan = loan
    if (loan !== undefined) this.iovecs = iovecOf(loan.address, this.length)
    return this.iovecs!
  }

  get nrIovecs(): number {
    return this.loan === undefined ? this.views.length : 1
  }

  override get bytes(): number {
    return this.length
  }

  result(res: number): number {
    return this.loan === undefined ? res : this.loan.finish(res)
  }

  override release(): void {
    this.loan?.release()
  }
}

export class Readv extends VectorTransfer {
  get syscall(): string {
    return 'readv'
  }

  override get uses(): number {
    return this.position < 0 ? READS : USES_NOTHING
  }

  prep(words: Int32Array, at: number): void {
    const iovecs = this.iovecsFor(this.lender?.toReadv(this.views))
    prepReadv(words, at, this.fd, addressOf(iovecs), this.nrIovecs, this.position)
  }
}

export class Writev extends VectorTransfer {
  get syscall(): string {
    return 'writev'
  }

  override get uses(): number {
    return this.position < 0 ? WRITES : USES_NOTHING
  }

  prep(words: Int32Array, at: number): void {
    const iovecs = this.iovecsFor(this.lender?.toWritev(this.views))
    prepWritev(words, at, this.fd, addressOf(iovecs), this.nrIovecs, this.position)
  }
}
