/**
 * Divergences between the backends that are known and meant. Data alone; compare.ts reads it.
 */
export interface KnownDivergence {
  /** Of a line that compare() would report. */
  readonly pattern: RegExp
  readonly reason: string
}

export const KNOWN: readonly KnownDivergence[] = []
