/**
 * The pool's shared memory: the payload of each work item, and one more SharedArrayBuffer beside the io-wq's. Owner and
 * workers import these tables. With histograms there is a third buffer, of stamps, one for each item.
 *
 *   item:   | io_wq_work, 32 bytes | job: func, kind, size, at, data[52] |
 *   space:  | pool | seat[nr_slots] | names | ring[nr_slots] | arena |
 *
 * A job's record holds its arguments until the worker has read them, then its result. Longer values lie in the arena
 * (arguments; the owner allocates) or in the worker's ring (results), or travel through the worker's port. One big view
 * among small values lies in the arena too, and its block may carry a result back.
 */
import { Buffer } from '../../lib/globals.js'
import { struct } from '../../lib/layout.js'
import { IO_WQ_WORK_EMBEDDER } from '../../wq/layout.js'

// biome-ignore format: table
export const JOB = struct('job', [
  ['func',  'u32',     'record holder', 'number of the function\'s name; then the slot of the worker that ran it'],
  ['kind',  'u32',     'record holder', 'KIND_* of the arguments, then of the result; KIND_FAILED'],
  ['size',  'u32',     'record holder', 'KIND_VALUES: how many; bytes, where there are bytes'],
  ['at',    'u32',     'record holder', 'arguments: their block in the arena, or 0; result: where it ends in the ring'],
  ['data',  'u32[52]', 'record holder', 'values or bytes, where they fit'],
])

// biome-ignore format: table
export const POOL = struct('pool', [
  'cache line: fixed at creation',
  ['nr_slots',   'u32', 'once',  'worker slots'],
  'cache line: the owner asleep',
  ['armed',      'u32', 'any',   '1: the owner is idle in its event loop. Who takes it to 0 wakes it'],
  'cache line: claims',
  ['nr_claims',  'u32', 'any',   'moves with each claim that a worker makes, and when one makes room for another thread'],
  'cache line: the postmaster',
  ['post_held',  'u32', 'any',   'jobs in flight of which it has something; POST_GONE while there is no postmaster'],
  ['post_calls', 'u32', 'any',   'moves with each ask, and when it is to look; it sleeps on it'],
  'cache line: buffers',
  ['sab_epoch',  'u32', 'owner', 'moves when a SharedArrayBuffer once passed has been collected'],
])

// Words of it.
export const ARMED = POOL.at.armed >> 2
export const EPOCH = POOL.at.sab_epoch >> 2
export const NR_CLAIMS = POOL.at.nr_claims >> 2

// biome-ignore format: table
export const SEAT = struct('seat', [
  'cache line: the worker in this slot',
  ['claim',      'u32', 'any',    'the item whose message it wants, plus 1; the owner takes it to 0'],
  ['ring_head',  'u32', 'worker', 'where its next result goes, free-running'],
  ['phase',      'u32', 'record holder', 'PHASE_*: how far it has come on its way up, or out; the owner resets it'],
  ['ask',        'u32', 'any',    'what it wants of the postmaster, as askFor() has it; who takes it to 0 answers'],
  'cache line: the owner',
  ['answer',     'u32', 'any',    'CLAIM_OPEN, or how the claim was answered; the worker sleeps on it'],
  ['ring_tail',  'u32', 'owner',  'up to where results were read, free-running'],
  ['retires',    'u32', 'owner',  '1: the thread here begins no more jobs, and leaves'],
  'cache line: the postmaster',
  ['reply',      'u32', 'any',    '0, or the ask that was answered, with REFUSED set if it has nothing; the worker sleeps on it'],
])

// biome-ignore format: table
export const STAMP = struct('stamp', [
  ['begun_s',    'u32', 'worker', 'when the job began, by the monotonic clock: seconds'],
  ['begun_ns',   'u32', 'worker', 'and nanoseconds'],
  ['ended_s',    'u32', 'worker', 'when it had ended, its result not yet on the way'],
  ['ended_ns',   'u32', 'worker', 'and nanoseconds'],
])

/** JOB.kind, low bits: where the values are. */
export const KIND_VALUES = 0
/** Serialised, in `data`. */
export const KIND_BYTES = 1
/** Serialised, in the arena (arguments) or the worker's ring (results). */
export const KIND_STORED = 2
/** Serialised, in a message with the buffers that go with them. */
export const KIND_MESSAGE = 3
/** A message that is the value itself. */
export const KIND_CLONE = 4
/** Written by LongCodec, in the arena (arguments) or the worker's ring (results). */
export const KIND_LONG = 5
/** Serialised, with the buffers that go with it, in the arena; arguments only. */
export const KIND_PARCEL = 6
export const KIND_MASK = 7
/** Set beside it: the value is a failure's description, the promise rejects. */
export const KIND_FAILED = 8
/** Set beside it: something was printed since the last job came home from there. */
export const KIND_PRINTED = 16

/** Set beside KIND_MESSAGE and KIND_CLONE of arguments: the postmaster has it, and SIZE is its number there. */
export const KIND_POSTED = 32

/** ITEM.flags, the pool's own: somebody listens to the job's progress; it yields values; somebody is to know when it begins. */
export const JOB_PROGRESS = IO_WQ_WORK_EMBEDDER
export const JOB_STREAM = IO_WQ_WORK_EMBEDDER << 1
export const JOB_START = IO_WQ_WORK_EMBEDDER << 2

/** SEAT.phase. */
export const PHASE_STARTS = 0
/** It imports the module of jobs. */
export const PHASE_IMPORTS = 1
/** It runs the module's `init`. */
export const PHASE_INIT = 2
/** It takes no more jobs, and makes room for another thread; the owner resets it when it has seen that. */
export const PHASE_LEAVES = 3

export const CLAIM_OPEN = 0
export const CLAIM_ANSWERED = 1

/** Where a job's words are, counted from the first word of its payload. */
export const FUNC = JOB.at.func >> 2
export const KIND = JOB.at.kind >> 2
export const SIZE = JOB.at.size >> 2
export const AT = JOB.at.at >> 2
export const DATA = JOB.at.data >> 2
export const DATA_WORDS = (JOB.size - JOB.at.data) >> 2
export const DATA_BYTES = DATA_WORDS * 4
export const JOB_WORDS = JOB.size >> 2

/** How many different function names have a number, and the bytes they may have together. */
export const MAX_NAMES = 1024
const NAMES_BYTES = 65_536
/** Per worker; a result above a quarter of it goes by message. */
export const RING_BYTES = 65_536
/** For the arguments of all queued jobs; what finds no room goes by message. */
export const ARENA_BYTES = 64 * 1024 * 1024
/** Blocks begin at multiples of this. */
const BLOCK_ALIGN = 256

/** The pool's own buffer, its parts found. */
export class Space {
  readonly sab: SharedArrayBuffer
  readonly words: Int32Array
  readonly bytes: Buffer
  readonly nrSlots: number
  /** Word of the table of names: an offset and a length each; then their bytes. */
  readonly namesWord: number
  readonly namesByte: number
  readonly namesEnd: number
  readonly arenaByte: number
  readonly #seatWord: number
  readonly #ringByte: number

  private constructor(sab: SharedArrayBuffer, nrSlots: number) {
    this.sab = sab
    this.words = new Int32Array(sab)
    this.bytes = Buffer.from(sab)
    this.nrSlots = nrSlots
    this.#seatWord = POOL.size >> 2
    this.namesWord = this.#seatWord + nrSlots * (SEAT.size >> 2)
    this.namesByte = this.namesWord * 4 + MAX_NAMES * 8
    this.namesEnd = this.namesByte + NAMES_BYTES
    this.#ringByte = this.namesEnd
    const end = this.#ringByte + nrSlots * RING_BYTES
    this.arenaByte = end + (-end & (BLOCK_ALIGN - 1))
  }

  /** New memory. Pages that nobody touches cost nothing. */
  static create(nrSlots: number): Space {
    const fixed = POOL.size + nrSlots * (SEAT.size + RING_BYTES) + MAX_NAMES * 8 + NAMES_BYTES
    const space = new Space(new SharedArrayBuffer(fixed + BLOCK_ALIGN + ARENA_BYTES), nrSlots)
    space.words[POOL.at.nr_slots >> 2] = nrSlots
    return space
  }

  static attach(sab: SharedArrayBuffer): Space {
    return new Space(sab, new Int32Array(sab)[POOL.at.nr_slots >> 2]!)
  }

  seat(slot: number): number {
    return this.#seatWord + slot * (SEAT.size >> 2)
  }

  ringByte(slot: number): number {
    return this.#ringByte + slot * RING_BYTES
  }
}
