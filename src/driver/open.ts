/**
 * Which backend a ring runs on, and why. Runs on the thread that opens the ring.
 *
 * The threads are loaded when a ring first needs them, once a thread; the kernel's backend is small. Counterpart:
 * liburing's io_uring_queue_init_params, with the retries that programs put around it.
 */
import { isMainThread } from '../sys/libc.js'
import {
  IORING_FEAT_EXT_ARG,
  IORING_FEAT_NATIVE_WORKERS,
  IORING_FEAT_NODROP,
  IORING_FEAT_RW_CUR_POS,
  IORING_SETUP_CLAMP,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
} from '../abi/constants.js'
import type { Syscalls } from '../abi/syscalls.js'
import { KernelSyscalls } from '../backends/kernel/index.js'
import { explain } from '../backends/kernel/probe.js'
import { EINVAL, ENOSYS, errnoName } from '../lib/errno.js'
import { queueInit, type Ring } from '../ring/ring.js'
import { codeError, invalidArgType, invalidArgValue, outOfRange } from './errors.js'

export type Backend = 'auto' | 'kernel' | 'threads'

export interface OpenOptions {
  /** Default 'auto': the kernel where it is allowed, the threads where it is not. */
  backend?: Backend | undefined
  /**
   * Submission queue entries, 1 to 32768, rounded up to a power of two. Default 256. The CQ gets four times as many, and
   * so many operations may be in flight; more wait for one of them to end. Many that pend long need many entries.
   */
  entries?: number | undefined
  /**
   * How long completions may follow one another before the rest of the event loop has a turn, in milliseconds.
   * Default 1.
   */
  maxTurnMs?: number | undefined
  /**
   * Gives operations copies of the caller's buffers, which then may be transferred afterwards, and even meanwhile (a read
   * into one that is gone rejects with ERR_INVALID_STATE). Costs 0.2 us for 4 KiB. Default false, but true in a Worker,
   * where it must be: its memory is freed before its operations have ended if it is terminated.
   */
  lend?: boolean | undefined
}

export interface OpenedRing {
  ring: Ring
  reason: string
  maxTurnMs: number
  lend: boolean
}

const MAX_ENTRIES = 32768
const CQ_PER_SQ = 4

const DEFER = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG
const COOP = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG
const ALWAYS = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP

/** Setup flags, best first; a kernel that does not know one answers EINVAL. */
const FLAG_SETS: readonly number[] = [
  DEFER | ALWAYS | IORING_SETUP_NO_SQARRAY, // Linux 6.6
  DEFER | ALWAYS, // 6.1
  COOP | ALWAYS, // 5.19
  ALWAYS, // 5.18
]

/** What the driver relies on. The last of them came with Linux 5.12. */
const NEEDED_FEATURES = IORING_FEAT_NODROP | IORING_FEAT_RW_CUR_POS | IORING_FEAT_EXT_ARG | IORING_FEAT_NATIVE_WORKERS

/** Opens a ring as Uring.open says. */
export async function openRing(options: OpenOptions): Promise<OpenedRing> {
  if (typeof options !== 'object' || options === null) throw invalidArgType('options', 'of type object', options)
  const { backend = 'auto', entries = 256, maxTurnMs = 1, lend = !isMainThread() } = options
  checkBackend('options.backend', backend)
  if (typeof entries !== 'number') throw invalidArgType('options.entries', 'of type number', entries)
  if (!Number.isInteger(entries) || entries < 1 || entries > MAX_ENTRIES) {
    throw outOfRange('options.entries', `an integer >= 1 && <= ${MAX_ENTRIES}`, entries)
  }
  if (typeof maxTurnMs !== 'number') throw invalidArgType('options.maxTurnMs', 'of type number', maxTurnMs)
  if (!(maxTurnMs >= 0)) throw outOfRange('options.maxTurnMs', '>= 0', maxTurnMs)
  if (typeof lend !== 'boolean') throw invalidArgType('options.lend', 'of type boolean', lend)
  if (!lend && !isMainThread()) throw invalidArgValue('options.lend', lend, 'must be true in a Worker')
  return { ...(await choose(backend, entries)), maxTurnMs, lend }
}

async function choose(asked: Backend, entries: number): Promise<{ ring: Ring; reason: string }> {
  if (asked !== 'auto') return openOn(asked, entries, `asked for with backend: '${asked}'`)
  const decreed = process.env['URING_BACKEND'] || 'auto'
  checkBackend('URING_BACKEND', decreed)
  if (decreed !== 'auto') return openOn(decreed, entries, `asked for with URING_BACKEND=${decreed}`)
  try {
    return await openOn('kernel', entries, "the kernel's io_uring works here")
  } catch (error) {
    if ((error as { code?: string }).code === 'ERR_URING_NO_FFI') throw error
    return openOn('threads', entries, (error as Error).message)
  }
}

function checkBackend(name: string, value: string): asserts value is Backend {
  if (value === 'auto' || value === 'kernel' || value === 'threads') return
  throw invalidArgValue(name, value, "must be 'auto', 'kernel' or 'threads'")
}

async function openOn(backend: 'kernel' | 'threads', entries: number, reason: string) {
  const ring = backend === 'kernel' ? openKernel(entries) : init(await threads(), entries)
  return { ring, reason }
}

function openKernel(entries: number): Ring {
  const syscalls = kernel()
  const refuse = (errno: number) => {
    const code = errnoName(errno)
    const error = codeError(Error, code, `${code}: io_uring_setup is refused: ${explain(errno)}`)
    return Object.assign(error, { errno: -errno, syscall: 'io_uring_setup' })
  }
  let ring: Ring
  try {
    ring = init(syscalls, entries)
  } catch (error) {
    const { errno } = error as { errno?: number }
    throw errno === undefined ? error : refuse(-errno)
  }
  if ((ring.features & NEEDED_FEATURES) === NEEDED_FEATURES) return ring
  ring.queueExit()
  throw refuse(ENOSYS)
}

/** A ring with the best flags that this side knows. */
function init(syscalls: Syscalls, entries: number): Ring {
  const cqEntries = entries * CQ_PER_SQ
  for (const flags of FLAG_SETS) {
    try {
      return queueInit(syscalls, entries, { flags, cqEntries })
    } catch (error) {
      if ((error as { errno?: number }).errno !== -EINVAL) throw error
    }
  }
  return queueInit(syscalls, entries, { flags: IORING_SETUP_CLAMP, cqEntries })
}

/**
 * A backend's system calls for this thread, for queueInit. Throws ERR_URING_NO_FFI where FFI cannot load; whether the
 * kernel lets them be used, queueInit tells.
 */
export async function loadSyscalls(backend: 'kernel' | 'threads'): Promise<Syscalls> {
  return backend === 'kernel' ? kernel() : threads()
}

let kernelSyscalls: Syscalls | undefined
let threadsSyscalls: Promise<Syscalls> | undefined

function kernel(): Syscalls {
  kernelSyscalls ??= new KernelSyscalls()
  return kernelSyscalls
}

function threads(): Promise<Syscalls> {
  threadsSyscalls ??= import('../backends/threads/index.js').then(({ ThreadsSyscalls }) => new ThreadsSyscalls())
  return threadsSyscalls
}
