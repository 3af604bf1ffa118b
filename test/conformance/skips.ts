/**
 * Which body is not run on which backend, and why. Data alone; harness.ts reads it on the main thread and prints it.
 *
 * A row is for what a backend does not have or cannot show. A behaviour that differs is a bug, or `DIFFERS:` in the
 * docs, and then its body says both.
 */
import {
  IORING_REGISTER_ENABLE_RINGS,
  IORING_REGISTER_EVENTFD,
  IORING_REGISTER_EVENTFD_ASYNC,
  IORING_REGISTER_IOWQ_AFF,
  IORING_REGISTER_IOWQ_MAX_WORKERS,
  IORING_REGISTER_PROBE,
  IORING_REGISTER_SYNC_CANCEL,
  IORING_UNREGISTER_EVENTFD,
  IORING_UNREGISTER_IOWQ_AFF,
} from '../../src/abi/constants.js'
import type { BackendName } from './backends.js'

export interface Skip {
  readonly backend: BackendName
  /** The body's name. */
  readonly test: string
  readonly reason: string
}

/** Which io_uring_register opcodes a backend knows, where that is not all of them. */
export const REGISTERS: Readonly<Partial<Record<BackendName, ReadonlySet<number>>>> = {
  threads: new Set([
    IORING_REGISTER_EVENTFD,
    IORING_UNREGISTER_EVENTFD,
    IORING_REGISTER_EVENTFD_ASYNC,
    IORING_REGISTER_PROBE,
    IORING_REGISTER_ENABLE_RINGS,
    IORING_REGISTER_IOWQ_AFF,
    IORING_UNREGISTER_IOWQ_AFF,
    IORING_REGISTER_IOWQ_MAX_WORKERS,
    IORING_REGISTER_SYNC_CANCEL,
  ]),
}

const OF_ONE_THREAD = 'a ring is known to the thread that made it alone: another one gets -EOPNOTSUPP'

export const SKIPS: readonly Skip[] = [
  { backend: 'threads', test: 'with SINGLE_ISSUER another thread may not submit', reason: OF_ONE_THREAD },
  { backend: 'threads', test: 'with DEFER_TASKRUN another thread may not wait', reason: OF_ONE_THREAD },
  { backend: 'threads', test: 'a disabled ring belongs to the thread that enables it', reason: OF_ONE_THREAD },
]
