/**
 * The seam: io_uring's three system calls, and where the ring memory is. Called on the thread that uses the ring.
 *
 * Two implementations stand behind it, backends/kernel and backends/threads; everything above is written against this
 * interface alone. SQEs carry native addresses in both. Arguments that C passes as pointers are typed arrays here; an
 * implementation holds them no longer than the call, except where io_uring itself does. Counterpart: io_uring_setup(2),
 * io_uring_enter(2), io_uring_register(2).
 */

/** The memory of one ring, as mmap would give it. Offsets are those that setup wrote to params. */
export interface RingMemory {
  /** SQ and CQ rings: one mapping (IORING_FEAT_SINGLE_MMAP). */
  readonly rings: ArrayBufferLike
  /** The SQE array. */
  readonly sqes: ArrayBufferLike
}

export interface Syscalls {
  readonly name: 'kernel' | 'threads'
  /** Whether STATX takes AT_EMPTY_PATH with no path at all. Linux does so from 6.11 on, but an empty path always. */
  readonly takesNullPath: boolean
  /** Why the last setup was refused, where a limit of the backend's own says more than the errno. */
  readonly refusal?: string | undefined
  /**
   * Makes a ring from PARAMS bytes (read and filled in). Returns its fd, or -errno. With IORING_SETUP_NO_MMAP the memory
   * is the caller's, and memory() knows nothing of it; with _REGISTERED_FD_ONLY the index of a registered ring returns.
   */
  setup(entries: number, params: Uint8Array): number
  /** Submits, waits, runs task work. `arg` is io_uring_getevents_arg where flags has IORING_ENTER_EXT_ARG. */
  enter(fd: number, toSubmit: number, minComplete: number, flags: number, arg?: Uint8Array): number
  /** Registers or changes what the opcode names; `arg` is the structure it takes, read and filled in. */
  register(fd: number, opcode: number, arg: ArrayBufferView | null, nrArgs: number): number
  /**
   * Why a request ended as -ECANCELED that nobody asked to cancel: no worker could be started for it. Tells it once, by the
   * two words of its user_data; undefined for all others. Absent where nobody can tell.
   */
  causeOf?(fd: number, userDataLow: number, userDataHigh: number): Error | undefined
  /** The ring's memory. Valid until close(fd). */
  memory(fd: number): RingMemory
  /** Drops the caller's reference: unmaps the memory and closes the ring. Returns 0 or -errno. */
  close(fd: number): number
}
