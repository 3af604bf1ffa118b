/**
 * What /proc tells of this process's threads. Owner threads; no FFI. Counterpart: none, the kernel has task_struct.
 *
 * A thread is gone where the kernel says that there is none of this id, and /proc itself is there to say so. Whatever
 * else goes wrong (no descriptor left, no memory, no permission, no /proc) tells nothing: who is unknown counts as alive.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { isShortage } from '../lib/errno.js'

/** Whether there is no such thread. Takes no descriptor. */
export function isThreadGone(tid: number): boolean {
  try {
    if (statSync(`/proc/self/task/${tid}`, { throwIfNoEntry: false }) !== undefined) return false
  } catch (error) {
    if ((error as { code?: string }).code !== 'ESRCH') return false
  }
  return existsSync('/proc/thread-self/')
}

/** No such thread. */
export const GONE = -1

/** When a thread began, in clock ticks; GONE; 0 where that is not known now. */
export function threadStart(tid: number): number {
  if (tid === 0) return 0
  // The 22nd field.
  const began = statOf(tid)?.[19]
  if (began !== undefined) return Number(began) & 0x7fff_ffff
  return isThreadGone(tid) ? GONE : 0
}

/** Whether the kernel has a thread asleep; undefined where that is not known now. */
export function isThreadAsleep(tid: number): boolean | undefined {
  const state = statOf(tid)?.[0]
  return state === undefined ? undefined : state === 'S' || state === 'D'
}

/** The fields of a thread's `stat` from the third on. */
function statOf(tid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/self/task/${tid}/stat`, 'latin1')
    // The second is a name in brackets, with any characters.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

/** The ids of this process's threads; undefined where /proc does not tell. Throws for want of a descriptor or memory. */
export function threadIds(): Set<string> | undefined {
  try {
    return new Set(readdirSync('/proc/self/task'))
  } catch (error) {
    if (isShortage(error)) throw error
    return undefined
  }
}

/** Whether this process has these threads and no other; takes no descriptor. False where that is not known. */
export function isAll(tids: ReadonlySet<string>): boolean {
  const count = statSync('/proc/self/task', { throwIfNoEntry: false })?.nlink
  // A folder has two links, and one more for each folder in it. Counted first: who is there later was there then.
  if (count === undefined || count - 2 !== tids.size) return false
  return [...tids].every((tid) => !isThreadGone(Number(tid)))
}
