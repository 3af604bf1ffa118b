/**
 * The threads of this process, as /proc tells: the kernel's workers are named iou-wrk-TID, a backend's own are any that
 * were not there before. Main thread of a test file.
 *
 * From version 22 on Node's libuv keeps a ring open for as long as a thread lives, and the kernel the last of a thread's
 * workers for as long as it has a ring, the others for five idle seconds: there the kernel's own threads do not count.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { nowMs } from '../../src/lib/clock.js'

/** liburing's own limit. */
export const LEAVE_MS = 2000

/** All threads of the process, as `tid name`. */
export function threads(): string[] {
  return readdirSync('/proc/self/task').map((tid) => {
    try {
      return `${tid} ${readFileSync(`/proc/self/task/${tid}/comm`, 'utf8').trim()}`
    } catch {
      return `${tid} (leaving)`
    }
  })
}

const LIBUV_KEEPS_A_RING = Number(process.versions.node.split('.')[0]) >= 22

/** Whether a thread is the kernel's, made by its io-wq: PF_IO_WORKER, of the flags in stat(5). */
function isKernelsOwn(thread: string): boolean {
  const PF_IO_WORKER = 0x10
  try {
    const stat = readFileSync(`/proc/self/task/${thread.split(' ')[0]}/stat`, 'utf8')
    return (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[6]) & PF_IO_WORKER) !== 0
  } catch {
    return false
  }
}

/** Waits until the process has no more threads than before, and no worker of the kernel's. */
export async function expectWorkersGone(before: readonly string[]): Promise<void> {
  const deadline = nowMs() + LEAVE_MS
  const leavers = (all: readonly string[]) => all.filter((thread) => !LIBUV_KEEPS_A_RING || !isKernelsOwn(thread))
  for (;;) {
    const now = leavers(threads())
    const workers = now.filter((thread) => thread.includes('iou-wrk-'))
    if (workers.length === 0 && now.length <= before.length) return
    const extra = now.filter((thread) => !before.includes(thread))
    assert.ok(nowMs() < deadline, `after ${LEAVE_MS} ms there are still ${extra.join(', ')}`)
    await turn()
  }
}
