/**
 * The calling thread's id and name, through /proc. Owner and workers; no FFI. Counterpart: set_task_comm in io-wq.c.
 */
import { readlinkSync, writeFileSync } from 'node:fs'

/** Names this thread as the kernel names its io-wq workers; returns its id, 0 without /proc. */
export function nameThread(ownerTid: number): number {
  const tid = ownerTid === 0 ? 0 : currentTid()
  if (tid === 0) return 0
  try {
    writeFileSync(`/proc/self/task/${tid}/comm`, `iou-wrk-${ownerTid}`)
  } catch {
    // The thread keeps Node's name; the owner uses only its id, to find out whether it has died.
  }
  return tid
}

/** The kernel's id of the calling thread, without FFI; 0 without /proc. */
export function currentTid(): number {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1))
  } catch {
    return 0
  }
}
