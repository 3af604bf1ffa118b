/**
 * Takes a call's job: refuses it, or writes and queues it, or writes it and makes it wait. Owner thread only.
 *
 * What a caller hands over may call back in as it is read, or listened to: accessors among the arguments, a signal of its
 * own. Until all is written nothing is staged but a record, which nobody sees; then it is asked once more whether the job
 * can be given. From there on no code of the caller's runs. Counterpart: io_submit_sqe.
 */
import { NONE } from '../../lib/mpscq.js'
import type { WqMemory } from '../../wq/layout.js'
import type { Wq } from '../../wq/wq.js'
import { badName, NAMED, type NameTable } from '../between/names.js'
import { FUNC, JOB_WORDS } from '../between/record.js'
import type { Histograms } from '../home/histograms.js'
import { listenerOf, listenFlags } from '../home/job-events.js'
import { closedError } from '../home/settler.js'
import type { Aborts } from '../jobs/aborts.js'
import type { Carried } from '../jobs/carried.js'
import type { Extras } from '../jobs/extras.js'
import { type Held, letGo } from '../jobs/held.js'
import type { InFlight, Resolve } from '../jobs/in-flight.js'
import { badRunOptions, type JobOptions, RUN_OPTIONS, type StreamOptions } from '../jobs/job-options.js'
import { abortError, poolError, rejection } from '../values/failure.js'
import type { Encoding } from './encoding.js'
import type { Intake } from './intake.js'
import type { Outgoing } from './outgoing.js'
import type { Room } from './room.js'

/** The name of a job that has none yet: nothing is found by it. */
const NAMELESS = Number.NEGATIVE_INFINITY

export interface GiverParts {
  readonly wq: Wq
  readonly jobs: InFlight
  readonly aborts: Aborts
  readonly names: NameTable
  readonly outgoing: Outgoing
  readonly intake: Intake
  readonly histograms: Histograms | undefined
  readonly carried: Carried | undefined
  readonly room: Room | undefined
  readonly queueLimit: number
  readonly newEncoding: (words: Int32Array) => Encoding
  /**
   * The extras, which few jobs have; starts a timeout. `job`: its item or its id, `name`: its function's, if without a
   * number.
   */
  readonly extrasFrom: (options: JobOptions, job: number, name: string | undefined) => Extras | undefined
}

export class Giver {
  /** Whether it takes jobs. */
  isOpen = true
  readonly #parts: GiverParts
  readonly #wq: Wq
  readonly #mem: WqMemory
  readonly #words: Int32Array
  readonly #jobs: InFlight
  readonly #names: NameTable
  readonly #outgoing: Outgoing
  readonly #intake: Intake
  readonly #histograms: Histograms | undefined
  readonly #room: Room | undefined
  readonly #carried: Carried | undefined
  readonly #queueLimit: number
  /** The writer of arguments takes it, and puts it back. */
  #encoding: Encoding | undefined
  /** The same, for jobs that must wait. */
  #scratch: Encoding | undefined

  constructor(parts: GiverParts) {
    this.#parts = parts
    this.#wq = parts.wq
    this.#mem = parts.wq.mem
    this.#words = parts.wq.mem.words
    this.#jobs = parts.jobs
    this.#names = parts.names
    this.#outgoing = parts.outgoing
    this.#intake = parts.intake
    this.#histograms = parts.histograms
    this.#room = parts.room
    this.#carried = parts.carried
    this.#queueLimit = parts.queueLimit
  }

  /**
   * Queues a job, which will end with a call of `resolve`. Returns why it is refused, if it is; throws what the caller's
   * own code throws.
   */
  give(name: string, args: readonly unknown[], options: StreamOptions, resolve: Resolve): Error | undefined {
    const context = this.#carried === undefined ? undefined : this.#carried.values()
    const refusal = this.#refuse(name, args, options)
    if (refusal !== undefined) return refusal
    const { signal } = options
    if (signal === undefined) return this.#write(name, args, options, resolve, context)
    const { aborts } = this.#parts
    aborts.claim(signal)
    try {
      return this.#write(name, args, options, resolve, context)
    } finally {
      aborts.unclaim(signal)
    }
  }

  #write(
    name: string,
    args: readonly unknown[],
    options: StreamOptions,
    resolve: Resolve,
    context: object | undefined,
  ): Error | undefined {
    const func = context === undefined ? this.#names.numberOf(name) : this.#names.numberWithContext(name)
    // The first argument of a job that yields is for the stream, then comes the function's.
    const at = options.stream === undefined ? 0 : 1
    let values = context === undefined ? args : (args as unknown[]).toSpliced(at, 0, context)
    const unnumbered = func >= NAMED ? name : undefined
    if (unnumbered !== undefined) values = [name, ...values]
    const item = this.#intake.alloc(options.priority)
    const refusal =
      item === NONE
        ? this.#wait(func, unnumbered, values, options, resolve)
        : this.#enqueue(item, func, unnumbered, values, options, resolve)
    if (refusal === undefined && this.#room !== undefined) this.#room.taken()
    return refusal
  }

  /** Why a job is not even begun. */
  #refuse(name: string, args: readonly unknown[], options: JobOptions): Error | undefined {
    if (!this.isOpen) return closedError()
    if (typeof name !== 'string') return badName(name)
    if (!Array.isArray(args)) return poolError('ERR_INVALID_ARG_TYPE', 'the arguments of a job come in an array')
    const bad = options === RUN_OPTIONS.none ? undefined : badRunOptions(options)
    return bad ?? this.#refuseNow(options)
  }

  /** Why no job can begin now, whatever its options. */
  #refuseNow(options: JobOptions): Error | undefined {
    if (!this.isOpen) return closedError()
    if (this.#intake.nrInFlight >= this.#queueLimit) {
      return poolError('ERR_URING_QUEUE_FULL', `${this.#queueLimit} jobs are in flight, as many as this pool takes`)
    }
    if (options === RUN_OPTIONS.none) return undefined
    const bad = this.#jobs.keys.refusal(options.key)
    if (bad !== undefined) return bad
    const { signal } = options
    return signal?.aborted === true ? abortError(signal.reason) : undefined
  }

  /**
   * Accessors among the arguments, or a signal of the caller's own, may have closed the pool, filled it, aborted: refuses
   * as if that had been before.
   */
  #checkAgain(encoding: Encoding, base: number, options: JobOptions, held: Held | undefined): Error | undefined {
    const refusal = this.#refuseNow(options)
    if (refusal === undefined) return undefined
    if (held !== undefined) letGo(held)
    this.#outgoing.letGo(encoding.codec.words, base)
    return refusal
  }

  /** Writes a job into its record, and queues it. */
  #enqueue(
    item: number,
    func: number,
    name: string | undefined,
    args: readonly unknown[],
    options: StreamOptions,
    resolve: Resolve,
  ): Error | undefined {
    const p = this.#mem.payload(item)
    this.#words[p + FUNC] = func
    let held: Held | undefined
    const encoding = this.#encoding ?? this.#parts.newEncoding(this.#words)
    this.#encoding = undefined
    try {
      held = this.#outgoing.write(encoding, p, args, options.transfer)
    } catch (error) {
      this.#wq.free(item)
      throw error
    }
    if (args.length > 0 || options !== RUN_OPTIONS.none) {
      const refusal = this.#checkAgain(encoding, p, options, held)
      if (refusal !== undefined) {
        this.#wq.free(item)
        return refusal
      }
    }
    this.#encoding = encoding
    this.#jobs.add(item, resolve, this.#words, p, held)
    if (this.#histograms !== undefined) this.#histograms.given(item, this.#histograms.now())
    let flags = 0
    if (options !== RUN_OPTIONS.none || name !== undefined) {
      const extras = this.#parts.extrasFrom(options, item, name)
      if (extras !== undefined) this.#jobs.setExtras(item, extras)
      flags = listenFlags(options)
      if (flags !== 0) this.#intake.listen(item, listenerOf(options))
    }
    this.#intake.enqueue(item, flags, options.key, options.unbounded === true, options.signal)
    return undefined
  }

  /** No record is free, or the job must wait for its turn: writes it to private memory. */
  #wait(
    func: number,
    name: string | undefined,
    args: readonly unknown[],
    options: StreamOptions,
    resolve: Resolve,
  ): Error | undefined {
    const encoding = this.#scratch ?? this.#parts.newEncoding(new Int32Array(JOB_WORDS))
    this.#scratch = undefined
    const { words } = encoding.codec
    words[FUNC] = func
    const held = this.#outgoing.write(encoding, 0, args, options.transfer)
    const refusal = this.#checkAgain(encoding, 0, options, held)
    if (refusal !== undefined) return refusal
    const { key, signal } = options
    const flags = listenFlags(options)
    const waiting = {
      words,
      nrWords: encoding.nrWords,
      held,
      key,
      isUnbounded: options.unbounded === true,
      signal,
      listener: flags === 0 ? undefined : listenerOf(options),
      listenFlags: flags,
      extras: this.#parts.extrasFrom(options, NAMELESS, name),
      givenNs: this.#histograms === undefined ? 0 : this.#histograms.now(),
      resolve,
    }
    this.#intake.push(waiting, options.priority)
    this.#scratch = encoding
    return undefined
  }

  /** Pool.ready. */
  ready(): Promise<void> {
    if (!this.isOpen) return rejection(closedError)
    return this.#room?.wait() ?? Promise.resolve()
  }

  /** Waits in line until `queueLimit` does not refuse a job; undefined without a limit. */
  untilRoom(): Promise<void> | undefined {
    return this.#room?.waitInLine()
  }

  /** Takes no more jobs. */
  shut(): void {
    this.isOpen = false
    this.#room?.close(closedError)
  }
}
