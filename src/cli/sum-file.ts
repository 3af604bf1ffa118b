/**
 * One file to its digest: opened, statted, read and closed through the ring, hashed on the pool. The main thread runs it.
 *
 *      openat -> statx --small--> read -> close -> (batch) hashPieces
 *                      '--large-> read read ... -> statx -> close, each block -> hashStream
 *
 * A file that one read takes whole must have the size that statx told. Of any other, size and times must be the same
 * after the last read as before the first. Memory is bounded: small files wait for a piece, large ones for a stream.
 */
import { AT_STATX_DONT_SYNC } from '../abi/constants.js'
import { O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, S_IFDIR, S_IFMT, S_IFREG } from '../abi/posix.js'
import type { Statx } from '../driver/statx.js'
import type { Uring } from '../driver/uring.js'
import { Buffer } from '../lib/globals.js'
import { type Failure, failureOf, NOT_REGULAR, Refusal } from './messages.js'
import { BLOCK_BYTES, NR_BLOCKS, streamOffset } from './sum-layout.js'
import { Arenas, MAX_PIECE_BYTES } from './sum-memory.js'
import type { Hasher } from './sum-pool.js'
import type { Stream } from './sum-stream.js'
import type { Task } from './sum-walk.js'

/** What became of a task. */
export interface Outcome {
  readonly task: Task
  /** In hex; undefined if there is an error. */
  readonly digest: string | undefined
  readonly size: number
  readonly error: Failure | undefined
}

/** A file may have become a FIFO since it was listed: opening must not wait for a writer, nor take a terminal. */
const OPEN_FLAGS = O_RDONLY | O_NONBLOCK | O_NOCTTY
const STDIN = 0
const WORD_BYTES = 8
const NONE = -1
/** Opening has just asked for fresh attributes; this is to take them as they are. */
const FRESH = { flags: AT_STATX_DONT_SYNC }

export class Summer {
  /** Called once for each sum(), when it has no file open any more and, as a rule, is still being hashed. */
  onClosed: () => void = () => {}
  /** Given to workers so far. */
  nrBytes = 0
  readonly #ring: Uring
  readonly #hasher: Hasher
  readonly #bytes: Uint8Array
  readonly #arenas = new Arenas()
  /** Where streams that are not in use begin. */
  readonly #streams: number[] = []
  readonly #waiting: ((at: number) => void)[] = []

  constructor(ring: Uring, hasher: Hasher) {
    this.#ring = ring
    this.#hasher = hasher
    this.#bytes = new Uint8Array(hasher.memory)
    for (let i = 0; i < hasher.nrStreams; i++) this.#streams.push(streamOffset(i))
  }

  /** Never rejects: what goes wrong with a file is its outcome. One function, for a small file is mostly waiting in it. */
  async sum(task: Task): Promise<Outcome> {
    const ring = this.#ring
    let isOpen = true
    let fd = NONE
    let offset = NONE
    try {
      if (task.error !== undefined) return { task, digest: undefined, size: 0, error: task.error }
      if (task.isGiven && task.name === '-') return await this.#sumStream(task, STDIN, undefined)
      fd = await ring.openat(Buffer.from(task.name, 'latin1'), task.isGiven ? OPEN_FLAGS : OPEN_FLAGS | O_NOFOLLOW)
      const stat = await ring.statx(fd, FRESH)
      checkRegular(stat)
      const size = stat.stx_size
      if (size >= MAX_PIECE_BYTES) return await this.#sumLarge(task, fd, stat)
      // More than there is shows whether there is more. Some files of /proc are read by whole words alone.
      const length = (size + WORD_BYTES) & -WORD_BYTES
      const cut = this.#arenas.alloc(length)
      this.#hasher.noteMemory(typeof cut === 'number')
      offset = typeof cut === 'number' ? cut : await cut
      const nrBytes = await ring.read(fd, this.#bytes, { offset, length, position: 0 })
      // It changes, or is of a kind whose size is a lie.
      if (nrBytes !== size) return await this.#sumLarge(task, fd, stat)
      this.#close(fd)
      fd = NONE
      isOpen = false
      this.onClosed()
      this.nrBytes += size
      return { task, digest: await this.#hasher.hash(offset, size), size, error: undefined }
    } catch (error) {
      return { task, digest: undefined, size: 0, error: failureOf(error) }
    } finally {
      if (fd !== NONE) this.#close(fd)
      if (offset !== NONE) this.#arenas.free(offset)
      if (isOpen) this.onClosed()
    }
  }

  /** Nothing was written, so what close says does not matter. */
  #close(fd: number): void {
    this.#ring.close(fd).catch(ignore)
  }

  async #sumLarge(task: Task, fd: number, before: Statx): Promise<Outcome> {
    const outcome = await this.#sumStream(task, fd, before.stx_size)
    const after = await this.#ring.statx(fd)
    // A file whose size is a lie, as in /proc, may give more or less than that; it only has to keep to its lie.
    if (!isSame(before, after)) throw new Refusal('ERR_CHANGED', 'file changed while it was read')
    return outcome
  }

  async #sumStream(task: Task, fd: number, size: number | undefined): Promise<Outcome> {
    const at = this.#streams.pop() ?? (await new Promise<number>((resolve) => this.#waiting.push(resolve)))
    const { Stream } = await import('./sum-stream.js')
    const stream = new Stream(this.#hasher, at, size)
    try {
      const nrBytes = await this.#feed(stream, fd, size)
      return { task, digest: await stream.end(), size: nrBytes, error: undefined }
    } catch (error) {
      await stream.abort()
      throw error
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#streams.push(at)
      else next(at)
    }
  }

  /**
   * Reads all there is into a stream; returns how much that was. Up to `size` several blocks are read at a time, beyond
   * it one after the other until a read returns nothing. Without a size it reads on from where the descriptor stands.
   */
  async #feed(stream: Stream, fd: number, size: number | undefined): Promise<number> {
    const filling: Promise<number | Error>[] = []
    let total = 0
    let position = 0
    const publishOldest = async () => {
      const nrBytes = await filling.shift()!
      if (typeof nrBytes !== 'number') throw nrBytes
      stream.publish(nrBytes)
      total += nrBytes
      this.nrBytes += nrBytes
      return nrBytes
    }
    try {
      for (; size !== undefined && position + BLOCK_BYTES <= size; position += BLOCK_BYTES) {
        if (filling.length === NR_BLOCKS - 1 && (await publishOldest()) < BLOCK_BYTES) break
        filling.push(this.#fill(fd, await stream.nextBlock(), position))
      }
      let isWhole = true
      while (filling.length > 0) isWhole = (await publishOldest()) === BLOCK_BYTES && isWhole
      while (isWhole) {
        filling.push(this.#fill(fd, await stream.nextBlock(), size === undefined ? undefined : total))
        isWhole = (await publishOldest()) === BLOCK_BYTES
      }
    } finally {
      // The ring writes into blocks until these are done; they never reject.
      await Promise.all(filling)
    }
    return total
  }

  /** Fills a block up to its end or the file's. An error is a result, for nobody may be waiting yet. */
  async #fill(fd: number, block: Uint8Array, position: number | undefined): Promise<number | Error> {
    let nrBytes = 0
    try {
      while (nrBytes < block.byteLength) {
        const at = position === undefined ? null : position + nrBytes
        const n = await this.#ring.read(fd, block, { offset: nrBytes, position: at })
        if (n === 0) break
        nrBytes += n
      }
    } catch (error) {
      return error as Error
    }
    return nrBytes
  }
}

function checkRegular(stat: Statx): void {
  const kind = stat.stx_mode & S_IFMT
  if (kind === S_IFREG) return
  if (kind === S_IFDIR) throw new Refusal('EISDIR', 'Is a directory')
  throw new Refusal(NOT_REGULAR.code, NOT_REGULAR.text)
}

function isSame(a: Statx, b: Statx): boolean {
  return (
    a.stx_size === b.stx_size &&
    a.stx_mtime_tv_sec === b.stx_mtime_tv_sec &&
    a.stx_mtime_tv_nsec === b.stx_mtime_tv_nsec
  )
}

function ignore(): void {}
