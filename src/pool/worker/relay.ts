/**
 * What jobs print: a worker posts each piece at once, and the owner has it before the job settles. Worker threads only;
 * print.ts is the owner's side.
 *
 * Node's own way keeps all but the first piece in the worker until its event loop turns, and in a port of the main thread
 * until that one's does: whoever ends after the last `await` loses it. Here it goes through the port of progress, which
 * the owner empties when a job that has printed comes home. Counterpart: WritableWorkerStdio.
 */
import type { Writable } from 'node:stream'
import { process } from '../../lib/globals.js'
import type { OutputFd, OutputPiece } from '../between/messages.js'

/** Whether something was posted that no job has told of yet. */
export const output = { hasPrinted: false }

interface Batch {
  readonly chunk: string | Uint8Array
  readonly encoding: BufferEncoding
}

/** What is written to these streams from now on is posted, without waiting for anybody. */
export function relayOutput(fds: readonly OutputFd[], post: (fd: OutputFd, pieces: OutputPiece[]) => void): void {
  for (const fd of fds) {
    const stream = fd === 1 ? process.stdout : process.stderr
    // Node writes by `_writev` where there is one, single pieces too.
    const _writev: Writable['_writev'] = (chunks, done) => {
      output.hasPrinted = true
      post(
        fd,
        (chunks as Batch[]).map(({ chunk, encoding }) => [
          // A view alone, not the pool that it may be a part of.
          typeof chunk === 'string' ? chunk : new Uint8Array(chunk),
          encoding,
        ]),
      )
      done()
    }
    Object.assign(stream, { _writev })
  }
}
