/**
 * What is known of each host of a log: found in bytes, and two findings put together. Any thread; no shared state.
 *
 * A log can be cut anywhere between two lines: the rows of its parts, added in order, are the rows of the whole. So
 * parts are parsed in parallel, and what a part has to tell is a row of nine numbers a host, however long it is.
 */

/** A host's row. A session is "first" until the host was silent for longer than SESSION_GAP_SECONDS. */
export const ROW = {
  hits: 0,
  bytes: 1,
  errors: 2,
  sessions: 3,
  /** When the first session began, and its latest hit. */
  firstSeconds: 4,
  firstEndSeconds: 5,
  /** When the last session began, and the last hit of all. */
  beganSeconds: 6,
  lastSeconds: 7,
  /** The longest of the sessions after the first. */
  longestSeconds: 8,
} as const
export const ROW_FIELDS = 9
export const SESSION_GAP_SECONDS = 1800

const { hits, bytes, errors, sessions, firstSeconds, firstEndSeconds, beganSeconds, lastSeconds, longestSeconds } = ROW
const FIRST_ROWS = 512
const LINES_BETWEEN_LOOKS = 4096
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const [NEWLINE, SPACE, QUOTE, DASH, SLASH, ZERO, COLON, OPEN, CLOSE, PLUS] = Buffer.from('\n "-/0:[]+') as unknown as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
]

/** What a part of a log has to tell, in the form in which it crosses from a thread to another. */
export interface Part {
  readonly bytes: number
  readonly lines: number
  /** Lines that are not of the common or combined log format. */
  readonly bad: number
  readonly hosts: readonly string[]
  /** ROW_FIELDS numbers a host. */
  readonly rows: Float64Array
}

/** Rows by host, filled from text or from the rows of parts. */
export class HostTable {
  bytes = 0
  lines = 0
  bad = 0
  readonly #offsets = new Map<string, number>()
  #rows = new Float64Array(FIRST_ROWS * ROW_FIELDS)
  readonly #day = new Day()

  /** Where a host's row begins; a new row is all zero. */
  #offsetOf(host: string): number {
    let offset = this.#offsets.get(host)
    if (offset === undefined) {
      offset = this.#offsets.size * ROW_FIELDS
      this.#offsets.set(host, offset)
      if (offset === this.#rows.length) {
        const rows = new Float64Array(offset * 2)
        rows.set(this.#rows)
        this.#rows = rows
      }
    }
    return offset
  }

  /** Takes whole lines. Throws the signal's reason soon after it has aborted. */
  addText(text: Buffer, signal?: AbortSignal): void {
    this.bytes += text.length
    for (let at = 0; at < text.length; ) {
      const found = text.indexOf(NEWLINE, at)
      const end = found === -1 ? text.length : found
      if (++this.lines % LINES_BETWEEN_LOOKS === 0) signal?.throwIfAborted()
      if (!this.#addLine(text, at, end)) this.bad++
      at = end + 1
    }
  }

  /** `HOST ID USER [DAY:TIME ZONE] "REQUEST" STATUS BYTES …`. False if it is not that. */
  #addLine(text: Buffer, begin: number, end: number): boolean {
    let at = begin
    while (at < end && text[at] !== SPACE) at++
    const hostEnd = at
    while (at < end && text[at] !== OPEN) at++
    // [03/Jan/2024:01:02:03 +0000] "
    if (hostEnd === begin || text[at + 27] !== CLOSE || text[at + 29] !== QUOTE || at + 30 > end) return false
    const seconds = this.#day.seconds(text, at + 1)
    at += 30
    // The request may hold quotes of its own: it ends where a status follows.
    while (at < end && !isStatus(text, at)) at++
    const status = digits(text, at + 2, 3)
    if (at + 6 >= end || Number.isNaN(seconds) || Number.isNaN(status)) return false
    const size = sizeAt(text, at + 6, end)
    if (Number.isNaN(size)) return false
    this.#addHit(this.#offsetOf(text.toString('latin1', begin, hostEnd)), seconds, size, status)
    return true
  }

  #addHit(at: number, seconds: number, size: number, status: number): void {
    const rows = this.#rows
    rows[at + bytes]! += size
    if (status >= 400) rows[at + errors]!++
    if (rows[at + hits]!++ === 0) {
      rows[at + sessions] = 1
      rows[at + firstSeconds] = rows[at + firstEndSeconds] = rows[at + beganSeconds] = seconds
    } else if (seconds - rows[at + lastSeconds]! > SESSION_GAP_SECONDS) {
      rows[at + sessions]!++
      rows[at + beganSeconds] = seconds
    } else {
      const isFirst = rows[at + sessions] === 1
      const field = isFirst ? firstEndSeconds : longestSeconds
      const value = isFirst ? seconds : seconds - rows[at + beganSeconds]!
      if (value > rows[at + field]!) rows[at + field] = value
    }
    rows[at + lastSeconds] = seconds
  }

  /** Takes what the next part of the log has to tell. */
  addPart(part: Part): void {
    this.bytes += part.bytes
    this.lines += part.lines
    this.bad += part.bad
    for (const [i, host] of part.hosts.entries()) {
      const at = this.#offsetOf(host)
      const next = part.rows.subarray(i * ROW_FIELDS, (i + 1) * ROW_FIELDS)
      if (this.#rows[at + hits] === 0) this.#rows.set(next, at)
      else addRow(this.#rows.subarray(at, at + ROW_FIELDS), next)
    }
  }

  /** All of it, to be sent to another thread. */
  part(): Part {
    const rows = this.#rows.slice(0, this.#offsets.size * ROW_FIELDS)
    return { bytes: this.bytes, lines: this.lines, bad: this.bad, hosts: [...this.#offsets.keys()], rows }
  }

  *[Symbol.iterator](): Generator<[host: string, row: Float64Array]> {
    for (const [host, at] of this.#offsets) yield [host, this.#rows.subarray(at, at + ROW_FIELDS)]
  }
}

/** Adds the row of what came next to a row: its first session may go on the last one. */
function addRow(row: Float64Array, next: Float64Array): void {
  for (const field of [hits, bytes, errors, sessions]) row[field]! += next[field]!
  let longest = Math.max(row[longestSeconds]!, next[longestSeconds]!)
  if (next[firstSeconds]! - row[lastSeconds]! > SESSION_GAP_SECONDS) {
    longest = Math.max(longest, next[firstEndSeconds]! - next[firstSeconds]!)
    row[beganSeconds] = next[beganSeconds]!
  } else {
    const wasFirst = row[sessions]! - next[sessions]! === 1
    row[sessions]!--
    if (wasFirst) row[firstEndSeconds] = Math.max(row[firstEndSeconds]!, next[firstEndSeconds]!)
    else longest = Math.max(longest, next[firstEndSeconds]! - row[beganSeconds]!)
    if (next[sessions]! > 1) row[beganSeconds] = next[beganSeconds]!
  }
  row[longestSeconds] = longest
  row[lastSeconds] = next[lastSeconds]!
}

function isStatus(text: Buffer, at: number): boolean {
  return (
    text[at] === QUOTE && text[at + 1] === SPACE && text[at + 5] === SPACE && !Number.isNaN(digits(text, at + 2, 3))
  )
}

/** A number of so many digits; NaN if one is none. */
function digits(text: Buffer, at: number, count: number): number {
  let value = 0
  for (let i = at; i < at + count; i++) {
    const digit = text[i]! - ZERO
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    value = value * 10 + digit
  }
  return value
}

/** The size of an answer: digits up to a blank or the end, or a dash for none. */
function sizeAt(text: Buffer, begin: number, end: number): number {
  if (text[begin] === DASH) return 0
  let at = begin
  while (at < end && text[at]! >= ZERO && text[at]! <= ZERO + 9) at++
  return at === begin ? Number.NaN : digits(text, begin, at - begin)
}

/** Turns times of a log into seconds. Lines of one day follow each other, so a day is looked up once. */
class Day {
  readonly #bytes = Buffer.alloc(11)
  #seconds = Number.NaN

  /** `03/Jan/2024:01:02:03 +0000`, NaN if it is not that. */
  seconds(text: Buffer, at: number): number {
    for (let i = 0; i < 11; i++) if (text[at + i] !== this.#bytes[i]) this.#learn(text, at)
    if (text[at + 11] !== COLON || text[at + 14] !== COLON || text[at + 17] !== COLON) return Number.NaN
    const time = digits(text, at + 12, 2) * 3600 + digits(text, at + 15, 2) * 60 + digits(text, at + 18, 2)
    const zone = digits(text, at + 22, 2) * 3600 + digits(text, at + 24, 2) * 60
    if (text[at + 21] !== PLUS && text[at + 21] !== DASH) return Number.NaN
    return this.#seconds + time - (text[at + 21] === PLUS ? zone : -zone)
  }

  #learn(text: Buffer, at: number): void {
    text.copy(this.#bytes, 0, at, at + 11)
    const month = MONTHS.indexOf(text.toString('latin1', at + 3, at + 6))
    const isDay = month !== -1 && text[at + 2] === SLASH && text[at + 6] === SLASH
    this.#seconds = isDay ? Date.UTC(digits(text, at + 7, 4), month, digits(text, at, 2)) / 1000 : Number.NaN
  }
}
