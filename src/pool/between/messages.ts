/**
 * What the owner and a worker send each other: the seat and the greeting, claims and answers, events and news. Any thread.
 *
 * Either side writes some of these and reads the others, and knows the other side by them alone.
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

/** What the owner hands to each worker, beside its seat. */
export interface PoolSeat {
  readonly space: SharedArrayBuffer
  readonly jobs: string
  readonly hooks: ModuleHooks
  readonly concurrentJobs: number
  /** PoolOptions.startTimeoutMs. */
  readonly startTimeoutMs: number
  /** Jobs after which a worker leaves. */
  readonly maxJobs: number
  /** Of which streams the owner prints what is written. */
  readonly relays: readonly OutputFd[]
  readonly workerData: unknown
  /** Where to say when jobs begin and end, if somebody wants to know. */
  readonly stamps: SharedArrayBuffer | undefined
  /** A spare thread's alone: where it is told that it has a slot. */
  readonly adoption?: MessagePort
}

/** The first message to each worker: where it sits, its own port, and the one whose messages wake the owner. */
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

/** To the owner: about which item, what kind, what. `null` instead only wakes it. */
export type EventMessage = readonly [item: number, kind: EventKind, value: unknown]

export const EVENT_PROGRESS = 0
/** Several values of a generator. */
export const EVENT_VALUES = 1
/** Pieces of output; the descriptor in the place of the item. */
export const EVENT_OUTPUT = 2
/** What went wrong beside jobs, as a Failure; no item. */
export const EVENT_FAILURE = 3
export type EventKind = typeof EVENT_PROGRESS | typeof EVENT_VALUES | typeof EVENT_OUTPUT | typeof EVENT_FAILURE

/**
 * To a worker: a generator may yield so many more, named by its own number, for one that has ended may be meant while its
 * item is another's already. `null`: something was told to stop.
 */
export type WorkerNews = readonly [id: number, room: number] | null

/** The first argument of a job that yields: which it is, among all of its pool, and for how many values there is room. */
export type StreamStart = readonly [id: number, room: number]

/** What a job that yields settles with: whether its generator came to its end, and what it returned. */
export type StreamEnd = readonly [isWhole: boolean, returned: unknown]
