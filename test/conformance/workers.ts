/**
 * The threads of this process, as /proc tells: the kernel's workers are named iou-wrk-TID, a backend's own are any that
 * were not there before. Main thread of a test file.
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

/** Waits until the process has no more threads than before, and no worker of the kernel's. */
export async function expectWorkersGone(before: readonly string[]): Promise<void> {
  const deadline = nowMs() + LEAVE_MS
  for (;;) {
    const now = threads()
    const workers = now.filter((thread) => thread.includes('iou-wrk-'))
    if (workers.length === 0 && now.length <= before.length) return
    const extra = now.filter((thread) => !before.includes(thread))
    assert.ok(nowMs() < deadline, `after ${LEAVE_MS} ms there are still ${extra.join(', ')}`)
    await turn()
  }
}
