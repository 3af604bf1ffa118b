/**
 * What `uring/pool/job` and the thread that runs jobs say to each other, however many copies of either are loaded: a
 * bundled module of jobs brings its own, and so does one that finds another installation. Any thread; jobs on workers.
 *
 * Copies share no class and no variable. The thread's side lies under a symbol that all copies know; a value that moves
 * carries a mark under another. Both name the protocol they speak, and one of another number is refused. This file
 * imports nothing, for it goes into other people's bundles. No counterpart.
 */
import { withProps } from '../../lib/error-props.js'

/** Goes up whenever a copy of before would misread one of after, or the other way round. */
export const JOB_PROTOCOL = 1

const HOST = Symbol.for('uring.pool.job')
const MOVING = Symbol.for('uring.pool.transferring')

/** What a job can ask its thread for. */
export interface RunningJob {
  readonly signal: AbortSignal
  /** Values of the caller's AsyncLocalStorages, where it sent some. */
  readonly stores: Readonly<Record<string, unknown>> | undefined
  report(value: unknown): void
}

/** The thread's side. */
export interface JobHost {
  readonly protocol: number
  /** The job that the calling code belongs to. */
  currentJob(): RunningJob | undefined
  /** This thread begins no more jobs. Absent where the pool is older than that. */
  retire?(): void
}

const MISPLACED = Symbol('transferring() inside of another value: it goes around all of what is sent')

/** A value with parts that move to the caller. */
export class Moving {
  readonly value: unknown
  readonly transfer: readonly unknown[]
  readonly [MOVING] = JOB_PROTOCOL
  /** Nothing clones a symbol: inside of another value this is refused, in these words, and never arrives itself. */
  readonly misplaced = MISPLACED

  constructor(value: unknown, transfer: readonly unknown[]) {
    this.value = value
    this.transfer = transfer
  }
}

/** Worker entry only, before it loads the module of jobs. */
export function becomeHost(currentJob: JobHost['currentJob'], retire: () => void): void {
  const host: JobHost = { protocol: JOB_PROTOCOL, currentJob, retire }
  Object.defineProperty(globalThis, HOST, { value: host, configurable: true })
}

/** The thread's side; undefined on threads that run no jobs. Throws ERR_URING_JOB_VERSION if it is of another protocol. */
export function hostOfThread(): JobHost | undefined {
  const host = (globalThis as { [HOST]?: JobHost })[HOST]
  if (host !== undefined && host.protocol !== JOB_PROTOCOL) throw otherVersion(JOB_PROTOCOL, host.protocol)
  return host
}

/** Marks a value whose parts move. Throws ERR_URING_JOB_VERSION. */
export function moving(value: unknown, transfer: readonly unknown[]): Moving {
  hostOfThread()
  return new Moving(value, transfer)
}

/** What was marked; undefined for any other value. Throws ERR_URING_JOB_VERSION if a copy of another protocol did it. */
export function movingOf(value: unknown): Moving | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const protocol = (value as { [MOVING]?: number })[MOVING]
  if (protocol === undefined) return undefined
  if (protocol !== JOB_PROTOCOL) throw otherVersion(protocol, JOB_PROTOCOL)
  return value as Moving
}

function otherVersion(module: number, pool: number): Error {
  const message =
    `the module of jobs has a uring/pool/job of another version than the pool (protocol ${module}, not ${pool}): ` +
    'let both find one installation, or bundle the module of jobs anew'
  return withProps(new Error(message), { code: 'ERR_URING_JOB_VERSION' })
}
