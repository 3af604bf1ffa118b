/**
 * What every operation takes besides its arguments, and what of it goes into the SQE. Runs on the app's thread.
 *
 * Counterpart: the IOSQE_* flags of io_uring_sqe_set_flags; a signal has none.
 */
import { IOSQE_ASYNC, IOSQE_IO_HARDLINK, IOSQE_IO_LINK } from '../abi/constants.js'
import { OptionTable } from '../lib/options.js'

/** What every operation takes. */
export interface OpOptions {
  /** Cancels the operation. Once it has started it may still succeed, and then its promise resolves. */
  signal?: AbortSignal | undefined
  /**
   * The next operation issued on this ring in the same turn (no `await` in between) starts after this one has succeeded,
   * and fails with ECANCELED if this one fails; a short read or write is a failure here. A chain enters the ring whole:
   * one of more members than the ring has entries rejects with ERR_URING_CHAIN_TOO_LONG, and one with a member whose
   * arguments are bad with ECANCELED, before any of it is queued: that member counts as linked to the next one where `link`
   * is an accessor, for it may have been (IOSQE_IO_LINK).
   */
  link?: boolean | undefined
  /** Like `link`, but the next operation starts even if this one fails (IOSQE_IO_HARDLINK). */
  hardlink?: boolean | undefined
  /**
   * Does not try the operation inline but hands it to a worker at once; `false`: never does (IOSQE_ASYNC). Default: for
   * long reads and writes, see `asyncBytes` of Uring.open.
   */
  async?: boolean | undefined
}

/** Each of them, in the order of reading: for the tables of the operations (ops/). */
export const NO_OPTIONS = { signal: undefined, link: undefined, hardlink: undefined, async: undefined } as const

/** For an operation that takes nothing else. */
export const OP_OPTIONS = new OptionTable<OpOptions>('this operation', () => ({ ...NO_OPTIONS }))

/** IOSQE_* bits. */
export function sqeFlags(options: OpOptions): number {
  return (
    (options.link === true ? IOSQE_IO_LINK : 0) |
    (options.hardlink === true ? IOSQE_IO_HARDLINK : 0) |
    (options.async === true ? IOSQE_ASYNC : 0)
  )
}

/**
 * Whether an operation that was refused may have been meant to be followed by another of its chain: no accessor is run to
 * tell, so one counts as yes, and what cannot be asked too. What was to come after it must not run without it.
 */
export function mayBeLinked(given: unknown): boolean {
  if (typeof given !== 'object' || given === null) return false
  try {
    return says(given, 'link') || says(given, 'hardlink')
  } catch {
    return true
  }
}

function says(given: object, name: string): boolean {
  for (
    let from: object | null = given;
    from !== null && from !== Object.prototype;
    from = Object.getPrototypeOf(from)
  ) {
    const own = Object.getOwnPropertyDescriptor(from, name)
    if (own !== undefined) return own.value === true || own.get !== undefined
  }
  return false
}
