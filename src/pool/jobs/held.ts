/**
 * What the owner keeps of a job's arguments that shared memory does not hold. Owner thread only.
 */
import { MessagePort, type TransferListItem } from 'node:worker_threads'

/** Who has something of jobs ahead of their workers. */
export interface Sent {
  /** A job is over that it has something of. `letter`: one, by number, that may lie there still. */
  letGo(letter: number | undefined): void
}

/** What the owner keeps for a job until a worker claims it, or the job ends; or what it sent ahead. */
export interface Held {
  /** Keeps the buffers behind the numbers in the record alive. */
  readonly sabs: SharedArrayBuffer[]
  readonly body: unknown
  readonly transfer: readonly TransferListItem[]
  /** The postmaster, where that has something of the job: its letter, by number, or the buffers. */
  readonly post?: Sent
  readonly letter?: number
}

/** A job is over that something was held for. If it never was claimed, ports that were moved for it would stay open. */
export function letGo(held: Held, hasArrived = false): void {
  for (const item of held.transfer) if (item instanceof MessagePort) item.close()
  held.post?.letGo(hasArrived ? undefined : held.letter)
}
