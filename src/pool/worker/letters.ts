/**
 * A worker's way to the postmaster: asks for the arguments of its job, or a buffer among them. Worker threads only.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { Delivery, Introduction } from '../between/mail.js'
import type { ClaimMessage } from '../between/messages.js'
import { type ASK_BUFFER, type ASK_LETTER, askFor, askPost, isPostGone, NR_NUMBERS, resetAsk } from '../between/post.js'
import type { Space } from '../between/record.js'

export class Letters {
  readonly #space: Space
  readonly #seat: number
  readonly #own: MessagePort
  #post: MessagePort | undefined

  constructor(space: Space, slot: number, own: MessagePort) {
    this.#space = space
    this.#seat = space.seat(slot)
    this.#own = own
    resetAsk(space, this.#seat)
  }

  /** What the postmaster has of this number; undefined if it has nothing, or there is none. */
  fetch(what: typeof ASK_LETTER | typeof ASK_BUFFER, number: number): unknown {
    if (number < 0 || number >= NR_NUMBERS || isPostGone(this.#space)) return undefined
    // Whoever was introduced was so before the job was given.
    this.answerToClaim()
    while (askPost(this.#space, this.#seat, askFor(what, number))) {
      const delivery = this.#delivery(number)
      // Else the reply was for a worker that died here.
      if (delivery !== undefined) return delivery[1]
    }
    return undefined
  }

  #delivery(number: number): Delivery | undefined {
    if (this.#post === undefined) return undefined
    for (;;) {
      const delivery = receiveMessageOnPort(this.#post)?.message as Delivery | undefined
      if (delivery === undefined || delivery[0] === number) return delivery
    }
  }

  /** The next answer on the worker's own port. */
  answerToClaim(): ClaimMessage | undefined {
    for (;;) {
      const message = receiveMessageOnPort(this.#own)?.message as ClaimMessage | Introduction | undefined
      if (message === undefined || !('post' in message)) return message
      this.#post?.close()
      this.#post = message.post
    }
  }
}
