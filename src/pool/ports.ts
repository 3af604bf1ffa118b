/**
 * Two ports to each worker: for what cannot lie in shared memory, with the answers to claims, and for wake-ups. Owner
 * thread only.
 *
 * What comes through the first is taken synchronously on both sides (receiveMessageOnPort), when shared memory says that
 * it is there. The second has a listener: a message on it wakes the event loop. Neither keeps the process alive.
 */
import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads'
import { futexWake, loadAcquire, xchg } from '../lib/barrier.js'
import type { ClaimMessage, Held } from './outgoing.js'
import { CLAIM_ANSWERED, SEAT, type Space } from './record.js'
import type { SharedBufferIds } from './shared-buffers.js'
import type { Greeting } from './worker.js'

const CLAIM = SEAT.at.claim >> 2
const ANSWER = SEAT.at.answer >> 2

export class Ports {
  readonly #space: Space
  readonly #ids: SharedBufferIds
  readonly #onWake: () => void
  readonly #ports: (MessagePort | undefined)[] = []
  readonly #wakePorts: (MessagePort | undefined)[] = []

  constructor(space: Space, ids: SharedBufferIds, onWake: () => void) {
    this.#space = space
    this.#ids = ids
    this.#onWake = onWake
  }

  /** A worker is about to start in a slot. What the last one there posted has been taken. */
  greet(slot: number, worker: Worker): void {
    this.#ports[slot]?.close()
    this.#wakePorts[slot]?.close()
    const own = new MessageChannel()
    const wake = new MessageChannel()
    this.#ports[slot] = own.port1
    this.#wakePorts[slot] = wake.port1.on('message', this.#onWake)
    wake.port1.unref()
    const greeting: Greeting = { port: own.port2, wakePort: wake.port2 }
    worker.postMessage(greeting, [own.port2, wake.port2])
  }

  /** The oldest message from a worker. A job that came home says that it is there. */
  receive(slot: number): unknown {
    return receiveMessageOnPort(this.#ports[slot]!)?.message
  }

  /** Answers all claims. `heldFor` gives what is held for an item, if that slot's worker runs it. */
  answerClaims(heldFor: (item: number, slot: number) => Held | undefined): void {
    const { words } = this.#space
    for (let slot = 0; slot < this.#space.nrSlots; slot++) {
      const seat = this.#space.seat(slot)
      if (loadAcquire(words, seat + CLAIM) === 0) continue
      const item = xchg(words, seat + CLAIM, 0) - 1
      const held = heldFor(item, slot)
      // A claim of a worker that died: whoever sits there next makes its own.
      if (held === undefined) continue
      this.#post(slot, held)
      // Publishes the message; pairs with the worker's wait on the word.
      xchg(words, seat + ANSWER, CLAIM_ANSWERED)
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
    for (const port of [...this.#ports, ...this.#wakePorts]) port?.close()
  }
}
