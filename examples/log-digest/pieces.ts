/**
 * A stream cut into pieces of whole lines. Main thread.
 */
import { addAbortSignal, type Readable } from 'node:stream'

const NEWLINE = 10

/** Pieces as they come, each ending with a line; the last as it is. Throws an AbortError once `signal` has aborted. */
export async function* pieces(source: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  let rest: Buffer[] = []
  for await (const chunk of addAbortSignal(signal, source) as AsyncIterable<Buffer>) {
    const end = chunk.lastIndexOf(NEWLINE) + 1
    if (end > 0) {
      yield Buffer.concat([...rest, chunk.subarray(0, end)])
      rest = []
    }
    if (end < chunk.length) rest.push(chunk.subarray(end))
  }
  if (rest.length > 0) yield Buffer.concat(rest)
}
