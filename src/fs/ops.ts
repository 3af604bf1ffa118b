/**
 * Operations whose descriptors and memory belong to this library, and not to the caller. Runs on the thread that made the
 * ring.
 *
 * A descriptor goes into a FileHandle of Node's, or is closed by the same call; none is adopted in a Worker, and node:fs
 * does not close it. Memory that nobody else knows requires no mark. Counterpart: io_uring/openclose.c, io_uring/rw.c.
 */
import type { Loan } from '../driver/lend.js'
import { Call } from '../driver/ops/call.js'
import { Close, Openat } from '../driver/ops/fs.js'
import { OP_OPTIONS, type OpOptions } from '../driver/options.js'
import type { Supplies } from '../driver/supplies.js'
import type { Given } from '../lib/options.js'
import { prepClose, prepRead, prepWrite } from '../ring/prep.js'
import { addressOf } from '../sys/memory.js'
import { adoptsFiles } from '../sys/thread-fd.js'

/** OPENAT: resolves to an fd that is nobody's yet. */
export class OpenOwn extends Openat {
  override result(fd: number): number {
    return fd
  }
}

/** CLOSE of such an fd. */
export class CloseOwn extends Close {
  readonly #own: number

  constructor(supplies: Supplies, options: Given<OpOptions> | undefined, fd: number) {
    super(supplies, options, fd)
    this.#own = fd
  }

  override prep(words: Int32Array, at: number): void {
    prepClose(words, at, this.#own)
  }

  override result(res: number): number {
    return res
  }
}

/** Memory that nobody else has seen. A Worker may be ended meanwhile, and its memory freed: there it is lent. */
abstract class TransferOwn extends Call<number> {
  static readonly options = OP_OPTIONS
  readonly fd: number
  readonly view: Uint8Array
  readonly position: number
  readonly supplies: Supplies
  loan: Loan | undefined = undefined

  constructor(
    supplies: Supplies,
    _options: Given<OpOptions> | undefined,
    fd: number,
    view: Uint8Array,
    position: number,
  ) {
    super()
    this.supplies = supplies
    this.fd = fd
    this.view = view
    this.position = position
  }

  override get bytes(): number {
    return this.view.length
  }

  result(res: number): number {
    return this.loan === undefined ? res : this.loan.finish(res)
  }

  override release(): void {
    this.loan?.release()
  }
}

export class ReadOwn extends TransferOwn {
  get syscall(): string {
    return 'read'
  }

  prep(words: Int32Array, at: number): void {
    if (adoptsFiles()) this.loan = this.supplies.lender?.toRead(this.view)
    prepRead(words, at, this.fd, this.loan?.address ?? addressOf(this.view), this.view.length, this.position)
  }
}

export class WriteOwn extends TransferOwn {
  get syscall(): string {
    return 'write'
  }

  prep(words: Int32Array, at: number): void {
    if (adoptsFiles()) this.loan = this.supplies.lender?.toWrite(this.view)
    prepWrite(words, at, this.fd, this.loan?.address ?? addressOf(this.view), this.view.length, this.position)
  }
}
