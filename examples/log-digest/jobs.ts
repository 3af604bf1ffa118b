/**
 * The jobs of log-digest. Workers run them.
 *
 *   parse   text of a log            computes; any number at once
 *   extend  one host's new hits      computes; keyed by host, so its row needs no lock and sees hits in order
 *   save    one host's line, safely  waits for the disk; unbounded, keyed by host too
 */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { currentSignal } from 'uring/pool/job'

/** One hit takes so many numbers: when (seconds), bytes sent, 1 if the status is 400 or above. */
export const HIT_FIELDS = 3
/** A host's row in the shared table. */
export const ROW = {
  hits: 0,
  bytes: 1,
  errors: 2,
  sessions: 3,
  lastSeconds: 4,
  longestSeconds: 5,
  beganSeconds: 6,
} as const
export const ROW_FIELDS = 8
/** A host that was silent for so long begins another session. */
export const SESSION_GAP_SECONDS = 1800

export interface Parsed {
  readonly lines: number
  /** Lines that are not of the common or combined log format. */
  readonly bad: number
  /** Each host's hits in the order of the text, HIT_FIELDS numbers each. */
  readonly hosts: readonly (readonly [host: string, hits: Float64Array])[]
}

const LINE = /^(\S+) \S+ .*?\[(\d\d)\/(\w{3})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\] ".*?" (\d{3}) (\d+|-)/
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const LINES_BETWEEN_LOOKS = 256

/** Whole lines of a log, sorted by host. Stops with an AbortError when it is told to. */
export function parse(text: Uint8Array): Parsed {
  const signal = currentSignal()
  const hits = new Map<string, number[]>()
  let bad = 0
  const lines = Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString().split('\n')
  if (lines.at(-1) === '') lines.pop()
  for (const [i, line] of lines.entries()) {
    if (i % LINES_BETWEEN_LOOKS === 0) signal.throwIfAborted()
    const match = LINE.exec(line)
    if (match === null) {
      bad++
      continue
    }
    const host = match[1] as string
    let list = hits.get(host)
    if (list === undefined) {
      list = []
      hits.set(host, list)
    }
    list.push(secondsOf(match), match[12] === '-' ? 0 : Number(match[12]), Number(match[11]) >= 400 ? 1 : 0)
  }
  return { lines: lines.length, bad, hosts: [...hits].map(([host, list]) => [host, Float64Array.from(list)]) }
}

function secondsOf(match: RegExpExecArray): number {
  const [day, year, hour, minute, second] = [2, 4, 5, 6, 7].map((group) => Number(match[group]))
  const month = MONTHS.indexOf(match[3] as string)
  const ms = Date.UTC(year as number, month, day, hour, minute, second)
  const eastSeconds = (Number(match[9]) * 60 + Number(match[10])) * 60
  return ms / 1000 - (match[8] === '+' ? eastSeconds : -eastSeconds)
}

/**
 * Adds a host's next hits to its row. Plain reads and writes of shared memory: no other job of this host runs now, and the
 * one before has finished.
 */
export function extend(table: Float64Array, row: number, hits: Float64Array): void {
  const mine = table.subarray(row * ROW_FIELDS, (row + 1) * ROW_FIELDS)
  const add = (field: number, by: number) => mine.set([(mine[field] ?? 0) + by], field)
  for (let i = 0; i < hits.length; i += HIT_FIELDS) {
    const [seconds = 0, bytes = 0, isError = 0] = hits.subarray(i, i + HIT_FIELDS)
    const gap = seconds - (mine[ROW.lastSeconds] ?? 0)
    if (mine[ROW.hits] === 0 || gap > SESSION_GAP_SECONDS) {
      add(ROW.sessions, 1)
      mine[ROW.beganSeconds] = seconds
    }
    mine[ROW.lastSeconds] = seconds
    mine[ROW.longestSeconds] = Math.max(mine[ROW.longestSeconds] ?? 0, seconds - (mine[ROW.beganSeconds] ?? 0))
    add(ROW.hits, 1)
    add(ROW.bytes, bytes)
    add(ROW.errors, isError)
  }
}

/** Writes a host's line to a file of its own, and returns once it is on the disk: the thread waits in fsync(2). */
export function save(path: string, host: string, table: Float64Array, row: number): void {
  currentSignal().throwIfAborted()
  const at = row * ROW_FIELDS
  const fields = Object.entries(ROW).map(([name, field]) => [name, table[at + field]])
  const fd = openSync(path, 'w')
  try {
    writeSync(fd, `${JSON.stringify({ host, ...Object.fromEntries(fields) })}\n`)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
