/**
 * How many files may be open at a time here. The main thread runs it.
 */
import { readFileSync } from 'node:fs'

/** For Node itself, its workers, the ring and directories being listed. */
const RESERVED_FDS = 64

/** The system's limit less what the rest of the process needs, at most `wanted` and at least 1. Counterpart: getrlimit(2). */
export function maxOpenFiles(wanted: number): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'latin1')
    const [, soft] = /^Max open files +(\d+)/m.exec(limits) ?? []
    return soft === undefined ? wanted : Math.max(1, Math.min(wanted, Number(soft) - RESERVED_FDS))
  } catch {
    return wanted
  }
}
