/**
 * The text of checksum lists, written and read as coreutils does it. The main thread runs it; it touches no file.
 *
 * A name is a byte string here and everywhere in `sum`: a JavaScript string whose characters are bytes (latin1), so that
 * no name is lost or changed, and a line is written with one copy. Counterpart: src/digest.c of coreutils 9.1.
 */

// biome-ignore format: table
export const ALGOS = {
  sha1:       { tag: 'SHA1',    hexLength: 40 },
  sha256:     { tag: 'SHA256',  hexLength: 64 },
  sha512:     { tag: 'SHA512',  hexLength: 128 },
  blake2b512: { tag: 'BLAKE2b', hexLength: 128 },
  md5:        { tag: 'MD5',     hexLength: 32 },
} as const satisfies Record<string, { tag: string; hexLength: number }>

export type Algo = keyof typeof ALGOS

const ESCAPED: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r' }

/** A line of the list, newline included. A name with a backslash, newline or carriage return makes it begin with `\`. */
export function sumLine(digest: string, name: string): string {
  const escaped = escapeName(name)
  return escaped === name ? `${digest}  ${name}\n` : `\\${digest}  ${escaped}\n`
}

/** A line of the report on a list. Only a newline in the name makes the name escaped here. */
export function checkLine(name: string, verdict: string): string {
  return name.includes('\n') ? `\\${escapeName(name)}: ${verdict}\n` : `${name}: ${verdict}\n`
}

function escapeName(name: string): string {
  return name.replace(/[\\\n\r]/g, (byte) => ESCAPED[byte]!)
}

/** The name that was escaped; undefined if nothing escapes to this. */
function unescapeName(text: string): string | undefined {
  if (text.includes('\0') || /\\(?![\\nr])/.test(text.replaceAll('\\\\', ''))) return undefined
  return text.replace(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter === 'r' ? '\r' : '\\'))
}

export interface CheckEntry {
  /** In lower case. */
  readonly digest: string
  readonly name: string
}

/** Reads a checksum list, line by line: the ordinary format, BSD's with a tag, and BSD's reversed one. */
export class CheckParser {
  readonly #tag: string
  readonly #hexLength: number
  /** Whether names begin right after one blank; set by the first line that tells, for the formats never mix. */
  #isReversed: boolean | undefined

  constructor(algo: Algo) {
    this.#tag = ALGOS[algo].tag
    this.#hexLength = ALGOS[algo].hexLength
  }

  /** One line, without its newline. Undefined if it is not properly formatted. */
  parse(line: string): CheckEntry | undefined {
    const text = line.replace(/^[ \t]+/, '')
    const isEscaped = text.startsWith('\\')
    const rest = isEscaped ? text.slice(1) : text
    const found = rest.startsWith(this.#tag) ? this.#parseTagged(rest) : this.#parsePlain(rest)
    if (found === undefined || found.name === '') return undefined
    // A name ends at a NUL, as strings do in C; unescaping is stricter.
    const name = isEscaped ? unescapeName(found.name) : found.name.split('\0', 1)[0]!
    return name === undefined ? undefined : { digest: found.digest.toLowerCase(), name }
  }

  /** `SHA256 (name) = digest`; the name ends at the last parenthesis. */
  #parseTagged(text: string): CheckEntry | undefined {
    const [, name, digest] = /^ ?\((.*)\)[ \t]*=[ \t]*([0-9a-fA-F]+)$/s.exec(text.slice(this.#tag.length)) ?? []
    return name === undefined || digest?.length !== this.#hexLength ? undefined : { digest, name }
  }

  /** `digest  name`, `digest *name`, and, where the whole list is like that, `digest name`. */
  #parsePlain(text: string): CheckEntry | undefined {
    const digest = text.slice(0, this.#hexLength)
    const name = text.slice(this.#hexLength + 1)
    if (digest.length < this.#hexLength || !/^[0-9a-fA-F]+$/.test(digest)) return undefined
    // Too short a line is improper before it can tell the format of those behind it.
    if (name === '' || !/[ \t]/.test(text.charAt(this.#hexLength))) return undefined
    if (name.length === 1 || !/^[ *]/.test(name)) {
      if (this.#isReversed === false) return undefined
      this.#isReversed = true
      return { digest, name }
    }
    if (this.#isReversed === true) return { digest, name }
    this.#isReversed = false
    return { digest, name: name.slice(1) }
  }
}
