/**
 * What is printed of a table of hosts, by log-digest and by the plain loop beside it. Any thread.
 */
import { type HostTable, ROW } from './digest.js'

export interface Digest {
  readonly host: string
  readonly hits: number
  readonly bytes: number
  readonly errors: number
  readonly sessions: number
  readonly longestSeconds: number
}

const SHOWN = 5

/** Each host of a table, those with most hits first. */
export function digests(table: HostTable): Digest[] {
  const found = [...table].map(([host, row]): Digest => {
    const field = (name: keyof typeof ROW) => row[ROW[name]]!
    return {
      host,
      hits: field('hits'),
      bytes: field('bytes'),
      errors: field('errors'),
      sessions: field('sessions'),
      longestSeconds: Math.max(field('longestSeconds'), field('firstEndSeconds') - field('firstSeconds')),
    }
  })
  return found.sort((a, b) => b.hits - a.hits || (a.host < b.host ? -1 : 1))
}

/** Prints the table: one JSON object, or the busiest hosts in words. `more` is added to either. */
export function report(
  table: HostTable,
  startMs: number,
  isJson: boolean,
  more: Readonly<Record<string, number>>,
): void {
  const found = digests(table)
  const ms = Math.round(performance.now() - startMs)
  const { bytes, lines, bad } = table
  if (isJson) {
    console.log(JSON.stringify({ bytes, lines, bad, ms, ...more, hosts: found }))
    return
  }
  const sessions = found.reduce((sum, host) => sum + host.sessions, 0)
  const speed = (bytes / 1e3 / ms).toFixed(1)
  console.log(`${lines} lines, ${found.length} hosts, ${sessions} sessions; ${ms} ms, ${speed} MB/s`)
  if (bad > 0) console.log(`${bad} lines are no log lines`)
  for (const { host, hits, bytes, errors, sessions: own, longestSeconds } of found.slice(0, SHOWN)) {
    const longest = `longest ${Math.round(longestSeconds / 60)} min`
    console.log(
      `${host.padEnd(16)} ${hits} hits, ${(bytes / 1e6).toFixed(1)} MB, ${errors} errors, ${own} sessions, ${longest}`,
    )
  }
}
