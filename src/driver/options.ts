/**
 * What operations take besides their arguments, and what of it goes into every SQE. Runs on the app's thread.
 *
 * Counterpart: the IOSQE_* flags of io_uring_sqe_set_flags; a signal has none.
 */
import { IOSQE_ASYNC, IOSQE_IO_HARDLINK, IOSQE_IO_LINK } from '../abi/constants.js'
import { OptionTable } from '../lib/options.js'
import { abortError, invalidArgType } from './errors.js'

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

export interface OpenatOptions extends OpOptions {
  /** The open directory that a relative path starts from. Default: the working directory. */
  dirfd?: number | undefined
}

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

export interface FsyncOptions extends OpOptions {
  /** Leaves out metadata that reading the data does not need, as fdatasync(2) does. Default false. */
  datasync?: boolean | undefined
}

export interface StatxOptions extends OpOptions {
  /** AT_* bits: AT_SYMLINK_NOFOLLOW for the link itself. Default 0. */
  flags?: number | undefined
  /** STATX_* bits: the fields wanted. Default: the basic ones and the time of creation. */
  mask?: number | undefined
  /** The open directory that a relative path starts from. Default: the working directory. */
  dirfd?: number | undefined
}

const EVERY = { signal: undefined, link: undefined, hardlink: undefined, async: undefined }

export const OP_OPTIONS = new OptionTable<OpOptions>('this operation', EVERY)
export const OPENAT_OPTIONS = new OptionTable<OpenatOptions>('openat', { ...EVERY, dirfd: undefined })
export const FSYNC_OPTIONS = new OptionTable<FsyncOptions>('fsync', { ...EVERY, datasync: undefined })
const AT = { offset: undefined, length: undefined, position: undefined }
export const TRANSFER_OPTIONS = new OptionTable<TransferOptions>('read and write', { ...EVERY, ...AT })
const STAT = { flags: undefined, mask: undefined, dirfd: undefined }
export const STATX_OPTIONS = new OptionTable<StatxOptions>('statx', { ...EVERY, ...STAT })

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

/** Throws for what is no signal, and the AbortError of one that has fired. */
export function checkSignal(signal: AbortSignal): void {
  if (
    signal === null ||
    typeof signal !== 'object' ||
    !('aborted' in signal) ||
    typeof signal.addEventListener !== 'function'
  ) {
    throw invalidArgType('options.signal', 'an instance of AbortSignal', signal)
  }
  if (signal.aborted) throw abortError(signal)
}
