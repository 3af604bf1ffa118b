/**
 * readFile, writeFile and appendFile: files as a whole. Runs on the thread that calls.
 *
 * A file has the size that it had when it was opened: what is appended meanwhile is not read, as with Node. One without a
 * size (of /proc, a pipe) is read until its end. The last transfer and the close are one chain; a short transfer breaks
 * it, and the file is still open. Counterpart: readFileHandle and writeFileHandle of lib/internal/fs/promises.js.
 */
import { abortError } from '../driver/errors.js'
import { Fsync } from '../driver/ops/sync.js'
import type { Uring } from '../driver/uring.js'
import { Buffer } from '../lib/globals.js'
import { fileKind } from '../sys/file.js'
import { aborted, named } from './errors.js'
import { CloseOwn, OpenOwn, ReadOwn, WriteOwn } from './ops.js'
import { run } from './ring.js'

/** What one read asks for of a file without a size. */
const CHUNK_BYTES = 64 * 1024
/** One operation moves no more, so that a signal is looked at in between. */
const MOST_BYTES = 16 * 1024 * 1024
/** Node reads no more into one buffer. */
const MAX_FILE_BYTES = 2 ** 31 - 1

export interface Reading {
  readonly encoding: BufferEncoding | undefined
  readonly flags: number
  readonly signal: AbortSignal | undefined
}

export interface Writing {
  readonly flags: number
  readonly mode: number
  readonly flush: boolean
  readonly signal: AbortSignal | undefined
}

/** The whole file; undefined, with nothing done, for one that Node is to read: a directory, or too large a file. */
export async function readWhole(
  ring: Uring,
  path: string | Buffer,
  { encoding, flags, signal }: Reading,
): Promise<Buffer | string | undefined> {
  const fd = await opened(ring, path, flags, 0o666, signal)
  const file = new OpenFile(ring, fd, signal)
  try {
    const kind = fileKind(fd)
    if (typeof kind === 'number' || kind.sizeBytes > MAX_FILE_BYTES || kind.isDirectory) return undefined
    const bytes = kind.regular && kind.sizeBytes > 0 ? await file.readSized(kind.sizeBytes) : await file.readToEnd()
    return encoding === undefined ? bytes : bytes.toString(encoding)
  } catch (error) {
    return await aborted(named(error, 'read'), signal)
  } finally {
    await file.close()
  }
}

/** Writes all of `bytes`, which nobody else knows. */
export async function writeWhole(
  ring: Uring,
  path: string | Buffer,
  bytes: Uint8Array,
  { flags, mode, flush, signal }: Writing,
): Promise<void> {
  const fd = await opened(ring, path, flags, mode, signal)
  const file = new OpenFile(ring, fd, signal)
  try {
    await file.write(bytes, !flush)
    if (flush) await file.flush()
  } catch (error) {
    return await aborted(error, signal)
  } finally {
    await file.close()
  }
}

async function opened(
  ring: Uring,
  path: string | Buffer,
  flags: number,
  mode: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  try {
    return await run(ring, OpenOwn, { signal }, path, flags, mode)
  } catch (error) {
    return await aborted(named(error, 'open', path), signal)
  }
}

/** A file that one call has open. */
class OpenFile {
  readonly #ring: Uring
  readonly #fd: number
  readonly #signal: AbortSignal | undefined
  #isClosed = false

  constructor(ring: Uring, fd: number, signal: AbortSignal | undefined) {
    this.#ring = ring
    this.#fd = fd
    this.#signal = signal
  }

  /** A regular file of this size. */
  async readSized(size: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(size)
    let at = 0
    while (at < size) {
      const piece = bytes.subarray(at, Math.min(size, at + MOST_BYTES))
      const res = await this.#transfer(ReadOwn, piece, at, at + piece.length === size)
      if (res === 0) return bytes.subarray(0, at)
      at += res
    }
    return bytes
  }

  async readToEnd(): Promise<Buffer> {
    const pieces: Buffer[] = []
    for (;;) {
      const piece = Buffer.allocUnsafeSlow(CHUNK_BYTES)
      const res = await this.#transfer(ReadOwn, piece, -1, false)
      if (res > 0) pieces.push(piece.subarray(0, res))
      else return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
    }
  }

  async write(bytes: Uint8Array, isLast: boolean): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; ) {
        const piece = bytes.subarray(at, at + MOST_BYTES)
        at += await this.#transfer(WriteOwn, piece, at, isLast && at + piece.length === bytes.length)
      }
    } catch (error) {
      throw named(error, 'write')
    }
  }

  async flush(): Promise<void> {
    try {
      await run(this.#ring, Fsync, undefined, this.#fd)
    } catch (error) {
      throw named(error, 'fsync')
    }
  }

  /** One transfer; `closes`: if it moves all, the file is closed behind it. */
  async #transfer(
    operation: typeof ReadOwn | typeof WriteOwn,
    piece: Uint8Array,
    position: number,
    closes: boolean,
  ): Promise<number> {
    if (this.#signal?.aborted) throw abortError(this.#signal)
    const moved = run(this.#ring, operation, { signal: this.#signal, link: closes }, this.#fd, piece, position)
    if (!closes) return moved
    const closed = run(this.#ring, CloseOwn, undefined, this.#fd)
    const [transfer, end] = await Promise.allSettled([moved, closed])
    // A short transfer has cancelled the close; any other end of a close has given the number back.
    this.#isClosed = transfer.status === 'fulfilled' && transfer.value === piece.length
    if (this.#isClosed && end.status === 'rejected') throw named(end.reason, 'close')
    if (transfer.status === 'rejected') throw transfer.reason
    return transfer.value
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    try {
      await run(this.#ring, CloseOwn, undefined, this.#fd)
    } catch (error) {
      throw named(error, 'close')
    }
  }
}
