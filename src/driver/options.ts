/**
 * The options of every operation, and their bits in the SQE. Runs on the app's thread.
 *
 * Counterpart: the IOSQE_* flags of io_uring_sqe_set_flags; a signal has none.
 */
import { IOSQE_ASYNC, IOSQE_IO_HARDLINK, IOSQE_IO_LINK } from '../abi/constants.js'
import { OptionTable } from '../lib/options.js'

/** The options of every operation. */
export interface OpOptions {
  /** Cancels the operation. Once it has started it may still succeed, and then its promise resolves. */
  signal?: AbortSignal | undefined
  /**
   * The next operation issued on this ring in the same turn (no `await` in between) starts after this one has
   * succeeded. It fails with ECANCELED if this one fails; a short read or write is a failure here. A chain enters the
   * ring whole. A chain of more members than the ring has entries rejects with ERR_URING_CHAIN_TOO_LONG. A chain with a
   * member whose arguments are bad rejects with ECANCELED, before any of it is queued; if `link` is an accessor, such a
   * member counts as linked to the next one, because it may have been (IOSQE_IO_LINK).
   */
  link?: boolean | undefined
  /** Like `link`, but the next operation starts even if this one fails (IOSQE_IO_HARDLINK). */
  hardlink?: boolean | undefined
  /**
   * `true`: a worker runs the operation at once, without an inline attempt; `false`: never at once (IOSQE_ASYNC).
   * Default: for long reads and writes, see `asyncBytes` of Uring.open.
   */
  async?: boolean | undefined
}

/** Each option, in the order of reading: for the tables of the operations (ops/). */
export const NO_OPTIONS = { signal: undefined, link: undefined, hardlink: undefined, async: undefined } as const

/** For an operation without other options. */
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
 * Whether a refused operation may have been followed by another of its chain. No accessor is run to find out, so an
 * accessor counts as yes, and an object that cannot be read too. The operations behind it must not run without it.
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
