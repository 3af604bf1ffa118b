/**
 * The memory that `sum` shares with its hashing jobs. App and worker import it.
 *
 *      | slip 0 | slip 1 | ... | arenas: small files | stream 0 | stream 1 | ... |
 *
 * A slip is what one job on small files is told and answers: pieces of memory, a digest each. A stream carries the bytes
 * of one large file: STREAM, then NR_BLOCKS blocks, an SPSC ring in which entry i is in block i mod NR_BLOCKS. Its
 * entries are lengths; closing ones have no data and need no free block, so there are twice as many lengths as blocks.
 */
import { struct } from '../lib/layout.js'

// biome-ignore format: table
export const PIECE = struct('sum_piece', [
  //field        type       written by  meaning
  ['offset',     'u32',     'app',      'where in the memory the bytes are'],
  ['length',     'u32',     'app',      'how many'],
  ['digest',     'u8[128]', 'worker',   'their digest in hex, as long as the algorithm makes it'],
])

// Words of it.
export const LENGTH = PIECE.at.length >> 2
export const OFFSET = PIECE.at.offset >> 2

/** Pieces that one job takes at most. */
export const SLIP_PIECES = 64
export const NR_SLIPS = 32
const SLIP_BYTES = SLIP_PIECES * PIECE.size

export const NR_BLOCKS = 4
export const BLOCK_BYTES = 512 * 1024
/** Entries that close a stream. */
export const END = 0xffffffff
export const ABORT = 0xfffffffe

export const NR_LENGTHS = 2 * NR_BLOCKS

// biome-ignore format: table
export const STREAM = struct('sum_stream', [
  //field        type      written by  meaning
  'cache line: the app fills',
  ['tail',       'u32',    'app',      'entries published; the worker sleeps on it'],
  ['lengths',    'u32[8]', 'app',      'bytes in the block, or END, or ABORT'],
  'cache line: the worker empties',
  ['head',       'u32',    'worker',   'entries consumed'],
  'cache line: the app asks to be woken',
  ['app_waits',  'u32',    'any',      '1: send a message when a block is free'],
])

// Words of it.
export const APP_WAITS = STREAM.at.app_waits >> 2
export const HEAD = STREAM.at.head >> 2
export const LENGTHS = STREAM.at.lengths >> 2
export const TAIL = STREAM.at.tail >> 2

const PAGE = 4096
/** Where a stream's blocks begin. */
export const BLOCKS_OFF = PAGE
const STREAM_BYTES = BLOCKS_OFF + NR_BLOCKS * BLOCK_BYTES

export const ARENA_BYTES = 1024 * 1024
export const NR_ARENAS = 6
export const ARENAS_OFF = Math.ceil((NR_SLIPS * SLIP_BYTES) / PAGE) * PAGE
const STREAMS_OFF = ARENAS_OFF + NR_ARENAS * ARENA_BYTES

export function slipOffset(slip: number): number {
  return slip * SLIP_BYTES
}

export function streamOffset(stream: number): number {
  return STREAMS_OFF + stream * STREAM_BYTES
}

/** Pages that no file needs are never touched, and so cost nothing. */
export function createMemory(nrStreams: number): SharedArrayBuffer {
  return new SharedArrayBuffer(streamOffset(nrStreams))
}
