/**
 * The calling thread's id and name, through /proc. Owner and workers; no FFI. Counterpart: set_task_comm in io-wq.c.
 */
import { readlinkSync, writeFileSync } from 'node:fs'

/** Names this thread as the kernel names its io-wq workers; returns its id, 0 where /proc does not tell. */
export function nameThread(ownerTid: number): number {
  const tid = ownerTid === 0 ? 0 : currentTid()
  if (tid === 0) return 0
  try {
    writeFileSync(`/proc/self/task/${tid}/comm`, `iou-wrk-${ownerTid}`)
  } catch {
    // It keeps the name that Node gave it; its id is what the owner looks for when it may have died.
  }
  return tid
}

/** The kernel's id of the calling thread, without FFI; 0 where /proc does not tell. */
export function currentTid(): number {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1))
  } catch {
    return 0
  }
}
