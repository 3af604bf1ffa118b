/**
 * Logs cut into parts that can be parsed beside each other: ranges of files, pieces of pipes. Main thread.
 */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { addAbortSignal, type Readable } from 'node:stream'

/**
 * Large enough that a job takes some 10 ms: what it costs to hand out, and what comes back of each host, is little beside
 * that. Small enough that all threads have work until shortly before the end.
 */
const RANGE_BYTES = 4 * 1024 * 1024
/** What is copied to a thread in one go through shared memory. */
const PIECE_BYTES = 1024 * 1024
const NEWLINE = 10

/** The arguments of one job. */
export type PartArgs =
  | [job: 'digestRange', path: string, begin: number, end: number]
  | [job: 'digestText', text: Buffer]

/** The parts of logs in their order; `-` is standard input. Throws an AbortError once `signal` has aborted. */
export async function* partsOf(paths: readonly string[], signal: AbortSignal): AsyncGenerator<PartArgs> {
  for (const path of paths) {
    console.error(`reading ${path}`)
    const found = path === '-' ? undefined : await stat(path)
    signal.throwIfAborted()
    if (found?.isFile()) {
      for (let begin = 0; begin < found.size; begin += RANGE_BYTES) {
        yield ['digestRange', path, begin, Math.min(begin + RANGE_BYTES, found.size)]
      }
    } else {
      const source = path === '-' ? process.stdin : createReadStream(path)
      for await (const text of pieces(source, signal)) yield ['digestText', text]
    }
  }
}

/** Pieces as they come, each ending with a line; the last as it is. */
async function* pieces(source: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = []
  let nrBytes = 0
  for await (const chunk of addAbortSignal(signal, source) as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    nrBytes += chunk.length
    const end = chunk.lastIndexOf(NEWLINE) + 1
    // More is waited for where more is there: what comes slowly goes on at once.
    if (end === 0 || (nrBytes < PIECE_BYTES && source.readableLength > 0)) continue
    const rest = chunk.subarray(end)
    yield Buffer.concat(chunks, nrBytes - rest.length)
    chunks = [rest]
    nrBytes = rest.length
  }
  if (nrBytes > 0) yield Buffer.concat(chunks)
}
