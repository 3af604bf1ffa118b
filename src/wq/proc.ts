/**
 * This process's threads, from /proc. Owner threads; no FFI. Counterpart: none, the kernel has task_struct.
 *
 * A thread is gone if the kernel has none of this id, and /proc itself is there to confirm it. Any other failure (no
 * descriptor left, no memory, no permission, no /proc) proves nothing: an unknown thread counts as alive.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { isShortage } from '../lib/errno.js'

/** Whether there is no such thread. Requires no descriptor. */
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

/** When a thread began, in clock ticks; GONE; 0 if unknown now. */
export function threadStart(tid: number): number {
  if (tid === 0) return 0
  // The 22nd field.
  const began = statOf(tid)?.[19]
  if (began !== undefined) return Number(began) & 0x7fff_ffff
  return isThreadGone(tid) ? GONE : 0
}

/** Whether the kernel has a thread asleep; undefined if unknown now. */
export function isThreadAsleep(tid: number): boolean | undefined {
  const state = statOf(tid)?.[0]
  return state === undefined ? undefined : state === 'S' || state === 'D'
}

/** The fields of a thread's `stat` from the third on. */
function statOf(tid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/self/task/${tid}/stat`, 'latin1')
    // The second field is a name in brackets, with any characters.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

/** The ids of this process's threads; undefined without /proc. Throws for lack of a descriptor or memory. */
export function threadIds(): Set<string> | undefined {
  try {
    return new Set(readdirSync('/proc/self/task'))
  } catch (error) {
    if (isShortage(error)) throw error
    return undefined
  }
}

/**
 * Whether this process has no threads but these, of which some may have ended; requires no descriptor. False if unknown, and
 * if one of them ends meanwhile.
 */
export function hasNoOthers(tids: ReadonlySet<string>): boolean {
  const count = statSync('/proc/self/task', { throwIfNoEntry: false })?.nlink
  if (count === undefined) return false
  // A folder has two links, and one more for each folder in it. They are counted first: whoever is there later was there
  // then, so where the numbers agree nobody else was.
  return count - 2 === [...tids].filter((tid) => !isThreadGone(Number(tid))).length
}
