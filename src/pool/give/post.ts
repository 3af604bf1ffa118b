/**
 * What goes to jobs by message, on its way: the owner's end of the postmaster, a thread that is there while jobs need it.
 * Owner thread only.
 *
 * It starts when the first such job is given, and leaves by itself when none was for as long as an idle worker stays.
 * Where it cannot be started, or has died, the owner keeps what goes by message and answers claims.
 */
import { closeSync, openSync } from 'node:fs'
import { MessageChannel, type MessagePort, type TransferListItem, Worker } from 'node:worker_threads'
import { setImmediate, URL } from '../../lib/globals.js'
import { heard } from '../../lib/heard.js'
import { forNode } from '../../lib/options.js'
import {
  MAIL_BUFFER,
  MAIL_DROP,
  MAIL_FORGET,
  MAIL_LETTER,
  MAIL_SEAT,
  type Mail,
  type PostSeat,
} from '../between/mail.js'
import {
  closePost,
  holdPost,
  initPost,
  isPostGone,
  NR_NUMBERS,
  nrPostHeld,
  openPost,
  releasePost,
  ringPost,
} from '../between/post.js'
import type { Space } from '../between/record.js'

/** What a thread takes of them, and two. */
const NR_DESCRIPTORS = 6

export interface PostParts {
  readonly idleMs: number
  /** The slots of workers that have been greeted. */
  readonly slots: () => Iterable<number>
  /** Hands the worker in a slot its port to the postmaster. */
  readonly introduce: (slot: number, port: MessagePort) => void
  /** The number of a buffer that is among a job's arguments. */
  readonly idOf: (buffer: SharedArrayBuffer) => number
}

export class Post {
  readonly #space: Space
  readonly #parts: PostParts
  /** The one that is there, or was last. */
  #worker: Worker | undefined
  #inbox: MessagePort | undefined
  /** Numbers of the buffers that it has. */
  #sent = new Set<number>()
  #forgotten: number[] = []
  #nextLetter = 0
  /** It died, or the pool is closed: there will be no other. */
  #isOver = false

  constructor(space: Space, parts: PostParts) {
    this.#space = space
    this.#parts = parts
    initPost(space)
  }

  /** Jobs of which the postmaster has something. */
  get nrHeld(): number {
    return nrPostHeld(this.#space)
  }

  /**
   * Posts what a job is to get; what is in `transfer` moves. Returns its number, for letGo(); undefined if there is no
   * postmaster. Throws what structured cloning throws.
   */
  send(body: unknown, transfer: readonly TransferListItem[]): number | undefined {
    if (!this.#hold()) return undefined
    const number = this.#nextLetter
    try {
      this.#post([MAIL_LETTER, number, body, transfer], transfer)
    } catch (error) {
      releasePost(this.#space)
      throw error
    }
    this.#nextLetter = (number + 1) % NR_NUMBERS
    return number
  }

  /** The buffers are among a job's arguments: has them there, for workers that have not met them. False if that cannot be. */
  lend(buffers: readonly SharedArrayBuffer[]): boolean {
    if (!this.#hold()) return false
    for (const buffer of buffers) {
      const id = this.#parts.idOf(buffer)
      if (this.#sent.has(id)) continue
      this.#sent.add(id)
      this.#post([MAIL_BUFFER, id, buffer])
    }
    return true
  }

  /** A job that something was sent or lent for is over. `number`: of a letter that may lie there still. */
  letGo(number: number | undefined): void {
    if (number !== undefined && !isPostGone(this.#space)) {
      this.#post([MAIL_DROP, number])
      ringPost(this.#space)
    }
    releasePost(this.#space)
  }

  /** A buffer of this number has been collected; others are, as a rule, in the same turn of the event loop. */
  forget(id: number): void {
    if (!this.#sent.delete(id)) return
    if (this.#forgotten.push(id) === 1) setImmediate(this.#forgetAll)
  }

  readonly #forgetAll = (): void => {
    const numbers = this.#forgotten
    this.#forgotten = []
    if (isPostGone(this.#space)) return
    this.#post([MAIL_FORGET, numbers])
    ringPost(this.#space)
  }

  /** A worker is about to sit in a slot, and has its own port. */
  greeted(slot: number): void {
    if (!isPostGone(this.#space)) this.#seat(slot)
  }

  #post(mail: Mail, transfer?: readonly TransferListItem[]): void {
    this.#inbox!.postMessage(mail, transfer)
  }

  #seat(slot: number): void {
    const { port1, port2 } = new MessageChannel()
    this.#post([MAIL_SEAT, slot, port1], [port1])
    this.#parts.introduce(slot, port2)
  }

  #hold(): boolean {
    return holdPost(this.#space) || (!this.#isOver && this.#start())
  }

  #start(): boolean {
    if (!hasDescriptors()) return false
    const { port1, port2 } = new MessageChannel()
    const seat: PostSeat = { space: this.#space.sab, inbox: port2, idleMs: this.#parts.idleMs }
    // Before there is a thread that reads it.
    openPost(this.#space)
    let worker: Worker
    try {
      // Nothing of the program's is loaded there.
      const options = forNode({ workerData: seat, transferList: [port2], execArgv: [], env: {} })
      // What its error was is not told: jobs go on without it.
      worker = heard(new Worker(new URL('../post/postmaster.js', import.meta.url), options))
    } catch {
      closePost(this.#space)
      return false
    }
    worker.unref()
    worker.on('exit', () => this.#onExit(worker))
    this.#worker = worker
    this.#inbox = port1
    this.#sent = new Set()
    for (const slot of this.#parts.slots()) this.#seat(slot)
    return true
  }

  #onExit(worker: Worker): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    this.#inbox?.close()
    if (isPostGone(this.#space)) return
    // What it had is lost; what is asked for from now on the owner has.
    this.#isOver = true
    closePost(this.#space)
  }

  /** The pool has no jobs any more, and no threads. Resolves when the postmaster is gone. */
  async close(): Promise<void> {
    this.#isOver = true
    const worker = this.#worker
    if (worker === undefined) return
    closePost(this.#space)
    worker.ref()
    await new Promise((resolve) => worker.once('exit', resolve))
  }
}

/** A thread that finds none for its event loop ends after the call that started it, and what was posted to it with it. */
function hasDescriptors(): boolean {
  const open: number[] = []
  try {
    for (let i = 0; i < NR_DESCRIPTORS; i++) open.push(openSync('/dev/null', 'r'))
    return true
  } catch (error) {
    const { code } = error as { code?: unknown }
    // Of anything else, such as a path that may not be opened, nothing follows.
    return code !== 'EMFILE' && code !== 'ENFILE'
  } finally {
    for (const fd of open) closeSync(fd)
  }
}
