/**
 * `sum --check`: the files named in a checksum list, and whether they still have their digests. The main thread runs it.
 *
 * A list is read through the ring while its files are summed: a bounded part of it is in memory, however long it is.
 * Counterpart: digest_check in src/digest.c of coreutils 9.1, whose messages these are.
 */
import type { Uring } from '../driver/uring.js'
import { Buffer } from '../lib/globals.js'
import { complain, quoteName } from './messages.js'
import type { Outcome } from './sum-file.js'
import { type Algo, CheckParser } from './sum-format.js'
import type { Source, Task } from './sum-walk.js'

/** A line of a list, as a task. */
interface CheckTask extends Task {
  readonly digest: string
}

const CHUNK_BYTES = 256 * 1024
/** What of a line is looked at. No file has so long a name: a longer line is improper, or names what cannot be opened. */
const MAX_LINE_BYTES = 1024 * 1024
const STDIN = 0
const NO_LINES = 'no properly formatted checksum lines found'

/** Opens a list; `-` is standard input. Rejects as the ring does. */
export async function openList(ring: Uring, name: string, algo: Algo): Promise<CheckList> {
  const fd = name === '-' ? STDIN : await ring.openat(Buffer.from(name, 'latin1'))
  return new CheckList(ring, name, fd, algo)
}

/** What a list says and what was found, in counts. */
export class CheckList implements Source {
  onReady: () => void = () => {}
  /** Whether all of the list has been read. */
  isAllKnown = false
  /** Why the list could not be read to its end. */
  error: unknown
  readonly #ring: Uring
  readonly #name: string
  readonly #parser: CheckParser
  readonly #fd: number
  readonly #chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  #isReading = false
  #isClosed = false
  /** Lines of the last chunk that are not tasks yet, and the line that goes on in the next. */
  #lines: readonly string[] = []
  #next = 0
  #rest = ''
  #nrProper = 0
  #nrImproper = 0
  #nrUnread = 0
  #nrMismatched = 0

  constructor(ring: Uring, name: string, fd: number, algo: Algo) {
    this.#ring = ring
    this.#name = name
    this.#fd = fd
    this.#parser = new CheckParser(algo)
  }

  next(): CheckTask | undefined | null {
    for (;;) {
      const line = this.#lines[this.#next++]
      if (line === undefined) {
        if (this.isAllKnown) return null
        if (!this.#isReading) void this.#readOn()
        return undefined
      }
      const task = this.#parse(line)
      if (task !== undefined) return task
    }
  }

  #parse(line: string): CheckTask | undefined {
    const bare = line.endsWith('\r') ? line.slice(0, -1) : line
    if (bare === '' || bare.startsWith('#')) return undefined
    const entry = this.#parser.parse(bare)
    // A list on standard input cannot have a sum of standard input in it.
    if (entry === undefined || (this.#name === '-' && entry.name === '-')) {
      this.#nrImproper++
      return undefined
    }
    this.#nrProper++
    return { name: entry.name, isGiven: true, error: undefined, digest: entry.digest }
  }

  /** Reads the next chunk, and says so. Never rejects: an error ends the list. */
  async #readOn(): Promise<void> {
    this.#isReading = true
    try {
      const nrBytes = await this.#ring.read(this.#fd, this.#chunk)
      if (nrBytes === 0) this.#end(this.#rest === '' ? [] : [this.#rest])
      else this.#take(this.#chunk.toString('latin1', 0, nrBytes))
    } catch (error) {
      this.error = error
      this.#end([])
    }
    this.#isReading = false
    this.onReady()
  }

  #take(text: string): void {
    const lines = text.split('\n')
    lines[0] = this.#rest + lines[0]
    this.#rest = lines.pop()!.slice(0, MAX_LINE_BYTES)
    this.#lines = lines
    this.#next = 0
  }

  #end(lines: readonly string[]): void {
    this.#lines = lines
    this.#next = 0
    this.isAllKnown = true
    this.close()
  }

  /** Reads no more of it. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#fd !== STDIN) this.#ring.close(this.#fd).catch(() => {})
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
    if (this.#nrProper === 0) {
      complain(`${this.#name === '-' ? "'standard input'" : quoteName(this.#name)}: ${NO_LINES}`)
      return false
    }
    warn(this.#nrImproper, 'line is improperly formatted', 'lines are improperly formatted')
    warn(this.#nrUnread, 'listed file could not be read', 'listed files could not be read')
    warn(this.#nrMismatched, 'computed checksum did NOT match', 'computed checksums did NOT match')
    return this.#nrUnread + this.#nrMismatched === 0
  }
}

function warn(count: number, one: string, many: string): void {
  if (count > 0) complain(`WARNING: ${count} ${count === 1 ? one : many}`)
}
