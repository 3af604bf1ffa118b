/**
 * Operations that use no file. Runs on the thread that made the ring.
 *
 * Counterpart: io_uring/nop.c.
 */
import { prepNop } from '../../ring/prep.js'
import { OP_OPTIONS } from '../options.js'
import { Call } from './call.js'

export class Nop extends Call<number> {
  static readonly options = OP_OPTIONS

  get syscall(): string {
    return 'nop'
  }

  prep(words: Int32Array, at: number): void {
    prepNop(words, at)
  }

  result(res: number): number {
    return res
  }
}
