/**
 * The lanes of a file: who uses its position, or its stream, in which order. Runs on the thread that made the ring.
 *
 * A file that can be positioned has one position, so reads and writes at it go one after another: each takes both lanes. A
 * pipe, a socket or a terminal has a lane each way, for a read that waits must not stop a write. What is neither (an
 * eventfd, a timerfd, an inotify queue) has none. Counterpart: f_pos_lock, which io_uring does not take.
 */
import { O_APPEND } from '../abi/constants.js'
import { type FileId, fileId, isSameId, lseek, SEEK_CUR, SEEK_END, SEEK_SET, statusFlags } from '../sys/file.js'
import type { Group } from './order.js'

/** From this many on, places that were left at the front of a lane are given back before it is empty. */
const MANY_LEFT = 1024

/** Groups in the order they were issued; the first is the one that runs. */
export class Lane {
  #groups: Group[] = []
  #first = 0

  get head(): Group | undefined {
    return this.#groups[this.#first]
  }

  push(group: Group): void {
    this.#groups.push(group)
  }

  /** Lets go of the first; returns the next one that is not gone. */
  advance(): Group | undefined {
    do this.#first++
    while (this.head?.isGone === true)
    if (this.#first === this.#groups.length) {
      this.#groups = []
      this.#first = 0
    } else if (this.#first >= MANY_LEFT && this.#first * 2 >= this.#groups.length) {
      this.#groups.splice(0, this.#first)
      this.#first = 0
    }
    return this.head
  }

  /** Takes all out, the one that runs included. */
  clear(): Group[] {
    const groups = this.#groups.slice(this.#first)
    this.#groups = []
    this.#first = 0
    return groups
  }
}

/** What the ring knows of the file behind an fd, as long as operations use its position or its stream. */
export class OrderedFile {
  readonly fd: number
  readonly reads = new Lane()
  readonly writes = new Lane()
  /** Which file it is. Unknown until it matters, for the number may be another file's by then. */
  id: FileId | undefined
  /** Where the operation that runs began; -1 for unknown, or where there is no position. */
  #start = -1

  constructor(fd: number) {
    this.fd = fd
  }

  get isBusy(): boolean {
    return this.reads.head !== undefined || this.writes.head !== undefined
  }

  /** Whether its fd is the same file still. */
  isThere(): boolean {
    const now = fileId(this.fd)
    return this.id !== undefined && typeof now !== 'number' && isSameId(this.id, now)
  }

  /** An operation at its position enters the ring. */
  begin(): void {
    this.#start = lseek(this.fd, 0, SEEK_CUR)
  }

  /**
   * An operation at its position has moved `res` of `asked` bytes. When what is moved last fails, the kernel reports the
   * bytes before it and leaves the position where it was, and the next write would go over them.
   */
  end(res: number, asked: number, isWrite: boolean): void {
    if (this.#start < 0 || res <= 0) return
    const end = this.#start + res
    if (res < asked && (this.id === undefined || this.isThere())) {
      // Such a write began at the end of the file, wherever the position was, and leaves it behind what it wrote.
      if (isWrite && (statusFlags(this.fd) & O_APPEND) !== 0) lseek(this.fd, 0, SEEK_END)
      else if (lseek(this.fd, 0, SEEK_CUR) === this.#start) lseek(this.fd, end, SEEK_SET)
    }
    this.#start = end
  }
}
