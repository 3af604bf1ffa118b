/**
 * The options of Uring.open, checked before anything is set up. Runs on the app's thread.
 *
 * Counterpart: the arguments of io_uring_queue_init_params, struct io_uring_params.
 */
import { IORING_SETUP_SQPOLL } from '../abi/constants.js'
import { IORING_MAX_CQ_ENTRIES, IORING_MAX_ENTRIES } from '../abi/limits.js'
import { type Given, OptionTable } from '../lib/options.js'
import type { Ring } from '../ring/ring.js'
import { isMainThread } from '../sys/libc.js'
import { checkInteger, invalidArgType, invalidArgValue, invalidState, outOfRange } from './errors.js'

export type Backend = 'auto' | 'kernel' | 'threads'

/** The options of a ring. */
export interface RingOptions {
  /** Default 'auto': the kernel where it is allowed, the threads where it is not. */
  backend?: Backend | undefined
  /**
   * Submission queue entries, 1 to 32768, rounded up to a power of two. Default 256. A chain of links must fit in them.
   */
  entries?: number | undefined
  /**
   * Completion queue entries, at least 2 and `entries`, up to 65536, rounded up to a power of two. Default four times
   * `entries`. So many operations may be in flight, less a few for cancelling; more of them wait for one to end. Many
   * long-pending operations require many entries (IORING_SETUP_CQSIZE).
   */
  cqEntries?: number | undefined
  /**
   * How long completions may follow one another before the rest of the event loop runs, in milliseconds. Default 1.
   * Infinity: 64 rounds of them.
   */
  maxTurnMs?: number | undefined
  /**
   * Workers run reads and writes of so many bytes or more at once, if the file is a regular one or a block device and
   * not open with O_DIRECT. Smaller ones with cached data are copied on the event loop's thread: 0.1 ms for 1 MiB.
   * Default 1048576: there a worker costs a tenth more time and leaves the loop free. Infinity: never (IOSQE_ASYNC).
   */
  asyncBytes?: number | undefined
  /**
   * Operations use copies of the caller's buffers. The buffers may be transferred afterwards, and even meanwhile (a
   * read into a detached one rejects with ERR_INVALID_STATE). Costs 0.2 us for 4 KiB. Default false. In a Worker it is
   * always true: memory of a terminated Worker is freed before its operations have ended.
   */
  lend?: boolean | undefined
  /**
   * A kernel thread polls for submissions, which then require no system call. It burns a whole CPU while there is work
   * and for `sqThreadIdleMs` after, and on a machine with few CPUs slows everything down: measure first. Backend
   * `kernel` alone. Default false (IORING_SETUP_SQPOLL).
   */
  sqpoll?: boolean | undefined
  /**
   * With `sqpoll`: milliseconds without work after which that thread sleeps, 1 to 4294967295. Default:
   * the kernel's 1000.
   */
  sqThreadIdleMs?: number | undefined
  /** With `sqpoll`: the CPU of its thread, which takes it from all others there (IORING_SETUP_SQ_AFF). */
  sqThreadCpu?: number | undefined
  /** An open ring that shares its thread; see OpenOptions, where it is a Uring (uring.ts). */
  attachWq?: object | undefined
}

const OPEN_OPTIONS = new OptionTable<RingOptions>('Uring.open', () => ({
  backend: undefined,
  entries: undefined,
  cqEntries: undefined,
  maxTurnMs: undefined,
  asyncBytes: undefined,
  lend: undefined,
  sqpoll: undefined,
  sqThreadIdleMs: undefined,
  sqThreadCpu: undefined,
  attachWq: undefined,
}))

/** The settings of a ring. */
export interface RingSettings {
  readonly entries: number
  readonly cqEntries: number
  readonly sqpoll: boolean
  readonly sqThreadIdleMs: number | undefined
  readonly sqThreadCpu: number | undefined
  readonly attachWq: Ring | undefined
}

/** The settings of its driver. */
export interface DriverSettings {
  readonly maxTurnMs: number
  readonly asyncBytes: number
  readonly lend: boolean
}

const CQ_PER_SQ = 4
const ASYNC_BYTES = 1 << 20
const UINT32_MAX = 0xffffffff
/** The kernel reads it as a signed number. */
const MAX_CPU = 0x7fffffff

/** Throws ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE, ERR_OUT_OF_RANGE, or ERR_INVALID_STATE for a closed `attachWq`. */
export function checkOpenOptions(
  given: RingOptions,
  ringOf: (ring: unknown) => Ring | undefined,
): { backend: Backend } & RingSettings & DriverSettings {
  const options = OPEN_OPTIONS.read(given)
  const { backend = 'auto', maxTurnMs = 1, asyncBytes = ASYNC_BYTES } = options
  const { entries = 256, sqpoll = false, sqThreadIdleMs, sqThreadCpu } = options
  checkBackend('options.backend', backend)
  checkInteger(entries, 'options.entries', 1, IORING_MAX_ENTRIES)
  const { cqEntries = entries * CQ_PER_SQ } = options
  if (options.cqEntries !== undefined) {
    checkInteger(cqEntries, 'options.cqEntries', Math.max(2, entries), IORING_MAX_CQ_ENTRIES)
  }
  checkNotNegative('options.maxTurnMs', maxTurnMs)
  checkNotNegative('options.asyncBytes', asyncBytes)
  const { lend = !isMainThread() } = options
  if (typeof lend !== 'boolean') throw invalidArgType('options.lend', 'of type boolean', lend)
  if (!lend && !isMainThread()) throw invalidArgValue('options.lend', lend, 'must be true in a Worker')
  if (typeof sqpoll !== 'boolean') throw invalidArgType('options.sqpoll', 'of type boolean', sqpoll)
  if (sqThreadIdleMs !== undefined) checkInteger(sqThreadIdleMs, 'options.sqThreadIdleMs', 1, UINT32_MAX)
  if (sqThreadCpu !== undefined) checkInteger(sqThreadCpu, 'options.sqThreadCpu', 0, MAX_CPU)
  if (!sqpoll && sqThreadIdleMs !== undefined) throw needsSqpoll('options.sqThreadIdleMs', sqThreadIdleMs)
  if (!sqpoll && sqThreadCpu !== undefined) throw needsSqpoll('options.sqThreadCpu', sqThreadCpu)
  if (sqpoll && backend === 'threads') throw hasNoSqpoll()
  const attachWq = options.attachWq === undefined ? undefined : checkAttachWq(options, ringOf(options.attachWq))
  return { backend, entries, cqEntries, sqpoll, sqThreadIdleMs, sqThreadCpu, attachWq, maxTurnMs, asyncBytes, lend }
}

function checkAttachWq(options: Given<RingOptions>, ring: Ring | undefined): Ring {
  const { attachWq, backend = 'auto', sqpoll, sqThreadCpu } = options
  const name = 'options.attachWq'
  if (ring === undefined) throw invalidArgType(name, 'an instance of Uring', attachWq)
  if (!ring.isOpen) throw invalidState(`${name} is closed`)
  const its = ring.syscalls.name
  if (backend !== 'auto' && backend !== its) throw invalidArgValue(name, attachWq, `has another backend, '${its}'`)
  if (sqpoll === true) {
    if ((ring.flags & IORING_SETUP_SQPOLL) === 0) throw needsSqpoll(name, attachWq, 'must have been opened with sqpoll')
    if (sqThreadCpu !== undefined) {
      throw invalidArgValue(
        'options.sqThreadCpu',
        sqThreadCpu,
        'is for a thread of its own, not one by options.attachWq',
      )
    }
  }
  return ring
}

export function checkBackend(name: string, value: string): asserts value is Backend {
  if (value === 'auto' || value === 'kernel' || value === 'threads') return
  throw invalidArgValue(name, value, "must be 'auto', 'kernel' or 'threads'")
}

/** The error if there is no kernel to poll. */
export function hasNoSqpoll(why?: string): Error {
  const because = why === undefined ? '' : `; the kernel's io_uring is not to be had: ${why}`
  return invalidArgValue('options.sqpoll', true, `needs the backend 'kernel'${because}.`)
}

function needsSqpoll(name: string, value: unknown, reason = 'needs options.sqpoll'): Error {
  return invalidArgValue(name, value, reason)
}

function checkNotNegative(name: string, value: number): void {
  if (typeof value !== 'number') throw invalidArgType(name, 'of type number', value)
  if (!(value >= 0)) throw outOfRange(name, '>= 0', value)
}
