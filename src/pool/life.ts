/**
 * The life of a pool: what has come home is taken, again and again, until the pool is closed and nothing is left. Owner
 * thread only.
 *
 * Counterpart: io_ring_exit_work, which reaps until nothing of a ring is left.
 */
import { NONE } from '../lib/mpscq.js'
import type { Wq } from '../wq/wq.js'
import type { Control } from './control.js'
import type { Giver } from './give/giver.js'
import { type Intake, QUEUE } from './give/intake.js'
import type { Post } from './give/post.js'
import type { Room } from './give/room.js'
import type { Poller } from './home/poller.js'
import type { Ports } from './home/ports.js'
import type { Settler } from './home/settler.js'

export interface LifeParts {
  readonly wq: Wq
  readonly settler: Settler
  readonly intake: Intake
  readonly room: Room | undefined
  readonly giver: Giver
  readonly poller: Poller
  readonly control: Control
  readonly ports: Ports
  readonly post: Post
  /** Looks, in test builds, that nothing is left of any job. */
  readonly verify: (isClosed: boolean) => void
}

export class Life {
  readonly #parts: LifeParts
  readonly #wq: Wq
  readonly #settler: Settler
  readonly #intake: Intake
  readonly #room: Room | undefined
  #onQuiet: (() => void)[] = []
  #closed: Promise<void> | undefined

  constructor(parts: LifeParts) {
    this.#parts = parts
    this.#wq = parts.wq
    this.#settler = parts.settler
    this.#intake = parts.intake
    this.#room = parts.room
  }

  /** Settles all jobs that came home; returns how many. */
  drain(): number {
    let count = 0
    for (let item = this.#wq.popTaskWork(QUEUE); item !== NONE; item = this.#wq.popTaskWork(QUEUE)) {
      count++
      this.#settler.settle(item)
    }
    this.#intake.feed()
    if (this.#room !== undefined) this.#room.admit()
    if (this.#onQuiet.length > 0) this.#announceQuiet()
    return count
  }

  #announceQuiet(): void {
    if (this.#intake.nrInFlight > 0) return
    const waiters = this.#onQuiet
    this.#onQuiet = []
    for (const resolve of waiters) resolve()
  }

  /** Somebody waits for the last job to end. */
  get isWaitedFor(): boolean {
    return this.#onQuiet.length > 0
  }

  /** Resolves when no job is in flight. `isWaited`: the process is to stay for that. */
  #quiet(isWaited: boolean): Promise<void> {
    if (this.#intake.nrInFlight === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onQuiet.push(resolve)
      if (isWaited) this.#parts.poller.keepAlive()
    })
  }

  /** Pool.close, without a limit. `isWaited`: somebody waits for it. */
  close(isWaited: boolean): Promise<void> {
    this.#parts.giver.shut()
    this.#closed ??= this.#quiet(isWaited).then(() => this.#shutDown())
    return this.#closed
  }

  /** Resolves when no thread is left. */
  async #shutDown(): Promise<void> {
    const { poller, control, ports, post, verify } = this.#parts
    await this.#wq.exit()
    await post.close()
    poller.close()
    control.close()
    ports.close()
    verify(true)
  }
}
