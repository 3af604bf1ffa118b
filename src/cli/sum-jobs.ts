/**
 * The jobs of `sum`: hashing. Pool workers run them; they see shared memory and nothing of files or rings.
 *
 * A job that throws, or whose worker dies, fails the files it had and no others.
 */
import * as crypto from 'node:crypto'
import type { MessagePort } from 'node:worker_threads'
import { futexWait, loadAcquire, storeRelease, xchg } from '../lib/barrier.js'
import { Buffer } from '../lib/globals.js'
import {
  ABORT,
  APP_WAITS,
  BLOCK_BYTES,
  BLOCKS_OFF,
  END,
  HEAD,
  LENGTH,
  LENGTHS,
  NR_BLOCKS,
  NR_LENGTHS,
  OFFSET,
  PIECE,
  STREAM,
  TAIL,
} from './sum-layout.js'

/** Nothing: run once for each worker while the tree is still being listed, so that workers are up when files are. */
export function warmUp(): void {}

/** Hashes the first `count` pieces of the slip at `slip`, and writes their digests beside them. */
export function hashPieces(memory: SharedArrayBuffer, slip: number, count: number, algo: string): void {
  const bytes = Buffer.from(memory)
  const words = new Uint32Array(memory, slip)
  for (let i = 0; i < count; i++) {
    const at = (i * PIECE.size) >> 2
    const offset = words[at + OFFSET]!
    const digest = digestOf(algo, bytes.subarray(offset, offset + words[at + LENGTH]!))
    bytes.write(digest, slip + i * PIECE.size + PIECE.at.digest, 'latin1')
  }
}

type OneShot = (algo: string, data: Uint8Array) => string

/** crypto.hash came with Node 20.12 and costs a fifth of a Hash object for an empty file. */
const oneShot = (crypto as { hash?: OneShot }).hash

function digestOf(algo: string, bytes: Uint8Array): string {
  if (oneShot !== undefined) return oneShot(algo, bytes)
  return crypto.createHash(algo).update(bytes).digest('hex')
}

/**
 * The digest of all that comes through a stream in `memory` at `at`; '' if the stream is aborted. `port` gets a message
 * when a block is free and the app waits for one.
 */
export function hashStream(memory: SharedArrayBuffer, at: number, algo: string, port: MessagePort): string {
  const words = new Int32Array(memory, at, STREAM.size >> 2)
  const hash = crypto.createHash(algo)
  for (let head = loadAcquire(words, HEAD); ; head = (head + 1) | 0) {
    // The app always ends a stream, and terminating this thread ends the wait.
    while (loadAcquire(words, TAIL) === head) futexWait(words, TAIL, head, Number.POSITIVE_INFINITY)
    // The load of tail that saw this entry made its length and its block visible.
    const length = words[LENGTHS + (head & (NR_LENGTHS - 1))]! >>> 0
    if (length === ABORT) return ''
    if (length === END) return hash.digest('hex')
    hash.update(new Uint8Array(memory, at + BLOCKS_OFF + (head & (NR_BLOCKS - 1)) * BLOCK_BYTES, length))
    // Gives the block back; pairs with the load of head in sum-stream.ts. Store head, then look at app_waits: the app
    // does the same two steps the other way round, so one of the two sees the other.
    storeRelease(words, HEAD, (head + 1) | 0)
    if (loadAcquire(words, APP_WAITS) === 1 && xchg(words, APP_WAITS, 0) === 1) port.postMessage(0)
  }
}
