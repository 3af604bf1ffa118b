/**
 * Two ports to each worker: for what cannot lie in shared memory, with the answers to claims; and for wake-ups, and what
 * comes of a job while it runs. Owner thread only.
 *
 * What comes through the first is taken synchronously on both sides (receiveMessageOnPort), when shared memory says that
 * it is there. The second has listeners: a message on it wakes the event loop. Neither keeps the process alive.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads'
import { assert, VERIFY } from '../../lib/assert.js'
import { futexWake, loadAcquire, xchg } from '../../lib/barrier.js'
import { process } from '../../lib/globals.js'
import type { Introduction } from '../between/mail.js'
import type { ClaimMessage, EventMessage, Greeting, WorkerNews } from '../between/messages.js'
import { CLAIM_ANSWERED, CLAIM_OPEN, SEAT, type Space } from '../between/record.js'
import type { SharedBufferIds } from '../between/shared-buffers.js'
import type { Held } from '../jobs/held.js'

const CLAIM = SEAT.at.claim >> 2
const ANSWER = SEAT.at.answer >> 2

export interface PortsHooks {
  /** A worker woke the owner, in its event loop. */
  onWake(): void
  /** It did, and the message was taken elsewhere: to be looked into soon. */
  onWakeTaken(): void
  onEvent(message: EventMessage, slot: number): void
  /** A worker was greeted. */
  onGreeted(slot: number): void
}

/** Of the pools of this thread: what they were sent is taken before it ends. A pool that is dropped is not held here. */
const openPorts = new Set<WeakRef<Ports>>()
let isWatchingExit = false

function takeAtExit(ports: WeakRef<Ports>): void {
  for (const other of openPorts) if (other.deref() === undefined) openPorts.delete(other)
  openPorts.add(ports)
  if (isWatchingExit) return
  isWatchingExit = true
  process.on('exit', () => {
    for (const one of openPorts) one.deref()?.takeAllEvents()
  })
}

export class Ports {
  readonly #space: Space
  readonly #ids: SharedBufferIds
  readonly #hooks: PortsHooks
  readonly #ref = new WeakRef(this)
  readonly #ports: (MessagePort | undefined)[] = []
  readonly #wakePorts: (MessagePort | undefined)[] = []

  /** In test builds: results that were there when it was closed, and nobody took. */
  nrUnread = 0

  constructor(space: Space, ids: SharedBufferIds, hooks: PortsHooks) {
    this.#space = space
    this.#ids = ids
    this.#hooks = hooks
    takeAtExit(this.#ref)
  }

  /** A worker is about to start in a slot, and hears of it through `to`. What the last one there posted has been taken. */
  greet(slot: number, to: Worker | MessagePort): void {
    this.takeEvents(slot)
    this.#ports[slot]?.close()
    this.#wakePorts[slot]?.close()
    const own = new MessageChannel()
    const wake = new MessageChannel()
    this.#ports[slot] = own.port1
    this.#wakePorts[slot] = wake.port1.on('message', (message: EventMessage | null) => {
      if (message === null) this.#hooks.onWake()
      else this.#hooks.onEvent(message, slot)
    })
    wake.port1.unref()
    const greeting: Greeting = { slot, port: own.port2, wakePort: wake.port2 }
    to.postMessage(greeting, [own.port2, wake.port2])
    this.#hooks.onGreeted(slot)
  }

  /** The slots of those that were greeted. */
  *slots(): Generator<number> {
    for (let slot = 0; slot < this.#ports.length; slot++) if (this.#ports[slot] !== undefined) yield slot
  }

  /** Hands the worker in a slot its port to the postmaster. */
  introduce(slot: number, post: MessagePort): void {
    this.#ports[slot]!.postMessage({ post } satisfies Introduction, [post])
  }

  /** The oldest message from a worker. A job that came home says that it is there. */
  receive(slot: number): unknown {
    return receiveMessageOnPort(this.#ports[slot]!)?.message
  }

  /** Takes the events that the worker in a slot has posted by now, before the event loop would. */
  takeEvents(slot: number): void {
    const port = this.#wakePorts[slot]
    if (port === undefined) return
    for (let got = receiveMessageOnPort(port); got !== undefined; got = receiveMessageOnPort(port)) {
      const message = got.message as EventMessage | null
      if (message === null) this.#hooks.onWakeTaken()
      else this.#hooks.onEvent(message, slot)
    }
  }

  takeAllEvents(): void {
    for (let slot = 0; slot < this.#wakePorts.length; slot++) this.takeEvents(slot)
  }

  /** Tells the worker in a slot something, in its event loop. */
  tell(slot: number, news: WorkerNews): void {
    this.#wakePorts[slot]?.postMessage(news)
  }

  /** Answers all claims. `heldFor` gives what is held for an item that the slot's worker runs, null if nothing is:
   * the job then fails for want of it. */
  answerClaims(heldFor: (item: number, slot: number) => Held | null | undefined): void {
    const { words } = this.#space
    for (let slot = 0; slot < this.#space.nrSlots; slot++) {
      const seat = this.#space.seat(slot)
      if (loadAcquire(words, seat + CLAIM) === 0) continue
      const item = xchg(words, seat + CLAIM, 0) - 1
      const held = heldFor(item, slot)
      // A claim of a worker that died: whoever sits there next makes its own.
      if (held === undefined) continue
      this.#post(slot, held ?? { sabs: [], body: undefined, transfer: [] })
      // Publishes the message; pairs with the worker's wait on the word.
      const was = xchg(words, seat + ANSWER, CLAIM_ANSWERED)
      assert(was === CLAIM_OPEN, 'a claim is answered once')
      futexWake(words, seat + ANSWER, 1)
    }
  }

  #post(slot: number, held: Held): void {
    const message: ClaimMessage = { sabs: this.#ids.numbered(held.sabs), body: held.body }
    try {
      this.#ports[slot]!.postMessage(message, held.transfer)
    } catch {
      // The worker finds no message, and the job fails saying so.
    }
  }

  close(): void {
    this.takeAllEvents()
    openPorts.delete(this.#ref)
    if (VERIFY) {
      for (const port of this.#ports) while (port && receiveMessageOnPort(port) !== undefined) this.nrUnread++
    }
    for (const port of [...this.#ports, ...this.#wakePorts]) port?.close()
  }
}
