/**
 * Which body is not run on which backend, and why. Data alone; harness.ts reads it on the main thread and prints it.
 *
 * A row is for what a backend does not have or cannot show. A behaviour that differs is a bug, or `DIFFERS:` in the
 * docs, and then its body says both.
 */
import type { BackendName } from './backends.js'

export interface Skip {
  readonly backend: BackendName
  /** The body's name. */
  readonly test: string
  readonly reason: string
}

export const SKIPS: readonly Skip[] = []
