/**
 * What a Worker made for one answer posts. The thread that made it runs this.
 */
import type { EventEmitter } from 'node:events'

/**
 * The first message of a Worker, once its thread is gone. The last message and the exit may come in one turn, with no
 * promise settled in between: who waits for the one and listens to the other only then waits for ever.
 *
 * @throws {Error} What the Worker threw; or that it ended without a message.
 */
export function answerOf(worker: EventEmitter): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const messages: unknown[] = []
    worker.once('message', (message) => messages.push(message))
    worker.once('error', reject)
    worker.once('exit', (code) => {
      if (messages.length > 0) resolve(messages[0])
      else reject(new Error(`a Worker ended without an answer (exit code ${code})`))
    })
  })
}
