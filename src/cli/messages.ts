/**
 * What the command says on stderr: glibc's words for an errno, and names quoted as coreutils quotes them. Main thread.
 *
 * A name is a byte string (latin1), see sum-format.ts. Counterpart: strerror(3), and gnulib's shell_escape quoting as
 * error(3) messages of coreutils use it.
 */
import { errnoText } from '../lib/errno.js'
import { Buffer, process } from '../lib/globals.js'

/** glibc's texts where they differ from libuv's. */
// biome-ignore format: table
const TEXTS: Readonly<Record<string, string>> = {
  EPERM:        'Operation not permitted',
  ENOENT:       'No such file or directory',
  EINTR:        'Interrupted system call',
  EIO:          'Input/output error',
  ENXIO:        'No such device or address',
  EBADF:        'Bad file descriptor',
  EAGAIN:       'Resource temporarily unavailable',
  ENOMEM:       'Cannot allocate memory',
  EACCES:       'Permission denied',
  EBUSY:        'Device or resource busy',
  ENODEV:       'No such device',
  ENOTDIR:      'Not a directory',
  EISDIR:       'Is a directory',
  EINVAL:       'Invalid argument',
  ENFILE:       'Too many open files in system',
  EMFILE:       'Too many open files',
  EFBIG:        'File too large',
  ENOSPC:       'No space left on device',
  ENAMETOOLONG: 'File name too long',
  ELOOP:        'Too many levels of symbolic links',
  EOVERFLOW:    'Value too large for defined data type',
  ETIMEDOUT:    'Connection timed out',
  ESTALE:       'Stale file handle',
  EDQUOT:       'Disk quota exceeded',
  ECANCELED:    'Operation canceled',
  EKEYREJECTED: 'Key was rejected by service',
}

/** Why something could not be done: a code for programs, and words. */
export interface Failure {
  readonly code: string
  readonly text: string
}

export const NOT_REGULAR: Failure = { code: 'ERR_NOT_REGULAR', text: 'not a regular file' }

/** Thrown where the reason is not a failed call. */
export class Refusal extends Error {
  readonly failure: Failure

  constructor(code: string, text: string) {
    super(text)
    this.failure = { code, text }
  }
}

export function failureOf(error: unknown): Failure {
  if (error instanceof Refusal) return error.failure
  return { code: String((error as { code?: string }).code ?? 'ERR'), text: errorText(error) }
}

/** The words for a failed call. */
export function errorText(error: unknown): string {
  const { code, errno, message } = error as { code?: string; errno?: number; message?: string }
  if (code !== undefined && TEXTS[code] !== undefined) return TEXTS[code]
  return errno === undefined ? (message ?? String(error)) : errnoText(errno)
}

/** Writes one message, a byte string, as `uring: …`. */
export function complain(text: string): void {
  writeMessage(`uring: ${text}\n`)
}

let isGuarded = false

/** Writes a byte string to stderr. Where nobody reads that, nothing is to be said. */
export function writeMessage(text: string): void {
  if (!isGuarded) process.stderr.on('error', () => {})
  isGuarded = true
  process.stderr.write(Buffer.from(text, 'latin1'))
}

const SHORT: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
}

/**
 * A name for a message: as it is where nothing in it could mislead a reader or a shell, else in quotes, with control
 * bytes and what is not UTF-8 as escapes: `'a b'`, `"it's"`, `'no'$'\n''such'`.
 */
export function quoteName(name: string): string {
  const parts = name.match(PARTS) ?? []
  const hasEscapes = parts.some((part) => !isPrintable(part))
  if (!hasEscapes) {
    const isPlain = name !== '' && !/[ !"$&'()*:;<=>?[\\^`|]/.test(name) && !/^[#~]/.test(name) && !/^[{}]$/.test(name)
    if (isPlain) return name
    if (!name.includes("'")) return `'${name}'`
    // Double quotes are enough where nothing but spaces and the like stands beside the apostrophes.
    if (!/[!"$&()*;<=>?[\\^`|]/.test(name.replaceAll("'", ''))) return `"${name}"`
  }
  let out = "'"
  let isInEscape = false
  for (const part of parts) {
    const isEscape = !isPrintable(part)
    const text = isEscape ? [...part].map(escapeByte).join('') : part.replaceAll("'", "'\\''")
    // An apostrophe behind an escape closes that by its own first quote.
    if (isEscape !== isInEscape) out += isEscape ? "'$'" : part.startsWith("'") ? '' : "''"
    isInEscape = isEscape
    out += text
  }
  return `${out}'`
}

/** Runs of printable ASCII, whole UTF-8 sequences, and whatever else, byte by byte. */
const PARTS = /[ -~]+|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}|./gs

function isPrintable(part: string): boolean {
  const first = part.charCodeAt(0)
  if (first < 0x80) return first >= 0x20 && first !== 0x7f
  const text = Buffer.from(part, 'latin1').toString('utf8')
  return !text.includes('\ufffd') && !/^[\p{Cc}\p{Cn}\p{Cs}\p{Co}\u2028\u2029]/u.test(text)
}

function escapeByte(byte: string): string {
  return SHORT[byte] ?? `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`
}
