/**
 * Selects a ring's backend, and states why. Runs on the thread that opens the ring.
 *
 * The threads backend is loaded when a ring first requires it, once a thread; the kernel's is small. Counterpart:
 * liburing's io_uring_queue_init_params, with the retries that programs put around it.
 */
import {
  IORING_SETUP_ATTACH_WQ,
  IORING_SETUP_CLAMP,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQ_AFF,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
} from '../abi/constants.js'
import type { Syscalls } from '../abi/syscalls.js'
import { KernelSyscalls } from '../backends/kernel/index.js'
import { EINVAL } from '../lib/errno.js'
import { process } from '../lib/globals.js'
import { perThread, perThreadSoon } from '../lib/per-thread.js'
import { type QueueInitOptions, queueInit, type Ring } from '../ring/ring.js'
import { isMainThread } from '../sys/libc.js'
import { invalidArgValue, invalidState } from './errors.js'
import { openKernel } from './open-kernel.js'
import {
  type Backend,
  checkBackend,
  checkOpenOptions,
  type DriverSettings,
  hasNoSqpoll,
  type RingOptions,
  type RingSettings,
} from './open-options.js'

export interface OpenedRing extends DriverSettings {
  ring: Ring
  reason: string
}

const DEFER = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG
const COOP = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG
const ALWAYS = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP

/** Setup flags, best first; a kernel that does not know one answers EINVAL. */
const FLAG_SETS: readonly number[] = [
  DEFER | ALWAYS | IORING_SETUP_NO_SQARRAY, // Linux 6.6
  DEFER | ALWAYS, // 6.1
  COOP | ALWAYS, // 5.19
  ALWAYS, // 5.18
  IORING_SETUP_CLAMP,
]

/** Setup flags of a polled ring: its thread runs the task work. */
const SQPOLL_FLAG_SETS: readonly number[] = [
  IORING_SETUP_SINGLE_ISSUER | ALWAYS | IORING_SETUP_NO_SQARRAY, // Linux 6.6
  IORING_SETUP_SINGLE_ISSUER | ALWAYS, // 6.0
  ALWAYS, // 5.18
  IORING_SETUP_CLAMP,
]

/** Opens a ring as Uring.open describes. `ringOf` returns the ring of a Uring; undefined for anything else. */
export async function openRing(
  options: RingOptions,
  ringOf: (ring: unknown) => Ring | undefined = () => undefined,
): Promise<OpenedRing> {
  const { backend, maxTurnMs, asyncBytes, lend, ...settings } = checkOpenOptions(options, ringOf)
  const { attachWq } = settings
  const opened =
    backend === 'auto' && attachWq !== undefined
      ? await openOn(attachWq.syscalls.name, settings, 'the backend of the ring that it is attached to')
      : await choose(backend, settings)
  return { ...opened, maxTurnMs, asyncBytes, lend }
}

async function choose(asked: Backend, settings: RingSettings): Promise<{ ring: Ring; reason: string }> {
  if (asked !== 'auto') return openOn(asked, settings, `asked for with backend: '${asked}'`)
  const decreed = process.env['URING_BACKEND'] || 'auto'
  checkBackend('URING_BACKEND', decreed)
  if (decreed !== 'auto') return openOn(decreed, settings, `asked for with URING_BACKEND=${decreed}`)
  try {
    return await openOn('kernel', settings, "the kernel's io_uring works here")
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    if (code === 'ERR_URING_NO_FFI') throw error
    if (settings.sqpoll) throw hasNoSqpoll(message)
    return openOn('threads', settings, message)
  }
}

async function openOn(backend: 'kernel' | 'threads', settings: RingSettings, reason: string) {
  if (backend === 'threads' && settings.sqpoll) throw hasNoSqpoll()
  const ring = backend === 'kernel' ? await openKernel(kernel(), setUp, settings) : setUp(await threads(), settings)
  return { ring, reason }
}

/** Makes a ring with the best flags of the other side. Throws EINVAL if it accepts none of them. */
export function setUp(syscalls: Syscalls, settings: RingSettings): Ring {
  const { entries, cqEntries, sqpoll, sqThreadIdleMs, sqThreadCpu, attachWq } = settings
  let wanted = sqpoll ? IORING_SETUP_SQPOLL : 0
  const options: QueueInitOptions = { cqEntries }
  if (sqThreadIdleMs !== undefined) options.sqThreadIdleMs = sqThreadIdleMs
  if (sqThreadCpu !== undefined) {
    wanted |= IORING_SETUP_SQ_AFF
    options.sqThreadCpu = sqThreadCpu
  }
  if (attachWq !== undefined) {
    // It may have been closed while the backend was loaded, and its number may be another file's.
    if (!attachWq.isOpen) throw invalidState('options.attachWq is closed')
    wanted |= IORING_SETUP_ATTACH_WQ
    options.wqFd = attachWq.fd
  }
  let refusal: unknown
  const sets = sqpoll ? SQPOLL_FLAG_SETS : FLAG_SETS
  for (const flags of syscalls.name === 'kernel' && !isMainThread()
    ? [sets[0]! | IORING_SETUP_NO_MMAP, ...sets]
    : sets) {
    try {
      return queueInit(syscalls, entries, { ...options, flags: flags | wanted })
    } catch (error) {
      // In a Worker the ring's memory is ours, if the kernel supports that. A mapping of the kernel's would keep the
      // ring, and the thread that polls it, after the Worker ends without closing it.
      if ((flags & IORING_SETUP_NO_MMAP) !== 0) continue
      if ((error as { errno?: number }).errno !== -EINVAL) throw error
      refusal = error
    }
  }
  throw refusal
}

/**
 * A backend's system calls for this thread. queueInit then finds out whether they work: it throws ERR_URING_NO_FFI if
 * FFI cannot load, and the kernel's errno if the kernel refuses. Rejects with ERR_INVALID_ARG_VALUE for another name.
 */
export async function loadSyscalls(backend: 'kernel' | 'threads'): Promise<Syscalls> {
  if (backend !== 'kernel' && backend !== 'threads') {
    throw invalidArgValue('backend', backend, "must be 'kernel' or 'threads'")
  }
  return backend === 'kernel' ? kernel() : threads()
}

function kernel(): Syscalls {
  return perThread('kernel', () => new KernelSyscalls())
}

function threads(): Promise<Syscalls> {
  return perThreadSoon('threads', async () => {
    const { ThreadsSyscalls } = await import('../backends/threads/index.js')
    return new ThreadsSyscalls()
  })
}
