/**
 * The messages between the owner and a worker: the seat and the greeting, claims and answers, events and news. Any
 * thread.
 *
 * Each side writes some of these and reads the others; it knows nothing else of the other side.
 */
import type { MessagePort } from 'node:worker_threads'

/** Names of functions that the module exports for its workers. */
export interface ModuleHooks {
  readonly init: string | undefined
  readonly teardown: string | undefined
}

/** Which stream, by its descriptor. */
export type OutputFd = 1 | 2
/** Strings with their encoding, or bytes. */
export type OutputPiece = readonly [chunk: string | Uint8Array, encoding: BufferEncoding]

/** The owner's data for each worker, beside its seat. */
export interface PoolSeat {
  readonly space: SharedArrayBuffer
  readonly jobs: string
  readonly hooks: ModuleHooks
  readonly concurrentJobs: number
  /** PoolOptions.startTimeoutMs. */
  readonly startTimeoutMs: number
  /** Jobs after which a worker leaves. */
  readonly maxJobs: number
  /** The streams whose output the owner prints. */
  readonly relays: readonly OutputFd[]
  readonly workerData: unknown
  /** The stamps of when jobs begin and end, if histograms are on. */
  readonly stamps: SharedArrayBuffer | undefined
  /** Only for a spare thread: the port on which it learns its slot. */
  readonly adoption?: MessagePort
}

/** The first message to each worker: its slot, its own port, and the port whose messages wake the owner. */
export interface Greeting {
  readonly slot: number
  readonly port: MessagePort
  readonly wakePort: MessagePort
}

/** What a worker receives when it has claimed a job. */
export interface ClaimMessage {
  readonly sabs: [number, SharedArrayBuffer][]
  readonly body: unknown
}

/** The body of a message that is serialised: KIND_MESSAGE, either way. */
export interface PackedMessage {
  readonly bytes: Uint8Array
  readonly buffers: ArrayBuffer[]
}

/** To the owner: the item, the kind, the value. `null` only wakes it. */
export type EventMessage = readonly [item: number, kind: EventKind, value: unknown]

export const EVENT_PROGRESS = 0
/** Several values of a generator. */
export const EVENT_VALUES = 1
/** Pieces of output; the descriptor in the place of the item. */
export const EVENT_OUTPUT = 2
/** A failure outside of jobs, as a Failure; no item. */
export const EVENT_FAILURE = 3
/** A job begins; no value. */
export const EVENT_START = 4
export type EventKind =
  | typeof EVENT_PROGRESS
  | typeof EVENT_VALUES
  | typeof EVENT_OUTPUT
  | typeof EVENT_FAILURE
  | typeof EVENT_START

/**
 * To a worker: a generator may yield so many more values. The generator has its own number, because after its end its
 * item may be another's. `null`: a job was told to stop.
 */
export type WorkerNews = readonly [id: number, room: number] | null

/** The first argument of a job that yields: its number in the pool, and the room for values. */
export type StreamStart = readonly [id: number, room: number]

/** The result of a job that yields: whether its generator came to its end, and what it returned. */
export type StreamEnd = readonly [isWhole: boolean, returned: unknown]
