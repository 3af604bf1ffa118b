/**
 * Who waits for a file's position: operations at it run one after another, in the order they were issued. Runs on the
 * thread that made the ring.
 *
 *      issue -> backlog -> add ... settle: the lanes are free  -> it stays there
 *                                          somebody is ahead   -> waiting -> (the one ahead has ended) -> ready -> backlog
 *
 * A group is one operation, or a chain that has such a one among its members: it waits as a whole, on all lanes that it
 * needs, and as groups line up in all of them in the order of issue, they never wait for each other. Operations with a
 * position of their own never come here. Counterpart: none; io_uring leaves the order to the app.
 */
import { SQE } from '../abi/sqe.js'
import { fileId, isSameId, NEITHER, SEEKABLE } from '../sys/file.js'
import { type Backlog, spoil, type Taken } from './backlog.js'
import { type Lane, OrderedFile } from './lanes.js'
import { type OpTable, QUEUED, WAITING } from './op.js'

/** How an operation uses a file's position, or its stream. */
export const USES_NOTHING = 0
export const READS = 1
export const WRITES = 2
/** Comes behind what was issued before it, where that ends in bounded time. */
export const FOLLOWS = 4
/** The same; and where it does not, what waits enters the ring first, for the fd is not the file's any more afterwards. */
export const CLOSES = 8

const TRANSFERS = READS | WRITES
const SQE_WORDS = SQE.size >> 2
const USER_DATA = SQE.at.user_data >> 2

/** An operation's part in a group. */
export interface Place {
  readonly slot: number
  readonly generation: number
  readonly group: Group
  /** What it uses; undefined for a member of a chain that uses nothing. */
  readonly file: OrderedFile | undefined
  readonly uses: number
  /** Bytes that it is to move. */
  readonly asked: number
}

/** One operation, or the members of a chain. */
export class Group {
  readonly lanes: Lane[] = []
  /** Lanes in which others come first. */
  nrAhead = 0
  /** Members that use a file and have not ended. */
  nrLeft = 0
  /** It goes behind what is ready, though nobody is ahead of it. */
  isBehind = false
  /** Its SQEs, from when it waits on. */
  taken: Taken | undefined
  /** It was taken back. */
  isGone = false
}

export class Order {
  /** Operations that wait. */
  nrWaiting = 0
  /** One has been in flight of a file that is neither positioned nor a stream: an eventfd, perhaps. */
  hasCounters = false
  readonly #ops: OpTable
  readonly #backlog: Backlog
  readonly #mendsPosition: boolean
  readonly #files = new Map<number, OrderedFile>()
  readonly #waiting = new Set<Group>()
  /** Those that may go to the backlog, in order. */
  #ready: Group[] = []
  /** The first operations of files that are not known yet, in order. */
  #fresh: Place[] = []
  /** What is being put together. */
  #open: Group | undefined

  /** `mendsPosition`: the other side may leave a file's position where it was after a short transfer. */
  constructor(ops: OpTable, backlog: Backlog, mendsPosition: boolean) {
    this.#ops = ops
    this.#backlog = backlog
    this.#mendsPosition = mendsPosition
  }

  get isOpen(): boolean {
    return this.#open !== undefined
  }

  get hasReady(): boolean {
    return this.#ready.length > 0
  }

  /** An operation that uses `fd` was pushed on the backlog: alone, or as a member of a chain. settle() follows. */
  add(slot: number, fd: number, uses: number, asked: number): void {
    const isTransfer = (uses & TRANSFERS) !== 0
    if (!isTransfer && this.#files.get(fd)?.isBusy !== true) return
    this.#open ??= new Group()
    const group = this.#open
    const file = this.#line(group, fd, uses)
    if (file === undefined) return
    group.nrLeft++
    const place = { slot, generation: this.#ops.generation(slot), group, file, uses, asked }
    this.#ops.setPlace(slot, place)
    if (file.id === undefined) this.#fresh.push(place)
  }

  /** Has the group line up for the file of `fd`. Undefined when it need not. */
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
      // It is not open: let it fail.
      if (typeof id === 'number') return undefined
      // What was issued before, and is not under way, is of the file that this is now.
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
    if ((lanes & READS) !== 0) lineUp(group, file.reads)
    if ((lanes & WRITES) !== 0) lineUp(group, file.writes)
    return file
  }

  /** Nobody waits for anybody on this file any more. True if somebody goes for that. */
  #release(file: OrderedFile): boolean {
    const nrReady = this.#ready.length
    for (const lane of [file.reads, file.writes]) {
      for (const group of lane.clear().slice(1)) this.#moveUp(group)
    }
    return this.#ready.length > nrReady
  }

  /** One lane less, in which others come first. */
  #moveUp(group: Group): void {
    group.nrAhead--
    if (group.nrAhead === 0 && group.taken !== undefined && !group.isGone) this.#ready.push(group)
  }

  /** The group is whole: it stays in the backlog, or waits. */
  settle(): void {
    const group = this.#open!
    this.#open = undefined
    if (group.nrAhead === 0 && !group.isBehind) return
    const ops = this.#ops
    const taken = this.#backlog.takeLast()
    group.taken = taken
    this.#waiting.add(group)
    this.nrWaiting += taken.weights.length
    for (let i = 0; i < taken.weights.length; i++) {
      const slot = slotAt(taken, i)
      ops.mark(slot, WAITING)
      const place = ops.place(slot)
      if (place === undefined) {
        const generation = ops.generation(slot)
        ops.setPlace(slot, { slot, generation, group, file: undefined, uses: USES_NOTHING, asked: 0 })
      } else if (place.file !== undefined && place.file.id === undefined) {
        const id = fileId(place.file.fd)
        if (typeof id !== 'number') place.file.id = id
      }
    }
    if (group.nrAhead === 0) this.#ready.push(group)
  }

  /** What is being put together was taken back. */
  forget(): void {
    if (this.#open !== undefined) this.#open.isGone = true
    this.#open = undefined
  }

  /** Has what need not wait any longer pushed on the backlog, which has no open chain. */
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
        if (this.#ops.place(slot)?.file?.isThere() === false) spoil(taken.words, i * SQE_WORDS)
        this.#ops.requeue(slot, this.#backlog.position)
        this.#backlog.pushTaken(taken, i)
      }
    }
  }

  /** An operation of a group enters the ring. */
  begin({ file, uses }: Place): void {
    if (this.#mendsPosition && (uses & TRANSFERS) !== 0) file?.begin()
  }

  /** An operation of a group has ended with `res`, or was taken back. */
  end({ group, file, uses, asked }: Place, res: number): void {
    if (file === undefined) return
    if (this.#mendsPosition && (uses & TRANSFERS) !== 0) file.end(res, asked, (uses & WRITES) !== 0)
    group.nrLeft--
    if (group.nrLeft > 0) return
    for (const lane of group.lanes) {
      if (lane.head !== group) continue
      const next = lane.advance()
      if (next !== undefined) this.#moveUp(next)
    }
  }

  /**
   * Right after operations entered: learns which files those that have not ended are of, while their fds still are what they
   * were. An fd that comes to be another file's then has nobody wait for the old one.
   */
  learn(): void {
    const ops = this.#ops
    let nr = 0
    for (const { slot, generation, file } of this.#fresh) {
      const hasEnded = ops.generation(slot) !== generation
      if (!hasEnded && (ops.state(slot) & QUEUED) !== 0) break
      nr++
      if (hasEnded || file === undefined || file.id !== undefined) continue
      const id = fileId(file.fd)
      if (typeof id === 'number') continue
      file.id = id
      if (id.kind === NEITHER) this.hasCounters = true
    }
    if (nr > 0) this.#fresh.splice(0, nr)
  }

  /** Takes back one that waits. True when it is gone; a member of a chain fails in its turn instead. */
  takeBack(slot: number): boolean {
    const { group } = this.#ops.place(slot)!
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

  /** Takes back all that waits; returns the slots. */
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

function lineUp(group: Group, lane: Lane): void {
  if (group.lanes.includes(lane)) return
  if (lane.head !== undefined) group.nrAhead++
  lane.push(group)
  group.lanes.push(lane)
}

function slotAt(taken: Taken, i: number): number {
  return taken.words[i * SQE_WORDS + USER_DATA]!
}
