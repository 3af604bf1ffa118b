/**
 * What a ring supplies its operations with: memory of ours in place of the caller's, pieces for results. Runs on the thread
 * that made the ring.
 *
 * What an operation takes of it, its call gives back when it has ended. Counterpart: none in liburing; the kernel has the
 * like in struct io_ring_ctx (buffer tables, provided-buffer groups).
 */
import type { Syscalls } from '../abi/syscalls.js'
import { Lender } from './lend.js'
import { Pieces } from './pieces.js'

/** Buffers that one system call takes. */
const IOV_MAX = 1024

export class Supplies {
  readonly pieces: Pieces
  /** Set where operations get copies of the caller's memory. */
  readonly lender: Lender | undefined
  /** Where only an operation of very many buffers does. */
  #gatherer: Lender | undefined
  readonly #syscalls: Syscalls

  /** `lend`: operations get copies. */
  constructor(syscalls: Syscalls, lend: boolean) {
    this.#syscalls = syscalls
    // Where workers are this thread's, they have ended by then.
    this.pieces = new Pieces(syscalls.name === 'threads')
    this.lender = lend ? new Lender(this.pieces) : undefined
  }

  /** What lends memory to an operation of so many buffers; undefined where it gets the caller's. */
  lenderOf(nrBuffers: number): Lender | undefined {
    if (this.lender !== undefined || nrBuffers <= IOV_MAX) return this.lender
    this.#gatherer ??= new Lender(this.pieces)
    return this.#gatherer
  }

  /** See Syscalls. */
  get takesNullPath(): boolean {
    return this.#syscalls.takesNullPath
  }
}
