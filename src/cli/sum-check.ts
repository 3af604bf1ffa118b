/**
 * `sum --check`: the files named in a checksum list, and whether they still have their digests. The main thread runs it.
 *
 * Counterpart: digest_check in src/digest.c of coreutils 9.1, whose messages these are.
 */
import type { Uring } from '../driver/uring.js'
import { complain, quoteName } from './messages.js'
import type { Outcome } from './sum-file.js'
import { type Algo, type CheckEntry, CheckParser } from './sum-format.js'
import type { Source, Task } from './sum-walk.js'

/** A line of a list, as a task. */
interface CheckTask extends Task {
  readonly digest: string
}

const CHUNK_BYTES = 64 * 1024
const STDIN = 0

/** What a list says and what was found, in counts. */
export class CheckList implements Source {
  onReady: () => void = () => {}
  readonly isAllKnown = true
  readonly nrEntries: number
  readonly #name: string
  readonly #entries: CheckEntry[] = []
  #nrImproper = 0
  #nrUnread = 0
  #nrMismatched = 0
  #next = 0

  /** Takes the whole text of a list, which was read from `name`. */
  constructor(name: string, text: string, algo: Algo) {
    this.#name = name
    const parser = new CheckParser(algo)
    for (const line of text.split('\n')) {
      const bare = line.endsWith('\r') ? line.slice(0, -1) : line
      if (bare === '' || bare.startsWith('#')) continue
      const entry = parser.parse(bare)
      // A list on standard input cannot have a sum of standard input in it.
      if (entry === undefined || (name === '-' && entry.name === '-')) this.#nrImproper++
      else this.#entries.push(entry)
    }
    this.nrEntries = this.#entries.length
  }

  next(): CheckTask | null {
    const entry = this.#entries[this.#next++]
    return entry === undefined ? null : { name: entry.name, isGiven: true, error: undefined, digest: entry.digest }
  }

  /** The verdict on an outcome, in coreutils' words. */
  judge({ task, digest }: Outcome): 'OK' | 'FAILED' | 'FAILED open or read' {
    if (digest === undefined) {
      this.#nrUnread++
      return 'FAILED open or read'
    }
    if (digest === (task as CheckTask).digest) return 'OK'
    this.#nrMismatched++
    return 'FAILED'
  }

  /** Says what there is to warn of. Returns whether all is well. */
  finish(): boolean {
    if (this.nrEntries === 0) {
      complain(`${this.#name === '-' ? "'standard input'" : quoteName(this.#name)}: ${NO_LINES}`)
      return false
    }
    warn(this.#nrImproper, 'line is improperly formatted', 'lines are improperly formatted')
    warn(this.#nrUnread, 'listed file could not be read', 'listed files could not be read')
    warn(this.#nrMismatched, 'computed checksum did NOT match', 'computed checksums did NOT match')
    return this.#nrUnread + this.#nrMismatched === 0
  }
}

const NO_LINES = 'no properly formatted checksum lines found'

function warn(count: number, one: string, many: string): void {
  if (count > 0) complain(`WARNING: ${count} ${count === 1 ? one : many}`)
}

/** The whole of a list, as a byte string, read through the ring. Rejects as the ring does. */
export async function readList(ring: Uring, name: string): Promise<string> {
  const fd = name === '-' ? STDIN : await ring.openat(Buffer.from(name, 'latin1'))
  try {
    let text = ''
    for (;;) {
      const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
      const nrBytes = await ring.read(fd, chunk)
      if (nrBytes === 0) return text
      text += chunk.toString('latin1', 0, nrBytes)
    }
  } finally {
    if (fd !== STDIN) ring.close(fd).catch(() => {})
  }
}
