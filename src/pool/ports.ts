/**
 * One port to each worker, for what cannot lie in shared memory, and the answers to claims. Owner thread only.
 *
 * Messages are taken synchronously on both sides (receiveMessageOnPort), when shared memory says that one is there; so
 * the ports have no listeners and keep nothing alive.
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
  readonly #ports: (MessagePort | undefined)[] = []

  constructor(space: Space, ids: SharedBufferIds) {
    this.#space = space
    this.#ids = ids
  }

  /** A worker is about to start in a slot. What the last one there posted has been taken. */
  greet(slot: number, worker: Worker): void {
    this.#ports[slot]?.close()
    const { port1, port2 } = new MessageChannel()
    this.#ports[slot] = port1
    const greeting: Greeting = { port: port2 }
    worker.postMessage(greeting, [port2])
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
    for (const port of this.#ports) port?.close()
  }
}
