/**
 * What the explorer has to know of a step's effect on the memory under test. Runs wherever the scheduler does.
 */
import { KIND, KINDS } from './control.js'

/** True if two steps of different threads have the same effect in either order. */
export function commute(kindA: number, wordA: number, kindB: number, wordB: number): boolean {
  const reads = (kind: number) => kind === KIND.load || kind === KIND.yield
  if (reads(kindA) && reads(kindB)) return true
  // What lets a turn go on is a wake of the word that its thread waits for besides.
  if (kindA === KIND.turn || kindB === KIND.turn) return false
  // What lets a yield go on is any change at all.
  if (kindA === KIND.yield || kindB === KIND.yield) return false
  return wordA !== wordB
}

/** What a step leaves in its word. */
export function valueAfter(kind: number, before: number, value: number, extra: number): number {
  switch (KINDS[kind]) {
    case 'store':
    case 'xchg':
      return value
    case 'cmpxchg':
      return before === extra ? value : before
    case 'add':
      return (before + value) | 0
    case 'and':
      return before & value
    case 'or':
      return before | value
    default:
      return before
  }
}
