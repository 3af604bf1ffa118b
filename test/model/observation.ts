/**
 * What a run of a program shows: the material that is checked against the rules, and compared between backends. Data.
 */
import type { Member } from './program.js'

export interface SeenCqe {
  readonly userData: number
  readonly res: number
  readonly flags: number
}

/** One chain as it was taken, with what came of it. */
export interface SeenChain {
  readonly members: readonly Member[]
  readonly drains: boolean
  /** The last completion of each of its members, in the order they came. */
  readonly cqes: readonly SeenCqe[]
  /** Those before, which say that more come. */
  readonly more: readonly SeenCqe[]
}

/** All from one drain to the next. */
export interface SeenEpoch {
  /** In the order of submission. */
  readonly chains: readonly SeenChain[]
  /** user_data of all last completions, in the order they came. */
  readonly order: readonly number[]
  /** What a sync cancel returned, and for whom. */
  readonly syncCancels: readonly { readonly target: number; readonly res: number }[]
  /** Requests may be cancelled for want of a thread. */
  readonly lacksThreads?: boolean
  /** What a read put into its buffer, by user_data; the buffer began as FILLER. */
  readonly buffers: ReadonlyMap<number, Uint8Array>
  /** Size that statx reported, by user_data. */
  readonly sizes: ReadonlyMap<number, number>
}

export interface Observation {
  /** What submit and the like returned, as `submit: 3`. */
  readonly returns: readonly string[]
  readonly epochs: readonly SeenEpoch[]
  /** The folder at the end: name to contents. Undefined where the ring was closed in the middle. */
  readonly files: ReadonlyMap<string, Uint8Array> | undefined
  /** The tree of names, in words; undefined as `files`. */
  readonly tree: readonly string[] | undefined
  /** The file that requests wrote to at once; undefined as `files`. */
  readonly contended: Uint8Array | undefined
  readonly companion?: Observation
  /** What broke a rule while the program ran. */
  readonly broken: readonly string[]
}

/** What buffers to read into are filled with before. */
export const FILLER = 0xee

/** The byte that request `userData` writes at place `i` of its buffer. */
export function writtenByte(userData: number, i: number): number {
  return (userData * 37 + i * 11 + 1) & 0xff
}
