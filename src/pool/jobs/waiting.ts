/**
 * A job that has no record: all that is known of it, while it waits and on its way there and back. Owner thread only.
 */
import type { Extras } from './extras.js'
import type { Held } from './held.js'

/** What a caller wants to hear. */
export interface Listener {
  /** Never throws. */
  readonly onProgress?: ((value: unknown) => void) | undefined
  /** The job begins. Never throws. */
  readonly onStart?: (() => void) | undefined
  /** Values of a generator, and who ran it: room is given to that worker. */
  onValues?(values: readonly unknown[], slot: number): void
}

/** What few waiting jobs have. */
export interface Rest {
  readonly held: Held | undefined
  readonly signal: AbortSignal | undefined
  /** Who listens to its events, and the JOB_* flags that say so. */
  readonly listener: Listener | undefined
  readonly listenFlags: number
  extras: Extras | undefined
}

export interface Waiting extends Rest {
  /** What a record will hold; how many of the words say something. */
  readonly words: Int32Array
  readonly nrWords: number
  /** From its options, as they were when it was given. */
  readonly key: unknown
  readonly isUnbounded: boolean
  /** When it was given, where histograms are on. */
  readonly givenNs: number
  readonly resolve: (value: unknown) => void
  /** Names the job while it has no item: negative. */
  readonly id: number
}
