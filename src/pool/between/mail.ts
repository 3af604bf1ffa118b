/**
 * What the owner, the postmaster and workers post to each other: letters, buffers, ports. Any thread.
 */
import type { MessagePort, TransferListItem } from 'node:worker_threads'

/** Arguments of a job: their number, their value, and its transfer list. */
export const MAIL_LETTER = 0
/** A SharedArrayBuffer and its number. */
export const MAIL_BUFFER = 1
/** A letter that nobody will ask for. */
export const MAIL_DROP = 2
/** Buffers that nobody will ask for. */
export const MAIL_FORGET = 3
/** The port to the worker in a slot. */
export const MAIL_SEAT = 4

export type Mail =
  | readonly [typeof MAIL_LETTER, number: number, body: unknown, transfer: readonly TransferListItem[]]
  | readonly [typeof MAIL_BUFFER, number: number, buffer: SharedArrayBuffer]
  | readonly [typeof MAIL_DROP, number: number]
  | readonly [typeof MAIL_FORGET, numbers: readonly number[]]
  | readonly [typeof MAIL_SEAT, slot: number, port: MessagePort]

/** To a worker: what it asked for, by the number it asked for. */
export type Delivery = readonly [number: number, what: unknown]

/** On a worker's own port beside answers to claims: its port to the postmaster. */
export interface Introduction {
  readonly post: MessagePort
}

/** The postmaster's workerData. */
export interface PostSeat {
  readonly space: SharedArrayBuffer
  readonly inbox: MessagePort
  /** It leaves when nobody has asked for so long, and it holds no job. */
  readonly idleMs: number
}
