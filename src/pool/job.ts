/**
 * What a job's function may ask for: `import { currentSignal, transferring } from 'uring/pool/job'`. Runs on workers.
 *
 * On any other thread, where a test may call the same function, nothing is ever aborted. Counterpart: the
 * IO_WQ_WORK_CANCEL flag, which a kernel work item looks at.
 */
import type { TransferListItem } from 'node:worker_threads'
import { loadAcquire } from '../lib/barrier.js'
import { IO_WQ_WORK_CANCEL } from '../wq/layout.js'
import { abortError } from './failure.js'

/** Whether the job it belongs to was told to stop. */
export interface JobSignal {
  /** True once the caller's signal has aborted, even inside a busy loop: it reads shared memory. 5 ns. */
  readonly aborted: boolean
  /** Throws an AbortError (code `'ABORT_ERR'`) if aborted. */
  throwIfAborted(): void
}

class SharedSignal implements JobSignal {
  #words: Int32Array | undefined
  readonly #flags: number
  #aborted = false

  constructor(words: Int32Array | undefined, flags: number) {
    this.#words = words
    this.#flags = flags
  }

  get aborted(): boolean {
    if (this.#words === undefined) return this.#aborted
    return (loadAcquire(this.#words, this.#flags) & IO_WQ_WORK_CANCEL) !== 0
  }

  throwIfAborted(): void {
    if (this.aborted) throw abortError(undefined)
  }

  /** The job has ended: its record will soon be another's. */
  settle(): void {
    this.#aborted = this.aborted
    this.#words = undefined
  }
}

let words: Int32Array | undefined
let flags = 0
let signal: SharedSignal | undefined

/**
 * The running job's signal. A worker runs one job at a time, so after an `await` it is still the same job's.
 *
 * @example
 * for (const row of rows) {
 *   currentSignal().throwIfAborted()
 *   await work(row)
 * }
 */
export function currentSignal(): JobSignal {
  signal ??= new SharedSignal(words, flags)
  return signal
}

/** Worker entry only: the job whose IO_WQ_WORK_* flags are in this word begins. */
export function enterJob(sharedWords: Int32Array, flagsWord: number): void {
  words = sharedWords
  flags = flagsWord
}

/** Worker entry only: it has ended. */
export function leaveJob(): void {
  if (signal !== undefined) signal.settle()
  signal = undefined
  words = undefined
}

export class Transferring {
  readonly value: unknown
  readonly transfer: readonly TransferListItem[]

  constructor(value: unknown, transfer: readonly TransferListItem[]) {
    this.value = value
    this.transfer = transfer
  }
}

/**
 * A job's result with parts that move to the caller instead of being copied: ArrayBuffers, MessagePorts. Return what
 * this returns, and nothing else around it.
 *
 * @example
 * return transferring(pixels, [pixels.buffer])
 */
export function transferring<T>(value: T, transfer: readonly TransferListItem[]): T {
  return new Transferring(value, transfer) as unknown as T
}
