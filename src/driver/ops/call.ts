/**
 * What an operation is, and one call of it. Runs on the thread that made the ring.
 *
 * An operation is a class in the file of its family: rw.ts, fs.ts, sync.ts, misc.ts. Its `options` are the table of its
 * options, its constructor the checks, its fields what a call holds, its prep the SQE, its result what the promise resolves
 * to. The driver does the rest, in this order, and the same for all:
 *
 *      options read -> constructed -> signal listened to -> prep -> queued -> submitted -> result, or an error -> release
 *      \___ the caller's code may run, and throw ____/      \______________ no code of the caller's runs ____________/
 *
 * A call stays in its slot until its last CQE, the one without IORING_CQE_F_MORE; what it holds stays alive until then.
 * Counterpart: struct io_kiocb, and a row of io_issue_defs.
 */
import type { Given, OptionTable } from '../../lib/options.js'
import { type Group, type OrderedFile, USES_NOTHING } from '../lanes.js'
import type { OpOptions } from '../options.js'
import type { Supplies } from '../supplies.js'

export type Resolve = (value: unknown) => void

/** An operation: what the driver needs to make a call of it. */
export interface Operation<Args extends readonly unknown[], Options extends OpOptions, Value> {
  /** What it takes besides its arguments. */
  readonly options: OptionTable<Options>
  /** Checks the arguments. Throws with Node's codes; the caller's code may run. It must take nothing that is to be given back. */
  new (supplies: Supplies, options: Given<Options> | undefined, ...args: Args): Call<Value>
}

/**
 * Its fields are declared, and assigned by the constructor alone: a field that is defined first and assigned afterwards makes
 * a read take 3 % more time.
 */
export abstract class Call<Value = unknown> {
  /** Settles the promise; the driver sets it. */
  declare resolve: Resolve | undefined
  /** The signal it follows. */
  declare signal: AbortSignal | undefined
  /** Its slot, once it has one. */
  declare slot: number
  /** What waits together with it for a file's position (order.ts); undefined for most. */
  declare group: Group | undefined
  /** The file whose position or stream it uses. */
  declare file: OrderedFile | undefined

  constructor() {
    this.resolve = undefined
    this.signal = undefined
    this.slot = -1
    this.group = undefined
    this.file = undefined
  }

  /** Its name in errors. */
  abstract get syscall(): string

  /** The path to name in an error. */
  get path(): string | Buffer | undefined {
    return undefined
  }

  /** The second path to name in an error. */
  get dest(): string | Buffer | undefined {
    return undefined
  }

  /** How it uses its file's position (lanes.ts). */
  get uses(): number {
    return USES_NOTHING
  }

  /** The bytes that it moves from or to the page cache, if its file is in there; undefined for what moves none. */
  get bytes(): number | undefined {
    return undefined
  }

  /**
   * Fills the SQE at `at`, which is zeroed; flags and user_data are the driver's. It may take what release() gives back,
   * as its last step that throws.
   */
  abstract prep(words: Int32Array, at: number): void

  /** What the promise resolves to for a result of 0 or more. It rejects with what this throws. */
  abstract result(res: number): Value

  /** Gives back what prep took: it has ended, however it did. */
  release(): void {}
}
