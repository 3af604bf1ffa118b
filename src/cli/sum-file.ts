/**
 * One file to its digest: opened, statted, read and closed through the ring, hashed on the pool. The main thread runs it.
 *
 *      openat -> statx --small--> read -> close -> (batch) hashPieces
 *                      '--large-> read read ... -> statx -> close, each block -> hashStream
 *
 * A file that one read takes whole must have the size that statx told. Of any other, size and times must be the same
 * after the last read as before the first. Memory is bounded: small files wait for a piece, large ones for a stream.
 */
import { constants } from 'node:fs'
import { AT_STATX_DONT_SYNC } from '../abi/constants.js'
import type { Statx } from '../driver/statx.js'
import type { Uring } from '../driver/uring.js'
import { BLOCK_BYTES, NR_BLOCKS, streamOffset } from './sum-layout.js'
import { Arenas, MAX_PIECE_BYTES } from './sum-memory.js'
import { type Hasher, MAX_STREAMS } from './sum-pool.js'
import type { Stream } from './sum-stream.js'
import { failed, notRegular, type Task } from './sum-walk.js'

/** What became of a task. */
export interface Outcome {
  readonly task: Task
  /** In hex; undefined if there is an error. */
  readonly digest: string | undefined
  readonly size: number
  readonly error: Task['error']
}

const S_IFMT = 0o170000
const S_IFDIR = 0o040000
const S_IFREG = 0o100000
const { O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants
/** A file may have become a FIFO since it was listed: opening must not wait for a writer, nor take a terminal. */
const OPEN_FLAGS = O_RDONLY | O_NONBLOCK | O_NOCTTY
const STDIN = 0
/** Opening has just asked for fresh attributes; this is to take them as they are. */
const FRESH = { flags: AT_STATX_DONT_SYNC }

export class Summer {
  /** Given to workers so far. */
  nrBytes = 0
  readonly #ring: Uring
  readonly #hasher: Hasher
  readonly #arenas = new Arenas()
  /** Where streams that are not in use begin. */
  readonly #streams: number[] = []
  readonly #waiting: ((at: number) => void)[] = []

  constructor(ring: Uring, hasher: Hasher) {
    this.#ring = ring
    this.#hasher = hasher
    for (let i = 0; i < MAX_STREAMS; i++) this.#streams.push(streamOffset(i))
  }

  /** Never rejects: what goes wrong with a file is its outcome. */
  async sum(task: Task): Promise<Outcome> {
    try {
      if (task.error !== undefined) return { task, digest: undefined, size: 0, error: task.error }
      const { digest, size } = task.name === '-' && task.isGiven ? await this.#sumStdin() : await this.#sumFile(task)
      return { task, digest, size, error: undefined }
    } catch (error) {
      const failure = error instanceof Refusal ? error.task : failed(task.name, error)
      return { task, digest: undefined, size: 0, error: failure.error }
    }
  }

  async #sumFile(task: Task): Promise<Summed> {
    const path = Buffer.from(task.name, 'latin1')
    const fd = await this.#ring.openat(path, task.isGiven ? OPEN_FLAGS : OPEN_FLAGS | O_NOFOLLOW)
    let piece: Piece | undefined
    try {
      const stat = await this.#ring.statx(fd, FRESH)
      checkRegular(task, stat)
      if (stat.stx_size < MAX_PIECE_BYTES) piece = await this.#readWhole(fd, stat.stx_size)
      if (piece === undefined) return await this.#sumLarge(task, fd, stat)
    } finally {
      // Nothing was written, so what close says does not matter.
      this.#ring.close(fd).catch(() => {})
    }
    try {
      this.nrBytes += piece.nrBytes
      const digest = await this.#hasher.hash(piece.offset, piece.nrBytes)
      return { digest, size: piece.nrBytes }
    } finally {
      this.#arenas.free(piece.offset)
    }
  }

  /** Reads a file by one read. Undefined if that is not the whole of it: it changes, or is of a kind that lies. */
  async #readWhole(fd: number, size: number): Promise<Piece | undefined> {
    // One byte more than there is shows whether there is more.
    const length = size + 1
    const cut = this.#arenas.alloc(length)
    const offset = typeof cut === 'number' ? cut : await cut
    try {
      const nrBytes = await this.#ring.read(fd, new Uint8Array(this.#hasher.memory, offset, length), { position: 0 })
      if (nrBytes === size) return { offset, nrBytes }
    } catch (error) {
      this.#arenas.free(offset)
      throw error
    }
    this.#arenas.free(offset)
    return undefined
  }

  async #sumLarge(task: Task, fd: number, before: Statx): Promise<Summed> {
    const summed = await this.#withStream(before.stx_size, (stream) => this.#feed(stream, fd, before.stx_size))
    const after = await this.#ring.statx(fd)
    // A file whose size is a lie, as in /proc, may give more or less than that; it only has to keep to its lie.
    if (!isSame(before, after)) throw changed(task)
    return summed
  }

  #sumStdin(): Promise<Summed> {
    return this.#withStream(undefined, (stream) => this.#feed(stream, STDIN, undefined))
  }

  async #withStream(size: number | undefined, feed: (stream: Stream) => Promise<number>): Promise<Summed> {
    const at = this.#streams.pop() ?? (await new Promise<number>((resolve) => this.#waiting.push(resolve)))
    const { Stream } = await import('./sum-stream.js')
    const stream = new Stream(this.#hasher, at, size)
    try {
      const size = await feed(stream)
      return { digest: await stream.end(), size }
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

interface Summed {
  readonly digest: string
  readonly size: number
}

interface Piece {
  readonly offset: number
  readonly nrBytes: number
}

/** Thrown where the reason is not a failed call. */
class Refusal extends Error {
  readonly task: Task

  constructor(task: Task) {
    super(task.error?.text)
    this.task = task
  }
}

function checkRegular(task: Task, stat: Statx): void {
  const kind = stat.stx_mode & S_IFMT
  if (kind === S_IFREG) return
  if (kind === S_IFDIR) throw Object.assign(new Error('EISDIR'), { code: 'EISDIR' })
  throw new Refusal(notRegular(task.name))
}

function changed(task: Task): Refusal {
  return new Refusal({ ...task, error: { code: 'ERR_CHANGED', text: 'file changed while it was read' } })
}

function isSame(a: Statx, b: Statx): boolean {
  return (
    a.stx_size === b.stx_size &&
    a.stx_mtime_tv_sec === b.stx_mtime_tv_sec &&
    a.stx_mtime_tv_nsec === b.stx_mtime_tv_nsec
  )
}
