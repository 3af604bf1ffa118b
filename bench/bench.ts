/**
 * What a bench is: a question, settings, and subjects that answer it beside one another. Declarations only.
 *
 *      bench `read-4k`  >  setting `depth=32`  >  subject `uring/kernel/raw`  >  rounds
 */

/** What one subject did in one round. */
export interface Round {
  opsPerSec: number
  /** Latency of one operation. */
  p50Us: number
  p99Us: number
  /** The longest latency, where the bench asks for that. */
  maxUs?: number
  /** For the table alone, where an operation has a size of its own. */
  mbPerSec?: number
  /** Memory that an operation takes while it waits, where the bench asks for that. */
  bytesPerOp?: number
}

export interface Subject {
  /** As it stands in rows and ratios: `uring/kernel/raw`, `fs.read`. */
  readonly name: string
  round(): Promise<Round>
  close?(): void | Promise<void>
}

export interface Setting {
  /** As it stands in rows and ratios: `depth=32`. */
  readonly name: string
  /** Opens the subjects. One that cannot run here goes to plan.leaveOut instead. */
  open(): Promise<Subject[]>
}

export interface Plan {
  /** Sizes that are done in seconds. The figures mean nothing then. */
  readonly isQuick: boolean
  /** How long a round lasts where a subject can go on for any time. */
  readonly roundMs: number
  /** Directories, for the benches over trees; none means the bench's own. */
  readonly trees: readonly string[]
  /** Notes that a subject cannot run here, and why. Said once, on stderr. */
  leaveOut(subject: string, reason: string): void
  /** Has something done when the bench ends, last first; also when a signal ends it, in the middle of a round. */
  defer(cleanup: () => void): void
}

export interface Bench {
  readonly question: string
  /** What `opsPerSec` counts. */
  readonly unit: string
  /** Which ratios to take: [of, to]. Those with a subject that was left out are not. */
  readonly pairs: readonly (readonly [of: string, to: string])[]
  settings(plan: Plan): Promise<Setting[]>
}
