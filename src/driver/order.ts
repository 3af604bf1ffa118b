/**
 * The order at a file's position: operations there run one after another, in the order of issue. Runs on the thread
 * that made the ring.
 *
 *      issue -> backlog -> add ... settle: the lanes are free  -> it stays there
 *                                          somebody is ahead   -> waiting -> (the one ahead has ended) -> ready -> backlog
 *
 * A group is one operation, or a chain with such a member. It waits as a whole, on all lanes that it uses. Groups line
 * up in all lanes in the order of issue, so they never wait for each other. Operations with a position of their own
 * never come here. Counterpart: none; io_uring leaves the order to the app.
 */
import { fileId, isSameId, NEITHER, SEEKABLE } from '../sys/file.js'
import type { Backlog } from './backlog.js'
import { CLOSES, Group, OrderedFile, READS, WRITES } from './lanes.js'
import type { Call } from './ops/call.js'
import { type PlaceListener, QUEUED, type Slots, WAITING } from './slots.js'
import { SQE_WORDS, slotAt, spoil } from './taken.js'

const TRANSFERS = READS | WRITES

export class Order implements PlaceListener {
  /** Waiting operations. */
  nrWaiting = 0
  /** An operation was in flight on a file that is neither seekable nor a stream, perhaps an eventfd. */
  hasCounters = false
  readonly #slots: Slots
  readonly #backlog: Backlog
  readonly #mendsPosition: boolean
  readonly #files = new Map<number, OrderedFile>()
  readonly #waiting = new Set<Group>()
  /** Groups that may go to the backlog, in order. */
  #ready: Group[] = []
  /** The first operations of files that are still unknown, in order. */
  #fresh: Call[] | undefined
  /** A group that has ended, for the next: most never wait, and no two of them are under way. */
  #spare: Group | undefined
  /** The group that is being assembled. */
  #open: Group | undefined

  /** `mendsPosition`: the other side may leave a file's position unchanged after a short transfer. */
  constructor(slots: Slots, backlog: Backlog, mendsPosition: boolean) {
    this.#slots = slots
    this.#backlog = backlog
    this.#mendsPosition = mendsPosition
  }

  /** Files that operations use now, or wait for. */
  get nrBusyFiles(): number {
    let count = 0
    for (const file of this.#files.values()) if (file.isBusy) count++
    return count
  }

  get isOpen(): boolean {
    return this.#open !== undefined
  }

  get hasReady(): boolean {
    return this.#ready.length > 0
  }

  /** An operation that uses `fd` was pushed on the backlog: alone, or as a member of a chain. settle() follows. */
  add(call: Call, fd: number, uses: number): void {
    const isTransfer = (uses & TRANSFERS) !== 0
    if (!isTransfer && this.#files.get(fd)?.isBusy !== true) return
    const group = this.#open ?? this.#newGroup()
    this.#open = group
    const file = this.#line(group, fd, uses)
    if (file === undefined) return
    group.nrLeft++
    call.group = group
    call.file = file
    if (file.id !== undefined) return
    if (this.#fresh === undefined) this.#fresh = [call]
    else this.#fresh.push(call)
  }

  #newGroup(): Group {
    const spare = this.#spare
    this.#spare = undefined
    return spare ?? new Group()
  }

  /** Lines the group up for the file of `fd`. Undefined if it need not wait. */
  #line(group: Group, fd: number, uses: number): OrderedFile | undefined {
    let file = this.#files.get(fd)
    let lanes = uses & TRANSFERS
    if (file === undefined) {
      file = new OrderedFile(fd)
      this.#files.set(fd, file)
    } else if (!file.isBusy) {
      file.id = undefined
    } else {
      const id = fileId(fd)
      // The fd is not open: the operation must fail.
      if (typeof id === 'number') return undefined
      // Earlier operations that are not under way use the file that this fd has now.
      file.id ??= id
      if (!isSameId(file.id, id)) {
        file = new OrderedFile(fd)
        file.id = id
        this.#files.set(fd, file)
      } else if (id.kind === SEEKABLE) {
        lanes = TRANSFERS
      } else if ((uses & CLOSES) !== 0) {
        this.#files.delete(fd)
        if (this.#release(file)) group.isBehind = true
      }
      if (id.kind === NEITHER) {
        this.hasCounters = true
        lanes = 0
      }
    }
    if (lanes === 0) return undefined
    if ((lanes & READS) !== 0) group.lineUp(file.reads)
    if ((lanes & WRITES) !== 0) group.lineUp(file.writes)
    return file
  }

  /** Removes all waits on this file. True if a group is ready for that. */
  #release(file: OrderedFile): boolean {
    const nrReady = this.#ready.length
    for (const lane of [file.reads, file.writes]) {
      for (const group of lane.clear()) this.#moveUp(group)
    }
    return this.#ready.length > nrReady
  }

  /** One lane less in which others are ahead. */
  readonly #moveUp = (group: Group): void => {
    group.nrAhead--
    if (group.nrAhead === 0 && group.taken !== undefined && !group.isGone) this.#ready.push(group)
  }

  /** The group is whole: it stays in the backlog, or waits. */
  settle(): void {
    const group = this.#open!
    this.#open = undefined
    if (group.nrAhead === 0 && !group.isBehind) return
    const taken = this.#backlog.takeLast()
    group.taken = taken
    this.#waiting.add(group)
    this.nrWaiting += taken.weights.length
    for (let i = 0; i < taken.weights.length; i++) {
      const slot = slotAt(taken, i)
      this.#slots.mark(slot, WAITING)
      const call = this.#slots.call(slot)
      call.group = group
      if (call.file !== undefined && call.file.id === undefined) {
        const id = fileId(call.file.fd)
        if (typeof id !== 'number') call.file.id = id
      }
    }
    if (group.nrAhead === 0) this.#ready.push(group)
  }

  /** The group that was being assembled was withdrawn. */
  forget(): void {
    if (this.#open !== undefined) this.#open.isGone = true
    this.#open = undefined
  }

  /** Pushes ready groups on the backlog, which has no open chain. */
  moveReady(): void {
    const ready = this.#ready
    if (ready.length === 0) return
    this.#ready = []
    for (const group of ready) {
      if (group.isGone) continue
      const taken = group.taken!
      this.#waiting.delete(group)
      this.nrWaiting -= taken.weights.length
      for (let i = 0; i < taken.weights.length; i++) {
        const slot = slotAt(taken, i)
        // Its fd is another file's by now.
        if (this.#slots.call(slot).file?.isThere() === false) spoil(taken.words, i * SQE_WORDS)
        this.#slots.requeue(slot, this.#backlog.position)
        this.#backlog.pushTaken(taken, i)
      }
    }
  }

  /** An operation of a group enters the ring. */
  begin({ file, uses }: Call): void {
    if (this.#mendsPosition && (uses & TRANSFERS) !== 0) file?.begin()
  }

  /** An operation of a group has ended with `res`, or was taken back. */
  end(call: Call, res: number): void {
    const { group, file, uses } = call
    call.group = undefined
    call.file = undefined
    if (group === undefined || file === undefined) return
    if (this.#mendsPosition && (uses & TRANSFERS) !== 0) file.end(res, call.bytes ?? 0, (uses & WRITES) !== 0)
    group.nrLeft--
    if (group.nrLeft > 0) return
    group.leave(this.#moveUp)
    // Nobody has it any more: it was never behind anybody, and all its members have ended.
    if (group.taken === undefined && !group.isGone && group !== this.#open) this.#spare = group
  }

  /**
   * Right after operations entered: reads which files they use, while their fds are still the same. If such an fd
   * becomes another file's, no operation on it waits for the old one.
   */
  learn(): void {
    const fresh = this.#fresh
    if (fresh === undefined) return
    let nr = 0
    for (const { slot, file } of fresh) {
      // An operation that has ended uses no file any more.
      if (file !== undefined && (this.#slots.state(slot) & QUEUED) !== 0) break
      nr++
      if (file === undefined || file.id !== undefined) continue
      const id = fileId(file.fd)
      if (typeof id === 'number') continue
      file.id = id
      if (id.kind === NEITHER) this.hasCounters = true
    }
    if (nr === fresh.length) this.#fresh = undefined
    else fresh.splice(0, nr)
  }

  /** Withdraws a waiting operation. True when it is gone; a member of a chain fails in its turn instead. */
  takeBack(slot: number): boolean {
    const group = this.#slots.call(slot).group!
    const taken = group.taken!
    if (taken.weights.length === 1) {
      group.isGone = true
      this.#waiting.delete(group)
      this.nrWaiting--
      return true
    }
    for (let i = 0; i < taken.weights.length; i++) if (slotAt(taken, i) === slot) spoil(taken.words, i * SQE_WORDS)
    return false
  }

  /** Withdraws all waiting operations; returns the slots. */
  takeAll(): number[] {
    const slots: number[] = []
    for (const group of this.#waiting) {
      group.isGone = true
      const taken = group.taken!
      for (let i = 0; i < taken.weights.length; i++) slots.push(slotAt(taken, i))
    }
    this.#waiting.clear()
    this.#ready = []
    this.nrWaiting = 0
    return slots
  }
}
