/**
 * Operations that have a file reach the disk. Runs on the thread that made the ring.
 *
 * Counterpart: io_uring/sync.c.
 */
import { IORING_FSYNC_DATASYNC } from '../../abi/constants.js'
import { type Given, OptionTable } from '../../lib/options.js'
import { prepFsync } from '../../ring/prep.js'
import { checkFd } from '../args.js'
import { FOLLOWS } from '../lanes.js'
import { NO_OPTIONS, type OpOptions } from '../options.js'
import type { Supplies } from '../supplies.js'
import { Call } from './call.js'

export interface FsyncOptions extends OpOptions {
  /** Leaves out metadata that reading the data does not need, as fdatasync(2) does. Default false. */
  datasync?: boolean | undefined
}

export class Fsync extends Call<number> {
  static readonly options = new OptionTable<FsyncOptions>('fsync', () => ({ ...NO_OPTIONS, datasync: undefined }))
  readonly #fd: number
  readonly #isDatasync: boolean

  constructor(_supplies: Supplies, options: Given<FsyncOptions> | undefined, fd: number) {
    super()
    checkFd(fd)
    this.#fd = fd
    this.#isDatasync = options?.datasync === true
  }

  override get uses(): number {
    return FOLLOWS
  }

  get syscall(): string {
    return this.#isDatasync ? 'fdatasync' : 'fsync'
  }

  prep(words: Int32Array, at: number): void {
    prepFsync(words, at, this.#fd, this.#isDatasync ? IORING_FSYNC_DATASYNC : 0)
  }

  result(res: number): number {
    return res
  }
}
