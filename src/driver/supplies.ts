/**
 * A ring's memory for its operations: in place of the caller's, and pieces for results. Runs on the thread that made
 * the ring.
 *
 * An operation's call gives its memory back when it has ended. Counterpart: none in liburing; the kernel has the like
 * in struct io_ring_ctx (buffer tables, provided-buffer groups).
 */
import type { Syscalls } from '../abi/syscalls.js'
import { Lender } from './lend.js'
import { Pieces } from './pieces.js'

/** The most buffers of one system call. */
const IOV_MAX = 1024

export class Supplies {
  readonly pieces: Pieces
  /** Set if operations use copies of the caller's memory. */
  readonly lender: Lender | undefined
  /** Set if only an operation of very many buffers does. */
  #gatherer: Lender | undefined
  readonly #syscalls: Syscalls

  /** `lend`: operations use copies. */
  constructor(syscalls: Syscalls, lend: boolean) {
    this.#syscalls = syscalls
    // If the workers are this thread's, they have ended by then.
    this.pieces = new Pieces(syscalls.name === 'threads')
    this.lender = lend ? new Lender(this.pieces) : undefined
  }

  /** The lender for an operation of so many buffers; undefined if it uses the caller's. */
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
