/**
 * The lanes of a file: which operations use its position, or its stream, and in which order. Runs on the thread that
 * made the ring.
 *
 * A seekable file has one position, so reads and writes at it run one after another: each takes both lanes. A pipe, a
 * socket or a terminal has a lane in each direction, because a waiting read must not stop a write. Other files (an
 * eventfd, a timerfd, an inotify queue) have none. Counterpart: f_pos_lock, which io_uring does not take.
 */
import { SEEK_CUR, SEEK_END, SEEK_SET } from '../abi/calls.js'
import { O_APPEND } from '../abi/constants.js'
import { Fifo } from '../lib/fifo.js'
import { type FileId, fileId, isSameId, lseek, statusFlags } from '../sys/file.js'
import type { Taken } from './taken.js'

/** How an operation uses a file's position, or its stream. */
export const USES_NOTHING = 0
export const READS = 1
export const WRITES = 2
/** Follows the operations issued before it, if they end in bounded time. */
export const FOLLOWS = 4
/**
 * The same; if they do not, the waiting ones enter the ring first, because afterwards the fd is no longer the file's.
 */
export const CLOSES = 8

/** One operation, or the members of a chain: it waits as a whole. */
export class Group {
  /** The lane in which it stands; most stand in one. */
  #lane: Lane | undefined = undefined
  /** The others. */
  #lanes: Lane[] | undefined = undefined
  /** Lanes in which others come first. */
  nrAhead = 0
  /** Members that use a file and have not ended. */
  nrLeft = 0
  /** It goes behind ready groups, though nobody is ahead of it. */
  isBehind = false
  /** Its SQEs, once it waits. */
  taken: Taken | undefined = undefined
  /** It was withdrawn. */
  isGone = false

  /** Joins a lane's end, once. */
  lineUp(lane: Lane): void {
    if (this.#lane === undefined) this.#lane = lane
    else if (this.#lane === lane || this.#lanes?.includes(lane) === true) return
    else if (this.#lanes === undefined) this.#lanes = [lane]
    else this.#lanes.push(lane)
    if (lane.head !== undefined) this.nrAhead++
    lane.push(this)
  }

  /** Leaves all lanes; `onNext` hears of who is the first of one now. */
  leave(onNext: (group: Group) => void): void {
    if (this.#lane !== undefined) this.#leaveOne(this.#lane, onNext)
    if (this.#lanes !== undefined) for (const lane of this.#lanes) this.#leaveOne(lane, onNext)
    this.#lane = undefined
    this.#lanes = undefined
  }

  #leaveOne(lane: Lane, onNext: (group: Group) => void): void {
    if (lane.head !== this) return
    const next = lane.advance()
    if (next !== undefined) onNext(next)
  }
}

/** Groups in the order they were issued. */
export class Lane {
  /** The first group, which runs. Most lanes have no other. */
  head: Group | undefined = undefined
  /** The groups behind it. */
  #others: Fifo<Group> | undefined = undefined

  push(group: Group): void {
    if (this.head === undefined) {
      this.head = group
      return
    }
    this.#others ??= new Fifo()
    this.#others.push(group)
  }

  /** Removes the first; returns the next one that is not gone. */
  advance(): Group | undefined {
    do this.head = this.#others?.shift()
    while (this.head?.isGone === true)
    return this.head
  }

  /** Removes all; returns those behind the running one. */
  clear(): Group[] {
    this.head = undefined
    return this.#others?.clear() ?? []
  }
}

/** The ring's record of the file behind an fd, as long as operations use its position or its stream. */
export class OrderedFile {
  readonly fd: number
  readonly reads = new Lane()
  readonly writes = new Lane()
  /** Its file. Unknown until it matters, because the number may be another file's by then. */
  id: FileId | undefined = undefined
  /** The position at which the running operation began; -1 if unknown, or if there is none. */
  #start = -1

  constructor(fd: number) {
    this.fd = fd
  }

  get isBusy(): boolean {
    return this.reads.head !== undefined || this.writes.head !== undefined
  }

  /** Whether its fd is still the same file. */
  isThere(): boolean {
    const now = fileId(this.fd)
    return this.id !== undefined && typeof now !== 'number' && isSameId(this.id, now)
  }

  /** An operation at its position enters the ring. */
  begin(): void {
    this.#start = lseek(this.fd, 0, SEEK_CUR)
  }

  /**
   * An operation at its position has moved `res` of `asked` bytes. If its last part fails, the kernel reports the bytes
   * before it and leaves the position where it was, and the next write would overwrite them.
   */
  end(res: number, asked: number, isWrite: boolean): void {
    if (this.#start < 0 || res <= 0) return
    const end = this.#start + res
    if (res < asked && (this.id === undefined || this.isThere())) {
      // Such a write began at the end of the file, wherever the position was, and leaves the position behind its bytes.
      if (isWrite && (statusFlags(this.fd) & O_APPEND) !== 0) lseek(this.fd, 0, SEEK_END)
      else if (lseek(this.fd, 0, SEEK_CUR) === this.#start) lseek(this.fd, end, SEEK_SET)
    }
    this.#start = end
  }
}
