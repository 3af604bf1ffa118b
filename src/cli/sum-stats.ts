/**
 * What a run did, for `--stats`. The main thread runs it, at the end.
 */
import type { Uring } from '../driver/uring.js'
import { nowMs } from '../lib/clock.js'
import type { Hasher } from './sum-pool.js'

export interface Run {
  readonly ring: Uring
  readonly hasher: Hasher
  readonly nrFiles: number
  readonly nrErrors: number
  readonly nrBytes: number
  readonly startMs: number
}

/** Lines for stderr: the ring's operations, the pool's workers and jobs, files, bytes and time. */
export function statsText({ ring, hasher, nrFiles, nrErrors, nrBytes, startMs }: Run): string {
  const { ops, sqes, cqes, enters, wakes } = ring.stats()
  const seconds = (nowMs() - startMs) / 1000
  const byCount = Object.entries(ops).sort(([, a], [, b]) => b - a)
  const rows: [string, string][] = [
    ['backend', `${ring.backend} (${ring.reason})`],
    ['ring ops', byCount.map(([name, count]) => `${name} ${count}`).join(', ')],
    ['ring', `${sqes} SQEs, ${cqes} CQEs, ${enters} enters, ${wakes} wake-ups`],
    ['pool', `${count(hasher.pool.stats().created, 'worker')} created, ${count(hasher.nrJobs, 'job')}`],
    ['files', `${count(nrFiles, 'file')}, ${count(nrErrors, 'error')}`],
    ['bytes', `${nrBytes} (${(nrBytes / 1e6).toFixed(1)} MB)`],
    ['time', `${seconds.toFixed(3)} s, ${(nrBytes / 1e6 / seconds).toFixed(1)} MB/s`],
  ]
  return rows.map(([name, text]) => `${name.padEnd(9)} ${text}\n`).join('')
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}
