/**
 * What the owner keeps of a job's arguments that shared memory does not hold. Owner thread only.
 */
import { MessagePort, type TransferListItem } from 'node:worker_threads'

/** What the owner keeps for a job until a worker claims it, or the job ends. */
export interface Held {
  /** Keeps the buffers behind the numbers in the record alive. */
  readonly sabs: SharedArrayBuffer[]
  readonly body: unknown
  readonly transfer: readonly TransferListItem[]
}

/** A job that was held and never claimed: ports that were moved for it would stay open. */
export function letGo(held: Held): void {
  for (const item of held.transfer) if (item instanceof MessagePort) item.close()
}
