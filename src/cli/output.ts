/**
 * Standard output as bytes: lines gathered into chunks, back-pressure told, a reader that leaves noticed. Main thread.
 *
 * A chunk leaves when it is large enough, or old enough that a reader may be waiting for it. Nothing here blocks on a
 * pipe or a socket; a file or a terminal is written at once, as Node does it.
 */
import { Buffer, clearTimeout, process, setImmediate, setTimeout } from '../lib/globals.js'
import { complain, errorText } from './messages.js'

/** What a shell reports of a program that SIGPIPE ended. */
export const STATUS_PIPE = 141

const CHUNK_BYTES = 32 * 1024
const MAX_AGE_MS = 50
const MAX_UNWRITTEN_BYTES = 1024 * 1024

export class Output {
  /** Called when isFull has become false. */
  onDrain: () => void = () => {}
  /** Called once, when nothing can be written any more: EPIPE, or what else the system said. */
  onBroken: (error: Error) => void = () => {}
  /** Called before a chunk is written to a terminal. */
  onBeforeWrite: () => void = () => {}
  #text = ''
  #timer: NodeJS.Timeout | undefined
  #nrUnwritten = 0
  #isBroken = false
  #onFlushed: (() => void) | undefined

  constructor() {
    process.stdout.on('error', (error: Error) => {
      if (this.#isBroken) return
      this.#isBroken = true
      this.#onFlushed?.()
      this.onBroken(error)
    })
  }

  /** Whether the reader is behind: write no more until onDrain. */
  get isFull(): boolean {
    return this.#nrUnwritten >= MAX_UNWRITTEN_BYTES
  }

  /** Appends a byte string. */
  write(bytes: string): void {
    this.#text += bytes
    if (this.#text.length >= CHUNK_BYTES) this.#send()
    else this.#timer ??= setTimeout(() => this.#send(), MAX_AGE_MS)
  }

  #send(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const chunk = Buffer.from(this.#text, 'latin1')
    this.#text = ''
    if (this.#isBroken || chunk.length === 0) return
    if (process.stdout.isTTY) this.onBeforeWrite()
    this.#nrUnwritten += chunk.length
    process.stdout.write(chunk, () => {
      const wasFull = this.isFull
      this.#nrUnwritten -= chunk.length
      if (this.#nrUnwritten === 0) this.#onFlushed?.()
      if (wasFull && !this.isFull) this.onDrain()
    })
  }

  /** Resolves when all has been written, or can not be. */
  flush(): Promise<void> {
    this.#send()
    if (this.#isBroken || this.#nrUnwritten === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onFlushed = resolve
    })
  }
}

/** Prints a whole text; returns the exit status: 0, or why it could not be written, which is told. */
export async function printAll(text: string): Promise<number> {
  const out = new Output()
  let status = 0
  out.onBroken = (error) => {
    status = (error as { code?: string }).code === 'EPIPE' ? STATUS_PIPE : 1
    if (status === 1) complain(`write error: ${errorText(error)}`)
  }
  out.write(Buffer.from(text).toString('latin1'))
  await out.flush()
  // What a file refuses is told a tick later than it says that it has taken it.
  await new Promise(setImmediate)
  return status
}
